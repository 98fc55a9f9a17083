"""The tracker node as a process: images and detections in, tracks out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from strongsort_ros.online.frame_clock import FrameClock
from strongsort_ros.pipeline import Pipeline
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from tools.simulation.walkers import Walkers, WalkerSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
Start = Callable[..., tuple[Any, Any]]


def walk(frames: int, people: int = 6, seed: int = 1) -> list[Detections]:
    walkers = Walkers(WalkerSettings(people=people, dimension=0, seed=seed))
    return [frame.detections for frame in itertools.islice(walkers, frames)]


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def stamp_of(header: Any) -> int:
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def test_the_node_publishes_the_tracks_of_the_pipeline(start_tracker: Start) -> None:
    machine, _ = start_tracker(publish_tentative=True)
    pipeline, clock = Pipeline(TrackerSettings()), FrameClock()
    frames = walk(40)
    del frames[20:23]  # dropped
    numbers = [n for n in range(40) if not 20 <= n < 23]
    for number, detections in zip(numbers, frames, strict=True):
        said = machine.track(stamp(number), detections)
        dt = clock.advance(stamp(number)).frames
        pipeline.step(detections, dt=dt, stamp=stamp(number))
        expected = pipeline.tracker.tracks
        assert stamp_of(said.header) == stamp(number)
        assert said.header.frame_id == 'camera'
        assert [t.id for t in said.tracks] == expected.ids.tolist()
        assert [t.state for t in said.tracks] == expected.states.tolist()
        assert [t.class_id for t in said.tracks] == expected.class_ids.tolist()
        assert [t.detection_index for t in said.tracks] == expected.detection_index.tolist()
        assert [t.reported for t in said.tracks] == expected.reported.tolist()
        assert [t.age for t in said.tracks] == expected.age.tolist()
        assert [t.hits for t in said.tracks] == expected.hits.tolist()
        assert [t.time_since_update for t in said.tracks] == expected.time_since_update.tolist()
        born = [t.first_seen.sec * 10**9 + t.first_seen.nanosec for t in said.tracks]
        assert born == expected.first_seen.tolist()
        centres = [(t.bbox.center.position.x, t.bbox.center.position.y) for t in said.tracks]
        np.testing.assert_allclose(np.reshape(centres, (-1, 2)), expected.mean[:, :2])
        sizes = np.reshape([(t.bbox.size_x, t.bbox.size_y) for t in said.tracks], (-1, 2))
        np.testing.assert_allclose(sizes, expected.tlwh[:, 2:])
        velocities = np.reshape([(t.velocity.x, t.velocity.y) for t in said.tracks], (-1, 2))
        np.testing.assert_allclose(velocities, expected.mean[:, 4:6] * clock.rate)
        for track, variance in zip(said.tracks, expected.variance, strict=True):
            covariance = np.reshape(track.bbox_covariance, (4, 4))
            np.testing.assert_allclose(covariance, np.diag(variance[:4]))
    assert machine.stamps() == [stamp(number) for number in numbers]
    assert {track.state for m in machine.tracks for track in m.tracks} == {0, 1, 2}


def test_the_states_to_publish_can_be_chosen(start_tracker: Start) -> None:
    machine, _ = start_tracker(publish_lost=False)
    frames = walk(30)
    for frame, detections in enumerate(frames):
        machine.track(stamp(frame), detections)
    machine.wait(lambda: len(machine.tracked) == 30, 'tracked detections')
    for tracks, tracked in zip(machine.tracks, machine.tracked, strict=True):
        assert {track.state for track in tracks.tracks} <= {CONFIRMED}
        assert stamp_of(tracked.header) == stamp_of(tracks.header)
        assert [d.id for d in tracked.detections] == [str(t.id) for t in tracks.tracks]
        for detection, track in zip(tracked.detections, tracks.tracks, strict=True):
            assert detection.bbox == track.bbox
            assert detection.results[0].hypothesis.class_id == track.class_id
            assert detection.results[0].hypothesis.score == pytest.approx(track.score)
    assert machine.set_parameters(publish_lost=True, publish_tentative=True) == []
    machine.track(stamp(30), walk(1, seed=2)[0])
    last = machine.track(stamp(31), Detections.empty())
    states = {track.state for m in machine.tracks[-2:] for track in m.tracks}
    assert LOST in states
    assert TENTATIVE in states
    assert last.tracks
    machine.wait(lambda: len(machine.tracked) == 32, 'tracked detections')
    assert machine.tracked[-1].detections == []


def test_an_empty_array_is_a_frame(start_tracker: Start) -> None:
    machine, _ = start_tracker(max_age=3, max_lost_time=0.0)
    frames = walk(5)
    for frame, detections in enumerate(frames):
        machine.track(stamp(frame), detections)
    sizes = []
    for frame in range(5, 10):
        tracks = machine.track(stamp(frame), Detections.empty()).tracks
        assert all(t.state == LOST and t.time_since_update == frame - 4 for t in tracks)
        sizes.append(len(tracks))
    assert sizes[0] > 0
    assert sizes[-1] == 0


def test_image_transport_none_does_not_wait_for_images(start_tracker: Start) -> None:
    machine, _ = start_tracker(image_transport='none', sync_deadline=30.0)
    for frame, detections in enumerate(walk(5)):
        machine.send_detections(stamp(frame), detections)
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
    assert machine.tracks[-1].tracks
    assert 'images' not in machine.report()['message']


def test_reset_deletes_tracks_and_never_reuses_ids(start_tracker: Start) -> None:
    from std_srvs.srv import Trigger

    machine, _ = start_tracker()
    frames = walk(20)
    for frame in range(10):
        before = machine.track(stamp(frame), frames[frame]).tracks
    answer = machine.call(Trigger, 'reset', Trigger.Request())
    assert answer.success
    assert machine.track(stamp(10), frames[10]).tracks == []
    for frame in range(11, 20):
        after = machine.track(stamp(frame), frames[frame]).tracks
    assert after
    assert min(t.id for t in after) > max(t.id for t in before)


def test_changed_settings_apply_from_the_next_frame(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    frames = walk(12)
    for frame in range(10):
        tracks = machine.track(stamp(frame), frames[frame]).tracks
    assert any(t.detection_index >= 0 for t in tracks)
    assert machine.set_parameters(min_confidence=1.0, low_confidence=1.0) == []
    tracks = machine.track(stamp(10), frames[10]).tracks
    assert tracks
    assert all(t.detection_index == -1 for t in tracks)
    assert machine.set_parameters(min_confidence=0.5, max_cosine_distance=0.2) == []
    assert machine.set_parameters(max_cosine_distance='auto') == []
    tracks = machine.track(stamp(11), frames[11]).tracks
    assert any(t.detection_index >= 0 for t in tracks)


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_the_debug_image_shows_the_input_and_its_tracks(
    start_tracker: Start, transport: str
) -> None:
    from sensor_msgs.msg import Image

    machine, process = start_tracker(image_transport=transport)
    shown: list[Any] = []
    pixels = np.full((1080, 1920, 3), 77, np.uint8)
    frames = walk(6)
    for frame in range(3):
        machine.track(stamp(frame), frames[frame], pixels)
    machine.node.create_subscription(Image, 'tracker/debug_image', shown.append, 10)
    machine.wait(lambda: machine.node.count_publishers(f'{machine.namespace}/tracker/debug_image'))
    machine.handshake()
    for frame in range(3, 6):
        machine.track(stamp(frame), frames[frame], pixels)
    machine.wait(lambda: shown, 'debug image')
    picture = np.frombuffer(shown[-1].data, np.uint8).reshape(1080, 1920, 3)
    grey = np.all(np.abs(picture.astype(int) - 77) <= 1, axis=2)
    assert 0.5 < grey.mean() < 1
    assert stamp_of(shown[-1].header) in machine.stamps()
    assert machine.report()['matched'] == '6', process.text()


def test_topics_can_be_remapped_and_their_qos_overridden(start_tracker: Start) -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
    from sensor_msgs.msg import Image
    from vision_msgs.msg import Detection2DArray

    extra = ['-r', 'detections:=yolo/detections']
    extra += ['-p', 'qos_overrides./a/image.subscription.reliability:=reliable']
    extra += ['-p', 'qos_overrides./a/tracks.publisher.durability:=transient_local']
    machine, _ = start_tracker(extra, namespace='/a', autostart=False)
    machine.change_state('configure')
    machine.node.destroy_publisher(machine.detections)
    machine.detections = machine.node.create_publisher(Detection2DArray, 'yolo/detections', 10)
    machine.node.destroy_publisher(machine.images)
    machine.images = machine.node.create_publisher(Image, 'image', 10)
    assert machine.activate()
    machine.track(stamp(0), walk(1)[0])
    (image,) = machine.node.get_subscriptions_info_by_topic('/a/image')
    assert image.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    (detections,) = machine.node.get_subscriptions_info_by_topic('/a/yolo/detections')
    assert detections.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    (tracks,) = machine.node.get_publishers_info_by_topic('/a/tracks')
    assert tracks.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_appearance_and_camera_motion_are_computed_from_the_images(start_tracker: Start) -> None:
    machine, process = start_tracker(weights='', camera_motion='ecc')
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 255, (60, 90, 3), np.uint8), (900, 600))
    frames = walk(6)
    for frame, detections in enumerate(frames):
        # The camera turns to the right, so the image content moves left by 6 pixels per frame.
        pixels = np.ascontiguousarray(scene[:480, 6 * frame : 6 * frame + 640])
        tracks = machine.track(stamp(frame), detections, pixels)
    motion = np.reshape(tracks.camera_motion, (3, 3))
    assert tracks.camera_motion_score > 0.5
    np.testing.assert_allclose(motion, [[1, 0, -6], [0, 1, 0], [0, 0, 1]], atol=0.3)
    assert 'no ReID weights' in process.text()
    report = machine.report()
    assert report['weights'] not in ('none', '')
    assert 'latency_embedding_p50_ms' in report
    assert 'latency_camera_motion_p50_ms' in report
