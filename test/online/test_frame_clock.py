"""Elapsed frames and changes of the frame rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.online.frame_clock import FrameClock

PERIOD = 33_333_333


def stamps(frames: list[int]) -> list[int]:
    return [1_000_000_000 + frame * PERIOD for frame in frames]


@pytest.mark.parametrize('rate', [30.0, 0.0])
def test_a_gap_counts_its_frames(rate: float) -> None:
    clock = FrameClock(rate)
    elapsed = [clock.advance(stamp).frames for stamp in stamps([0, 1, 2, 3, 7, 8, 10])]
    assert elapsed == [1, 1, 1, 1, 4, 1, 2]


def test_the_rate_is_estimated_though_the_first_gap_is_long() -> None:
    clock = FrameClock()
    assert clock.rate == 0
    elapsed = [clock.advance(stamp).frames for stamp in stamps([0, 5, 6, 7, 9])]
    assert elapsed == [1, 1, 1, 1, 2]
    assert clock.rate == pytest.approx(30, rel=1e-6)


def test_a_new_rate_is_learnt() -> None:
    clock = FrameClock()
    for stamp in stamps(list(range(40))):
        clock.advance(stamp)
    last = [clock.advance(stamp).frames for stamp in stamps(list(range(41, 120, 3)))]
    assert last[0] > 1
    assert last[-1] == 1


def test_without_stamps_one_frame_elapses() -> None:
    clock = FrameClock(30.0)
    assert [clock.advance(0).frames for _ in range(3)] == [1, 1, 1]


def test_reset_keeps_the_period() -> None:
    clock = FrameClock()
    for stamp in stamps([10, 11, 12]):
        clock.advance(stamp)
    clock.reset()
    assert [clock.advance(stamp).frames for stamp in stamps([0, 2])] == [1, 2]


def test_forget_drops_the_period() -> None:
    clock = FrameClock()
    for stamp in stamps([10, 11, 12]):
        clock.advance(stamp)
    clock.forget()
    assert clock.rate == 0
    assert [clock.advance(stamp).frames for stamp in stamps([0, 2, 4])] == [1, 1, 1]


@given(
    st.lists(st.integers(1, 4), min_size=3, max_size=60),
    st.lists(st.floats(-0.2, 0.2), min_size=61, max_size=61),
)
def test_jitter_of_stamps_does_not_change_the_count(gaps: list[int], jitter: list[float]) -> None:
    clock = FrameClock(1e9 / PERIOD)
    frame, elapsed = 0, []
    clock.advance(1_000_000_000)
    for gap, noise in zip(gaps, jitter, strict=False):
        frame += gap
        elapsed.append(clock.advance(1_000_000_000 + round((frame + noise) * PERIOD)).frames)
    assert all(dt >= 1 for dt in elapsed)
    assert abs(sum(elapsed) - sum(gaps)) <= len(gaps) * 0.5


def test_dropped_frames_count_for_the_rate_of_the_camera() -> None:
    clock = FrameClock()
    clock.advance(stamps([0])[0])
    for frame in range(4, 100, 4):
        elapsed = clock.advance(*stamps([frame]), stamps([frame - 3, frame - 2, frame - 1]))
        assert elapsed == (4, 1)
    assert clock.rate == pytest.approx(30, rel=1e-6)


def test_a_change_of_the_rate_is_reported_once() -> None:
    clock = FrameClock()
    changes = []
    at = 1_000_000_000
    for period in [PERIOD] * 40 + [3 * PERIOD] * 40:
        at += period
        changes.append(clock.advance(at).rate_change)
    assert [round(change, 6) for change in changes if change != 1] == [3]
    clock.forget()
    assert clock.advance(at).rate_change == 1


def test_jitter_is_no_change_of_the_rate() -> None:
    clock = FrameClock()
    at = 1_000_000_000
    for number in range(200):
        at += PERIOD + (number * 7919 % 11 - 5) * 400_000
        assert clock.advance(at).rate_change == 1
