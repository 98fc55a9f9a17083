"""Classification of stamps: how far ahead is doubtful, and how long doubtful ones are held."""

from __future__ import annotations

import pytest

from strongsort_ros.online.time_line import DOUBTFUL, ON_TIME, REORDERING, TimeLine, period_of
from strongsort_ros.types import SECOND

PERIOD = SECOND // 30
START = 1000 * SECOND
KNOWN = [START + frame * PERIOD for frame in range(-40, 1)]


def line_at(*stamps: int) -> TimeLine[str]:
    line = TimeLine[str]()
    for stamp in stamps:
        line.advance(stamp, 0)
    return line


def test_a_stamp_as_far_ahead_as_the_pause_before_it_is_on_time_at_once() -> None:
    line = line_at(START)
    ahead = START + 90 * SECOND
    assert line.judge(ahead, 90 * SECOND, START, KNOWN) == ON_TIME
    assert line.judge(ahead, SECOND, START, KNOWN) == DOUBTFUL


def test_the_newest_stamp_decides_what_is_far_ahead() -> None:
    """Not the last to arrive, which a newer one may have overtaken."""
    line = line_at(START + 10 * PERIOD, START + PERIOD)
    ahead = START + 10 * PERIOD + REORDERING
    assert line.judge(ahead, 0, START, KNOWN) == ON_TIME
    assert line.judge(ahead + 1, 0, START, KNOWN) == DOUBTFUL


def test_stamps_of_different_times_are_not_held_together() -> None:
    line = line_at(START)
    assert line.hold(START + 100 * SECOND, 'a', 0) == []
    assert line.hold(START + 100 * SECOND + PERIOD, 'b', 0) == []
    dropped = line.hold(START - 100 * SECOND, 'c', 0)
    assert [held.item for held in dropped] == ['a', 'b']
    assert [held.item for held in line.held] == ['c']


@pytest.mark.parametrize(
    ('period', 'silence'),
    [(PERIOD, SECOND // 2), (SECOND, 3 * SECOND), (10 * SECOND, 5 * SECOND)],
)
def test_silence_means_three_periods_within_bounds(period: int, silence: int) -> None:
    line = line_at(START)
    known = [START - frame * period for frame in range(40)]
    old = START - 1000 * period
    assert line.judge(old, 0, START, known) == DOUBTFUL
    line.hold(old, 'a', 0)
    assert line.decided_at == silence
    assert not line.jumped(silence - 1, lambda _: False)
    assert line.jumped(silence, lambda _: False)


def test_the_period_is_known_though_most_frames_follow_a_missing_one() -> None:
    stamps = [START]
    for step in (1, 2, 2) * 12:
        stamps.append(stamps[-1] + step * PERIOD)
    assert period_of(stamps) == PERIOD
