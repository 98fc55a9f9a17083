"""Frames that wait for the tracker: which are dropped, and what the next frame reports of them."""

from __future__ import annotations

from strongsort_ros.online.backlog import Backlog, Frame

LONGEST = 10


def ready(stamp: int, *, since: int = 0, restarted: bool = False) -> Frame[int, int]:
    return Frame(stamp, [stamp], stamp, restarted, since)


def filled(*waiting: Frame[int, int]) -> Backlog[int, int]:
    backlog = Backlog[int, int](LONGEST)
    for frame in waiting:
        backlog.append(frame)
    return backlog


def test_a_restart_survives_when_its_frame_is_dropped() -> None:
    backlog = filled(ready(5), ready(1, restarted=True), ready(2), ready(3))
    assert backlog.skip(LONGEST + 1) == 3
    (frame,) = backlog.take()
    assert (frame.stamp, frame.restarted) == (3, True)
    # Stamps from before the restart are not dropped frames of the time after it.
    assert frame.dropped == (1, 2)


def test_consecutive_dropped_frames_are_all_counted() -> None:
    backlog = filled(ready(1), ready(2), ready(3))
    assert backlog.skip(LONGEST + 1) == 2
    backlog.append(ready(4))
    assert backlog.skip(LONGEST + 1) == 1
    (frame,) = backlog.take()
    assert (frame.stamp, frame.dropped) == (4, (1, 2, 3))


def test_clearing_ends_the_state_of_being_behind() -> None:
    backlog = filled(ready(1), ready(2))
    assert backlog.skip(LONGEST + 1) == 1
    backlog.clear()
    backlog.append(ready(3, since=20))
    backlog.append(ready(4, since=20))
    assert backlog.skip(20) == 0
    assert [frame.stamp for frame in backlog.take() + backlog.take()] == [3, 4]
