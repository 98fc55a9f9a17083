"""Frame numbers from stamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.bags.frame_numbers import frame_numbers
from strongsort_ros.online.frame_clock import FrameClock

SECOND = 10**9
TODAY = 1_700_000_000 * SECOND

rates = st.sampled_from([1.0, 7.5, 10.0, 14.0, 25.0, 29.97, 30.0, 60.0])
stamps = st.lists(st.integers(0, 4 * 10**18), max_size=50)
kept_frames = st.sets(st.integers(1, 400), min_size=1).map(sorted)


@given(kept_frames, rates)
def test_the_numbers_of_a_sequence_are_restored(frames: list[int], rate: float) -> None:
    times = [round(frame * SECOND / rate) for frame in frames]
    numbers = frame_numbers(times, rate)
    assert numbers.frames.tolist() == frames
    assert numbers.frame_rate == rate


@given(st.integers(0, 1000), st.integers(3, 300), rates, st.data())
def test_the_rate_is_estimated_while_most_frames_are_present(
    first: int, count: int, rate: float, data: st.DataObject
) -> None:
    frames = list(range(first, first + count))
    dropped = data.draw(st.sets(st.sampled_from(frames[1:]), max_size=(count - 1) // 5))
    kept = [frame for frame in frames if frame not in dropped]
    numbers = frame_numbers([round(frame * SECOND / rate) for frame in kept])
    assert numbers.frames.tolist() == kept
    assert numbers.frame_rate == pytest.approx(rate, rel=1e-6)


@given(kept_frames, rates, st.integers(0, SECOND))
def test_with_stamps_of_the_time_of_day_the_first_frame_is_1(
    frames: list[int], rate: float, offset: int
) -> None:
    times = [TODAY + offset + round(frame * SECOND / rate) for frame in frames]
    expected = [frame - frames[0] + 1 for frame in frames]
    assert frame_numbers(times, rate).frames.tolist() == expected


@given(stamps, st.sampled_from([0.0, 30.0]), st.randoms(use_true_random=False))
def test_any_stamps_in_any_order(times: list[int], rate: float, random: object) -> None:
    numbers = frame_numbers(times, rate).frames
    assert len(numbers) == len(times)
    assert (numbers >= 0).all()
    for first in range(len(times)):
        assert ((numbers < numbers[first]) == (np.array(times) < times[first])).all()
    shuffled = list(range(len(times)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = frame_numbers([times[place] for place in shuffled], rate).frames
    assert again.tolist() == numbers[shuffled].tolist()


def test_a_fast_clock_with_jitter_makes_no_gaps() -> None:
    rng = np.random.default_rng(0)
    times = TODAY + np.cumsum(rng.normal(SECOND / 30.1, 3e6, 100_000)).astype(np.int64)
    for rate in (0.0, 30.0):
        assert frame_numbers(times, rate).frames.tolist() == list(range(1, 100_001))


def test_numbers_grow_as_the_tracker_counts() -> None:
    rng = np.random.default_rng(1)
    frames = np.flatnonzero(rng.random(2000) > 0.2)
    times = TODAY + (frames * SECOND / 30 + rng.normal(0, 2e6, len(frames))).astype(np.int64)
    clock = FrameClock(30.0)
    elapsed = [clock.advance(time).frames for time in times.tolist()]
    assert np.diff(frame_numbers(times, 30.0).frames).tolist() == elapsed[1:]


def test_few_stamps() -> None:
    assert frame_numbers([]).frames.tolist() == []
    alone = frame_numbers([5 * SECOND])
    assert (alone.frames.tolist(), alone.frame_rate) == ([1], 0.0)
    assert frame_numbers([5 * SECOND], 10).frames.tolist() == [50]
    assert frame_numbers([7, 7, 7]).frames.tolist() == [1, 1, 1]


@pytest.mark.parametrize('rate', [-1.0, float('nan'), float('inf')])
def test_an_invalid_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match='frame_rate'):
        frame_numbers([1, 2], rate)
