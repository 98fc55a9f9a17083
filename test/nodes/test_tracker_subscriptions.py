"""Messages that are late, missing, duplicated, out of order, unpaired or invalid."""

from __future__ import annotations

import array
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.tracking.detections import Detections
from test.nodes.bad_messages import huge_png
from tools.simulation.walkers import Walkers, WalkerSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
Start = Callable[..., tuple[Any, Any]]


def walk(frames: int) -> list[Detections]:
    walkers = Walkers(WalkerSettings(people=6, dimension=0, seed=1))
    return [frame.detections for frame in itertools.islice(walkers, frames)]


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def counts(machine: Any) -> dict[str, int]:
    """Return the counters of the next report."""
    return {key: int(text) for key, text in machine.report().items() if text.isdecimal()}


def test_every_kind_of_disorder_is_counted_and_tracking_continues(start_tracker: Start) -> None:
    machine, _ = start_tracker(sync_deadline=0.3)
    frames = walk(40)
    for frame in range(5):
        machine.track(stamp(frame), frames[frame])

    machine.send_detections(stamp(5), frames[5])  # its image is missing
    machine.wait(lambda: len(machine.tracks) == 6, 'tracks without image')
    machine.send_image(stamp(5))  # late
    machine.send(stamp(6), frames[6])
    machine.send(stamp(6), frames[6])  # twice
    machine.wait(lambda: len(machine.tracks) == 7, 'tracks')

    machine.send_detections(stamp(7), frames[7])  # detections first, then the image
    machine.spin(0.1)
    machine.send_image(stamp(7))
    machine.wait(lambda: len(machine.tracks) == 8, 'tracks')

    machine.track(stamp(9), frames[9])
    machine.send(stamp(8), frames[8])  # overtaken
    machine.track(stamp(10), frames[10])

    machine.send_image(stamp(11))  # an image that the detector skipped
    machine.track(stamp(12), frames[12])

    machine.send_image(stamp(13) + 1)  # stamps that differ by a nanosecond
    machine.send_detections(stamp(13), frames[13])
    machine.wait(lambda: len(machine.tracks) == 12, 'tracks')

    machine.send_image(stamp(14))
    machine.send_detections(stamp(14), frames[14], frame_id='another camera')
    machine.wait(lambda: len(machine.tracks) == 13, 'tracks')
    assert machine.tracks[-1].header.frame_id == 'another camera'

    expected = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 14]
    assert machine.stamps() == [stamp(frame) for frame in expected]
    assert machine.tracks[-1].tracks
    seen = counts(machine)
    assert seen['without_image'] == 2
    assert seen['late_images'] == 1
    assert seen['duplicate_images'] == 1
    assert seen['duplicate_detections'] == 1
    assert seen['late_detections'] == 1
    assert seen['unused_images'] >= 1
    assert seen['frame_id_differs'] == 1
    assert 'restarts' not in seen


def test_missing_images_are_reported(start_tracker: Start) -> None:
    machine, process = start_tracker(sync_deadline=0.05)
    frames = walk(20)
    for frame, detections in enumerate(frames):
        machine.send_detections(stamp(frame), detections)
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
    assert machine.tracks[-1].tracks

    def reported(words: str) -> bool:
        machine.send_detections(stamp(len(machine.tracks)), Detections.empty())
        machine.spin(0.2)
        return words in process.text()

    machine.wait(lambda: reported('but no images'), 'the warning')
    report = machine.report()
    assert report['level'] == '1'
    assert 'fastdds.xml' in report['message']


def test_two_detectors_on_one_topic_are_tracked_together(start_tracker: Start) -> None:
    machine, process = start_tracker()
    frames = walk(12)
    cars = Detections(np.array([[1500.0, 800, 200, 100]]), np.array([0.9]), np.array(['car']))
    for frame, people in enumerate(frames):
        machine.send_image(stamp(frame))
        machine.send_detections(stamp(frame), people)
        machine.send_detections(stamp(frame), cars)
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
        machine.spin(0.02)
    last = machine.tracks[-1]
    assert {track.class_id for track in last.tracks} == {'person', 'car'}
    (car,) = (track for track in last.tracks if track.class_id == 'car')
    assert car.detection_index == len(frames[-1])
    assert machine.stamps() == [stamp(frame) for frame in range(12)]
    seen = counts(machine)
    assert seen['merged_detections'] + seen.get('unmerged_detections', 0) == 12
    assert seen['merged_detections'] >= 8
    assert 'duplicate_detections' not in seen
    assert 'Traceback' not in process.text()


def test_a_detector_slower_than_the_buffer_is_reported_with_advice(
    start_tracker: Start,
) -> None:
    machine, process = start_tracker(buffer_time=0.3, sync_deadline=10.0)
    frames = walk(20)
    number = itertools.count()

    def told() -> bool:
        frame = next(number)
        machine.send_image(stamp(frame))
        machine.spin(0.05)
        if frame >= 10:
            answers = len(machine.tracks)
            machine.send_detections(stamp(frame - 10), frames[frame % 20])
            machine.wait(lambda: len(machine.tracks) > answers, 'tracks, without a wait')
        return 'raise buffer_time' in process.text()

    machine.wait(told, 'the advice')
    report = machine.report()
    assert 'stamps are never equal' not in process.text()
    assert int(report['expired_images']) == int(report['without_image']) > 0
    assert not [track.camera_motion_score for track in machine.tracks if track.camera_motion_score]


def test_only_the_chosen_classes_are_tracked(start_tracker: Start) -> None:
    machine, _ = start_tracker(classes='car, bus')
    both = Detections(
        np.array([[100.0, 100, 40, 100], [500, 800, 200, 100]]),
        np.full(2, 0.9),
        np.array(['person', 'car']),
    )
    for frame in range(5):
        tracks = machine.track(stamp(frame), both).tracks
    assert [(track.class_id, track.detection_index) for track in tracks] == [('car', 1)]
    assert machine.set_parameters(classes='') == []
    for frame in range(5, 10):
        tracks = machine.track(stamp(frame), both).tracks
    assert {track.class_id for track in tracks} == {'person', 'car'}


def test_rounded_stamps_are_paired_within_the_tolerance(start_tracker: Start) -> None:
    machine, _ = start_tracker(sync_tolerance=0.001, sync_deadline=5.0)
    for frame, detections in enumerate(walk(6)):
        machine.send_image(stamp(frame))
        machine.send_detections(round(stamp(frame), -6), detections)
        machine.send_image(stamp(frame) + PERIOD // 2)
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
    assert machine.stamps() == [round(stamp(frame), -6) for frame in range(6)]
    assert counts(machine)['matched'] == 6


def test_a_looped_bag_resets_the_tracker_once_per_loop(start_tracker: Start) -> None:
    machine, process = start_tracker()
    frames = walk(12)
    rounds = []
    for _ in range(3):
        ids = [
            {t.id for t in machine.track(stamp(n), frame).tracks} for n, frame in enumerate(frames)
        ]
        rounds.append(set().union(*ids))
    assert machine.stamps() == [stamp(n) for n in range(12)] * 3
    assert [len(ids) for ids in rounds] == [len(rounds[0])] * 3
    assert not rounds[0] & rounds[1]
    assert not rounds[1] & rounds[2]
    assert process.text().count('stamps jumped back') == 2
    assert counts(machine)['restarts'] == 2


def test_zero_stamps_cause_one_warning_and_are_tracked(start_tracker: Start) -> None:
    machine, process = start_tracker()
    for number, detections in enumerate(walk(6)):
        machine.send(0, detections)
        machine.wait(lambda n=number: len(machine.tracks) == n + 1, 'tracks')
    assert machine.tracks[-1].tracks
    assert machine.stamps() == [0] * 6
    assert process.text().count('detections: messages have no stamp') == 1
    assert process.text().count('image: messages have no stamp') == 1


BAD_IMAGES = {
    'empty_image': {'height': 0, 'data': array.array('B')},
    'wrong_step': {'step': 3},
    'short_image': {'data': array.array('B', bytes(100))},
    'unknown_encoding': {'encoding': '32FC1'},
}


def test_bad_images_are_counted_and_tracked_by_motion(start_tracker: Start) -> None:
    machine, process = start_tracker()
    frames = walk(20)
    for frame in range(5):
        machine.track(stamp(frame), frames[frame])
    for frame, fields in enumerate(BAD_IMAGES.values(), 5):
        machine.send_image(stamp(frame), **fields)
        machine.send_detections(stamp(frame), frames[frame])
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
    rest = {'rgb8': 3, 'bgra8': 4, 'rgba8': 4, 'mono8': 1, 'bayer_rggb8': 1, 'yuv422': 2}
    for encoding, channels in rest.items():
        frame = len(machine.tracks)
        pixels = array.array('B', bytes(24 * (32 * channels + 8)))
        machine.send_image(stamp(frame), encoding=encoding, step=32 * channels + 8, data=pixels)
        machine.send_detections(stamp(frame), frames[frame])
        machine.wait(lambda n=frame: len(machine.tracks) == n + 1, 'tracks')
    assert machine.tracks[-1].tracks
    seen = counts(machine)
    for reason in BAD_IMAGES:
        assert seen[f'rejected_{reason}'] == 1
    assert sum(n for key, n in seen.items() if key.startswith('rejected_')) == 4
    assert 'tracked by motion alone' in process.text()


def test_bytes_that_are_not_a_message_do_not_end_the_node(start_tracker: Start) -> None:
    from rclpy.serialization import serialize_message
    from sensor_msgs.msg import Image

    machine, process = start_tracker()
    frames = walk(10)
    machine.track(stamp(0), frames[0])
    rng = np.random.default_rng(0)
    good = serialize_message(Image(height=2, width=2, encoding='bgr8', step=6))
    start = b'\0\1\0\0'
    for garbage in (start, start + rng.bytes(40), good[:30], start + b'\xff' * 64):
        machine.images.publish(garbage)
        machine.detections.publish(garbage)
        machine.spin(0.02)
    machine.track(stamp(1), frames[1])
    seen = counts(machine)
    assert seen['malformed_image'] + seen['malformed_detections'] >= 2
    assert process.process.poll() is None


def test_bad_boxes_are_counted_and_the_rest_is_tracked(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    for frame, detections in enumerate(walk(8)):
        n = len(detections)
        tlwh = np.concatenate([detections.tlwh, [[np.nan, 1, 2, 3], [5, 5, -3, 4]]])
        scores = np.concatenate([detections.scores, [0.9, 0.9]])
        bad = Detections(tlwh, scores, np.full(n + 2, 'person'))
        machine.track(stamp(frame), bad)
    assert machine.tracks[-1].tracks
    seen = counts(machine)
    assert seen['rejected_box_not_finite'] == 8
    assert seen['rejected_box_empty'] == 8


def test_a_small_file_of_a_huge_image_is_refused_before_decoding(
    start_tracker: Start,
) -> None:
    machine, process = start_tracker(image_transport='compressed', **{'limits.image_size': 50.0})
    frames = walk(6)
    for frame in range(5):
        machine.track(stamp(frame), frames[frame])
    statm = Path(f'/proc/{process.process.pid}/statm')
    before = int(statm.read_text().split()[0])
    side = 11_000
    bomb = huge_png(side, bytes(side * (side + 1)))
    machine.send_image(stamp(5), data=array.array('B', bomb))
    machine.send_detections(stamp(5), frames[5])
    machine.wait(lambda: len(machine.tracks) == 6, 'tracks')
    assert counts(machine)['rejected_image_too_large'] == 1
    assert (int(statm.read_text().split()[0]) - before) * os.sysconf('SC_PAGE_SIZE') < side**2
