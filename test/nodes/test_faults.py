"""Faults around a node and in it, each produced by real processes."""

from __future__ import annotations

import itertools
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.tracking.detections import Detections
from tools.simulation.walkers import Walkers, WalkerSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

Start = Callable[..., tuple[Any, Any]]

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
READER = """
import rclpy
from strongsort_ros.msg import Track2DArray
rclpy.init()
node = rclpy.create_node('reader')
node.create_subscription(Track2DArray, '{topic}', lambda message: None, 10)
print('reads', flush=True)
rclpy.spin(node)
"""

CAMERA = """
import array, rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, '{topic}', qos_profile_sensor_data)
image = Image(height=1080, width=1920, encoding='bgr8', step=5760)
image.data = array.array('B', bytes(1080 * 5760))
image.header.stamp.sec = 5
while not publisher.get_subscription_count():
    pass
print('sends', flush=True)
while True:
    publisher.publish(image)
"""


def walk(frames: int) -> list[Detections]:
    walkers = Walkers(WalkerSettings(people=6, dimension=0, seed=1))
    return [frame.detections for frame in itertools.islice(walkers, frames)]


def spawn(script: str, topic: str) -> subprocess.Popen[str]:
    """Start a program, and wait until it reports its start."""
    command = [sys.executable, '-c', script.format(topic=topic)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_subscriber_that_never_reads_does_not_block_the_node(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    topic = f'{machine.namespace}/tracks'
    reader = spawn(READER, topic)
    try:
        machine.wait(lambda: machine.node.count_subscribers(topic) == 2, 'the reader')
        machine.handshake()
        reader.send_signal(signal.SIGSTOP)
        for number, detections in enumerate(walk(60)):
            machine.track(START + number * PERIOD, detections)
        assert machine.report()['matched'] == '60'
    finally:
        end(reader)


def test_cameras_killed_while_they_send_do_not_disturb_the_node(start_tracker: Start) -> None:
    machine, process = start_tracker()
    frames = walk(20)
    for number in range(10):
        machine.track(START + number * PERIOD, frames[number])

    def files() -> int:
        return sum(1 for _ in Path(f'/proc/{process.process.pid}/fd').iterdir())

    before = files()
    for delay in (0.0, 0.005, 0.013, 0.05):
        camera = spawn(CAMERA, f'{machine.namespace}/image')
        machine.spin(delay)
        end(camera)
    machine.handshake()  # until then the tracker's queue may be full of the cameras' images
    for number in range(10, 20):
        machine.track(START + number * PERIOD, frames[number])
    assert {track.id for track in machine.tracks[9].tracks} & {
        track.id for track in machine.tracks[-1].tracks
    }
    assert files() <= before + 4
    assert process.process.poll() is None


def test_weights_deleted_after_configuring_are_not_missed(
    start_tracker: Start, data_dir: Path, tmp_path: Path
) -> None:
    weights = tmp_path / 'osnet_x0_25.pth'
    shutil.copy(data_dir / 'reid' / 'osnet_x0_25_msmt17.pth', weights)
    machine, process = start_tracker(weights=str(weights), autostart=False)
    assert machine.change_state('configure')
    weights.unlink()
    assert machine.activate()
    rng = np.random.default_rng(0)
    for number, detections in enumerate(walk(5)):
        pixels = rng.integers(0, 256, (1080, 1920, 3), np.uint8)
        machine.track(START + number * PERIOD, detections, pixels)
    assert machine.tracks[-1].tracks
    # Only the next configure transition needs them, and reports the error.
    assert machine.change_state('deactivate')
    assert machine.change_state('cleanup')
    assert not machine.change_state('configure')
    assert str(weights) in process.text()


def test_configure_fails_if_the_checksum_differs(start_tracker: Start, data_dir: Path) -> None:
    weights = str(data_dir / 'reid' / 'osnet_x0_25_msmt17.pth')
    machine, process = start_tracker(weights=weights, weights_sha256='0' * 64, autostart=False)
    assert not machine.change_state('configure')
    assert 'SHA-256' in process.text()
    assert machine.set_parameters(weights='none') == []
    assert machine.change_state('configure')


def test_images_without_texture_have_no_camera_motion_but_are_tracked(start_tracker: Start) -> None:
    machine, _ = start_tracker(camera_motion='ecc')
    for number, detections in enumerate(walk(40)):
        pixels = np.full((96, 128, 3), number, np.uint8)
        assert machine.track(START + number * PERIOD, detections, pixels).camera_motion_score == 0
    assert machine.tracks[-1].tracks
    report = machine.report()
    assert int(report['camera_motion_failures']) >= 39
    assert report['matched'] == '40'


def crowd(people: int) -> Detections:
    """Return detections of people side by side, each a few pixels wide."""
    rows = np.arange(people)
    boxes = [5.0 * rows, 40.0 * (rows % 20), 4.0 + 0 * rows, 12.0 + 0 * rows]
    return Detections(np.stack(boxes, axis=1), np.full(people, 0.9), np.full(people, 'person'))


def test_a_frame_that_fails_is_counted_and_the_next_is_tracked(start_tracker: Start) -> None:
    """The process runs out of memory while it allocates the tables of a crowd."""
    machine, process = start_tracker(max_backlog=10.0)
    people = 1200
    machine.track(START, crowd(people))
    pid = process.process.pid
    status = Path(f'/proc/{pid}/status').read_text()
    size = 1024 * int(re.search(r'VmSize:\s+(\d+)', status)[1])  # type: ignore[index]
    everything = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (size + (4 << 20), everything[1]))
    try:
        machine.send(START + PERIOD, crowd(people))
        machine.wait(lambda: 'MemoryError' in process.text(), 'the failure')
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, everything)
    machine.track(START + 2 * PERIOD, crowd(people))
    assert machine.stamps() == [START, START + 2 * PERIOD]
    report = machine.report()
    assert report['rejected_failed_frame'] == '1'
    assert report['matched'] == '3'
    text = process.text()
    assert 'frame failed: Traceback' in text
    assert text.count('Traceback') == 1


def test_two_nodes_with_one_name_are_reported(start_tracker: Start) -> None:
    machine, _ = start_tracker(namespace='/twins')
    _, second = start_tracker(namespace='/twins')

    def told() -> bool:
        return 'another node has the same name' in machine.report()['message']

    machine.wait(told, 'the warning')
    second.stop()
    machine.wait(lambda: not told(), 'the end of the warning')


def test_messages_without_a_subscriber_are_not_written(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    frames = walk(4)
    machine.track(START, frames[0])
    before = machine.report()
    assert int(before['published_tracks']) == 1
    for subscription in list(machine.node.subscriptions):
        if subscription.topic_name.endswith(('/tracks', '/tracked_detections')):
            machine.node.destroy_subscription(subscription)
    machine.spin(1.0)  # until the node has discovered that the subscriber is gone
    # One at a time: a busy machine may lose messages of a burst.
    for number in range(1, 4):
        machine.send(START + number * PERIOD, frames[number])
        machine.wait(
            lambda number=number: int(machine.report()['matched']) == 1 + number, 'the frame'
        )
    after = machine.report()
    for topic in ('tracks', 'tracked_detections', 'debug_image'):
        name = f'published_{topic}'
        assert after.get(name, '0') == before.get(name, '0')


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('wait', [0.0, 0.3, 1.0])
def test_a_signal_ends_the_node_while_it_loads_weights(
    start_tracker: Start, data_dir: Path, how: signal.Signals, wait: float
) -> None:
    weights = str(data_dir / 'reid' / 'osnet_x0_25_msmt17.pth')
    machine, process = start_tracker(weights=weights, autostart=False)
    machine.state()
    machine.ask_for('configure')
    machine.spin(wait)
    # The second status occurs if a library does not return to Python in time.
    assert process.stop(how) in (0, 128 + how)
    assert 'Traceback' not in process.text()


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_under_load(start_tracker: Start, how: signal.Signals) -> None:
    machine, process = start_tracker(weights='', camera_motion='ecc')
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1080, 1920, 3), np.uint8)
    for number, detections in enumerate(walk(15)):
        machine.send(START + number * PERIOD, detections, pixels)
    assert process.stop(how) == 0
    assert 'Traceback' not in process.text()
