"""A bag played over DDS to a tracker in another process."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from strongsort_ros.bags.camera import find_camera_topics
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.online.config import TrackerNodeConfig
from strongsort_ros.replay.replay import replay
from strongsort_ros.replay.settings import ReplayerSettings
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_any_reader
from tools.simulation.scene import Scene, SceneSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PERIOD = 1_000_000_000 // 30
FRAMES = range(1, 13)


def write_bag(path: Path, without_image: tuple[int, ...] = ()) -> Path:
    """Write a bag of a person who walks to the right; frame n has the stamp n / 30 s."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    with BagWriter(path) as bag:
        for frame in FRAMES:
            if frame not in without_image:
                bag.write_image(frame * PERIOD, pixels)
            box = np.array([[8.0 + frame, 10.0, 12.0, 30.0]])
            seen = Detections(box, np.array([0.9]), np.array(['person']))
            bag.write_detections(frame * PERIOD, seen)
    return path


def write_scene(path: Path) -> Path:
    """Write a simulated scene with a shaking camera: 20 frames, no 5th image, a damaged 9th."""
    scene = Scene(SceneSettings(width=320, height=180, frames=20, frame_rate=30, people=5, seed=3))
    with BagWriter(path) as bag:
        for number, frame in enumerate(scene, 1):
            jpeg = cv2.imencode('.jpg', frame.image)[1].tobytes()
            if number != 5:
                stamp = number * PERIOD
                bag.write_compressed(stamp, jpeg if number != 9 else b'no image', '.jpg')
            bag.write_detections(number * PERIOD, frame.detections)
    return path


def contents(path: Path) -> list[tuple[str, int, bytes]]:
    with open_any_reader(path) as reader:
        return [(c.topic, time, bytes(data)) for c, time, data in reader.messages()]


@pytest.fixture
def make_client(ros_context: Any) -> Iterator[Callable[..., Any]]:
    from rclpy import create_node

    from strongsort_ros.nodes.client import Client

    made: list[Any] = []

    def make(namespace: str, **options: Any) -> Any:
        made.append(
            Client(create_node('replayer', context=ros_context, namespace=namespace), **options)
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


def play(client: Any, bag: Path, recording: Path, **options: Any) -> Any:
    """Bring the tracker up, and play a bag to it."""
    from strongsort_ros.nodes.player import Player

    with open_bag(bag) as reader, BagWriter(recording) as writer:
        player = Player(client, find_camera_topics(reader), writer, ReplayerSettings(**options))
        player.bring_up()
        return player.play(reader)


def test_every_frame_is_tracked_and_a_second_run_gives_the_same(
    start_tracker: Any, make_client: Any, tmp_path: Path
) -> None:
    bag = write_bag(tmp_path / 'bag', without_image=(5,))
    machine, _ = start_tracker(autostart=False)
    for name in ('one', 'other'):
        played = play(make_client(machine.namespace), bag, tmp_path / name)
        assert (len(played.stamps), played.tracked) == (12, 12)
        assert len(played.round_trips) == 12
        assert (played.round_trips > 0).all()
        assert played.stamps.tolist() == [n * PERIOD for n in FRAMES]
    assert played.diagnostics['without_image'] == '1'
    recorded = contents(tmp_path / 'one')
    names = [f'{machine.namespace}/{name}' for name in ('tracks', 'tracked_detections')]
    assert [(topic, time) for topic, time, _ in recorded] == [
        (name, frame * PERIOD) for frame in FRAMES for name in names
    ]
    assert set(read_tracks(tmp_path / 'one', names[0]).ids) == {1}
    # The tracker deletes its tracks and never reuses an id.
    assert set(read_tracks(tmp_path / 'other', names[0]).ids) == {2}


def test_an_offline_replay_gives_the_same_messages(
    start_tracker: Any, make_client: Any, tmp_path: Path
) -> None:
    """Byte for byte, with camera motion, a missing image and a broken one."""
    bag = write_scene(tmp_path / 'bag')
    machine, _ = start_tracker(
        autostart=False, weights='', camera_motion='ecc', image_transport='compressed'
    )
    play(make_client(machine.namespace), bag, tmp_path / 'live')
    replay(bag, tmp_path / 'replay', TrackerNodeConfig())
    live = [(t.rsplit('/', 1)[1], time, data) for t, time, data in contents(tmp_path / 'live')]
    # DDS pads messages to a multiple of four bytes.
    ours = [
        (topic.strip('/'), time, data + bytes(-len(data) % 4))
        for topic, time, data in contents(tmp_path / 'replay')
    ]
    assert len(ours) == 2 * 20
    assert sum(len(data) for _, _, data in ours) > 20_000
    assert ours == live


def test_in_real_time_with_a_clock(start_tracker: Any, make_client: Any, tmp_path: Path) -> None:
    from rosgraph_msgs.msg import Clock

    bag = write_bag(tmp_path / 'bag')
    machine, _ = start_tracker(autostart=False)
    client = make_client(machine.namespace)
    times: list[int] = []
    client.node.create_subscription(
        Clock, '/clock', lambda m: times.append(m.clock.sec * 10**9 + m.clock.nanosec), 100
    )
    played = play(client, bag, tmp_path / 'one', realtime=True, rate=2.0, clock=True)
    assert played.tracked  # at least the first; a busy machine may drop others
    assert contents(tmp_path / 'one')[0][1] == PERIOD
    assert len(played.stamps) == 12
    assert played.seconds >= 10 / 30 / 2
    assert times
    assert set(times) <= {frame * PERIOD for frame in FRAMES}


def test_an_active_tracker_is_reconfigured_for_a_bag_without_images(
    start_tracker: Any, make_client: Any, tmp_path: Path
) -> None:
    bag = write_bag(tmp_path / 'bag', without_image=tuple(FRAMES))
    machine, _ = start_tracker(autostart=True)
    played = play(make_client(machine.namespace), bag, tmp_path / 'one')
    assert played.tracked == 12
    assert played.diagnostics['without_image'] == '12'


def test_a_tracker_that_is_deactivated_or_dies_is_an_error(
    start_tracker: Any, make_client: Any, tmp_path: Path
) -> None:
    from strongsort_ros.nodes.client import NodeError
    from strongsort_ros.nodes.player import Player

    bag = write_bag(tmp_path / 'bag')
    machine, process = start_tracker(autostart=False)

    def play_with(fault: Callable[[], object]) -> None:
        client = make_client(machine.namespace)
        with open_bag(bag) as reader, BagWriter(tmp_path / 'one') as writer:
            topics = find_camera_topics(reader)
            player = Player(client, topics, writer, ReplayerSettings(response_timeout=1.0))
            player.bring_up()
            player.play(reader, lambda done, _total: done == 4 and fault())

    with pytest.raises(NodeError, match='not active any more'):
        play_with(lambda: machine.change_state('deactivate'))
    with pytest.raises(NodeError, match='get_state'):
        play_with(lambda: process.stop(signal.SIGKILL))
    assert not (tmp_path / 'one').exists()


def test_a_frame_that_was_lost_is_sent_again(
    start_tracker: Any, make_client: Any, tmp_path: Path
) -> None:
    """The image of frame 5 comes before frame 4 is tracked, and the tracker is then reset."""
    from strongsort_ros.nodes.player import Player

    bag = tmp_path / 'bag'
    types = {'/image': 'sensor_msgs/msg/Image', '/detections': 'vision_msgs/msg/Detection2DArray'}
    early = [
        (time - 1.5 * PERIOD * ((topic, time) == ('/image', 5 * PERIOD)), topic, message)
        for topic, time, message in contents(write_bag(tmp_path / 'in_order'))
    ]
    with BagWriter(bag) as writer:
        for time, topic, message in sorted(early):
            writer.write_serialized(topic, types[topic], int(time), message)
    machine, _ = start_tracker(autostart=False)

    def reconnect(done: int, _total: int) -> None:
        if done == 4:
            assert machine.change_state('deactivate')
            assert machine.change_state('activate')

    with open_bag(bag) as reader, BagWriter(tmp_path / 'one') as writer:
        player = Player(
            make_client(machine.namespace), find_camera_topics(reader), writer, ReplayerSettings()
        )
        player.bring_up()
        played = player.play(reader, reconnect)
    assert played.tracked == 12
    assert 'without_image' not in played.diagnostics


def test_a_missing_tracker_is_an_error(make_client: Any, tmp_path: Path) -> None:
    from strongsort_ros.nodes.client import NodeError

    bag = write_bag(tmp_path / 'bag')
    client = make_client('/nowhere')
    with pytest.raises(NodeError, match='is not available'):
        play(client, bag, tmp_path / 'one', startup_timeout=0.5)
