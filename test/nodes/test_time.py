"""Irregular time in the node: the rows of the table of irregular input in docs/node.md."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from strongsort_ros.tracking.detections import Detections

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

Start = Callable[..., tuple[Any, Any]]

SECOND = 1_000_000_000
PERIOD = SECOND // 30
START = 1000 * SECOND


def walk(every: int = 1, first: int = 0) -> Iterator[Detections]:
    """Yield the detections of six people who walk side by side, in each `every`-th frame."""
    rows = np.arange(6)
    for frame in itertools.count(first, every):
        left = 400 + (40 + 60 * rows) * np.where(rows % 2, 1, -1) * frame * PERIOD / SECOND
        tlwh = np.stack([left, 160.0 * rows, 60 + 0.0 * rows, 150 + 0.0 * rows], axis=1)
        yield Detections(tlwh, np.full(6, 0.9), np.full(6, 'person'))


def ids(tracks: Any) -> set[int]:
    return {track.id for track in tracks.tracks if track.detection_index >= 0}


def follow(machine: Any, seen: Iterator[Detections], stamps: Iterator[int]) -> list[Any]:
    """Send frames in step; return their tracks."""
    return [machine.track(stamp, next(seen)) for stamp in stamps]


def count(machine: Any, name: str) -> int:
    return int(machine.report().get(name, 0))


def test_pauses_and_jumps_of_simulated_time_do_not_change_tracks(start_tracker: Start) -> None:
    from rosgraph_msgs.msg import Clock

    machine, _ = start_tracker(use_sim_time=True, sync_deadline=0.1)
    clock = machine.node.create_publisher(Clock, '/clock', 10)
    machine.wait(clock.get_subscription_count, 'the subscription of /clock')
    seen = walk()
    found = []
    # Simulated time runs, stops, jumps ahead and back; stamps continue.
    for number, now in enumerate([5.0, 5.1, 5.1, 5.1, 900.0, 900.1, 2.0, 2.1]):
        message = Clock()
        message.clock.sec, message.clock.nanosec = int(now), round(now % 1 * SECOND)
        clock.publish(message)
        found.append(machine.track(START + number * PERIOD, next(seen)))
    assert ids(found[3]) == ids(found[-1]) != set()
    # The deadline for images uses wall time, so it passes while simulated time stands still.
    machine.send_detections(START + 8 * PERIOD, next(seen))
    machine.wait(lambda: len(machine.tracks) == 9, 'tracks without an image')
    assert ids(machine.tracks[-1]) == ids(found[-1])
    # Reports are published once a second of wall time, with stamps of simulated time.
    machine.report()
    assert machine.diagnostics[-1].header.stamp.sec == 2


def test_tracks_continue_after_a_pause_of_the_source(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    seen = walk()
    before = follow(machine, seen, range(START, START + 20 * PERIOD, PERIOD))
    machine.spin(1.5)  # as when a bag is paused: no messages, then the stamps continue
    after = follow(machine, seen, range(START + 20 * PERIOD, START + 25 * PERIOD, PERIOD))
    assert ids(before[-1]) == ids(after[0]) == ids(after[-1]) != set()
    assert count(machine, 'restarts') == 0


def test_time_that_jumps_ahead_ends_tracks_and_starts_new_ones(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    seen = walk()
    before = follow(machine, seen, range(START, START + 20 * PERIOD, PERIOD))
    later = START + 3600 * SECOND
    after = follow(machine, seen, range(later, later + 20 * PERIOD, PERIOD))
    assert len(ids(before[-1])) == len(ids(after[-1])) > 0
    assert not ids(before[-1]) & ids(after[-1])
    assert all(abs(value) < 1e6 for track in after[-1].tracks for value in track.bbox_covariance)


def test_a_jump_back_of_time_deletes_the_tracks_once(start_tracker: Start) -> None:
    machine, process = start_tracker()
    seen = walk()
    before = follow(machine, seen, range(START, START + 20 * PERIOD, PERIOD))
    early = START - 500 * SECOND
    after = follow(machine, seen, range(early, early + 20 * PERIOD, PERIOD))
    assert len(ids(after[-1])) == len(ids(before[-1])) > 0
    assert not ids(before[-1]) & ids(after[-1])
    assert count(machine, 'restarts') == 1
    assert process.text().count('stamps jumped back') == 1


def test_clocks_that_differ_are_reported_and_tracked_by_motion(start_tracker: Start) -> None:
    machine, _ = start_tracker(sync_deadline=0.02)
    seen, number = walk(), 0

    def told() -> bool:
        nonlocal number
        stamp = START + number * PERIOD
        machine.send_image(stamp + 3_000_000)  # the camera's clock is 3 ms ahead
        machine.send_detections(stamp, next(seen))
        machine.wait(lambda: machine.stamps()[-1:] == [stamp], 'tracks')
        number += 1
        statuses = [status for each in machine.diagnostics for status in each.status]
        return any('stamps are never equal' in status.message for status in statuses)

    machine.wait(told, 'the diagnosis')
    assert ids(machine.tracks[-1])
    assert count(machine, 'without_image') == number


@pytest.mark.parametrize('every', [2, 3])
def test_tracks_survive_a_change_of_the_frame_rate(start_tracker: Start, every: int) -> None:
    machine, process = start_tracker()
    quick, slow = walk(), walk(every, first=60)
    before = follow(machine, quick, range(START, START + 60 * PERIOD, PERIOD))
    times = range(START + 60 * PERIOD, START + (60 + 40 * every) * PERIOD, every * PERIOD)
    after = follow(machine, slow, times)
    assert all(ids(tracks) == ids(before[-1]) for tracks in after)
    assert len(ids(before[-1])) == 6
    assert f'changed to {30 / every:.1f} Hz' in process.text()
    assert float(machine.report()['frame_rate_hz']) == pytest.approx(30 / every, abs=0.01)
    # Velocities are in pixels per second, at any rate.
    for tracks in (before[-1], *after):
        speeds = sorted(abs(track.velocity.x) for track in tracks.tracks)
        np.testing.assert_allclose(speeds, 40 + 60 * np.arange(6), rtol=0.1)


def test_dropped_frames_count_as_elapsed(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    seen = walk()
    kept = [number for number in range(60) if number < 5 or number % 7 not in (2, 5)]
    frames = dict(enumerate(itertools.islice(seen, 60)))
    found = [machine.track(START + number * PERIOD, frames[number]) for number in kept]
    assert ids(found[10]) & ids(found[-1])
    last = max(found[-1].tracks, key=lambda track: track.age)
    first = last.first_seen.sec * SECOND + last.first_seen.nanosec
    assert last.age == round((START + kept[-1] * PERIOD - first) / PERIOD) + 1
    assert float(machine.report()['frame_rate_hz']) == pytest.approx(30, rel=0.01)


def test_a_frame_that_is_far_too_late_is_dropped(start_tracker: Start) -> None:
    machine, _ = start_tracker()
    seen = walk()
    frames = list(itertools.islice(seen, 30))
    late = 10
    for number in range(20):
        if number != late:
            machine.track(START + number * PERIOD, frames[number])
    known = ids(machine.tracks[-1])
    machine.send(START + late * PERIOD, frames[late])
    machine.track(START + 20 * PERIOD, frames[20])
    assert START + late * PERIOD not in machine.stamps()
    assert ids(machine.tracks[-1]) & known
    assert count(machine, 'late_detections') == 1
    assert count(machine, 'restarts') == 0


def test_messages_out_of_order_are_late_and_delete_no_tracks(start_tracker: Start) -> None:
    """A detector with several workers finishes each third frame before the two earlier ones."""
    machine, process = start_tracker(max_backlog=10.0)
    frames = list(itertools.islice(walk(), 30))
    order = [number for first in range(0, 30, 3) for number in (first + 2, first, first + 1)]
    for number in range(30):
        machine.send_image(START + number * PERIOD)
        machine.spin(0.005)
    for number in order:
        before = len(machine.tracks)
        machine.send_detections(START + number * PERIOD, frames[number])
        if number % 3 == 2:
            machine.wait(lambda before=before: len(machine.tracks) > before, 'tracks')
    assert machine.stamps() == [START + number * PERIOD for number in range(2, 30, 3)]
    machine.wait(lambda: count(machine, 'late_detections') == 20, 'the count')
    assert count(machine, 'restarts') == 0
    assert 'stamps jumped back' not in process.text()
    assert ids(machine.tracks[-1]) & ids(machine.tracks[3])


def test_frames_that_arrive_together_are_tracked_in_order(start_tracker: Start) -> None:
    """As after a network stall: three at a time, with enough time before the next."""
    machine, _ = start_tracker(max_backlog=10.0)
    frames = list(itertools.islice(walk(), 30))
    for first in range(0, 30, 3):
        for number in range(first, first + 3):
            machine.send(START + number * PERIOD, frames[number])
        machine.wait(lambda first=first: len(machine.tracks) == first + 3, 'tracks')
    assert machine.stamps() == [START + number * PERIOD for number in range(30)]
    assert count(machine, 'superseded') == 0
