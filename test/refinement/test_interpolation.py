"""Linear interpolation of gaps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.interpolation import fill_gaps


def track(frames: list[int], ids: list[int]) -> TrackRows:
    count = len(frames)
    tlwh = np.arange(4.0 * count).reshape(count, 4) ** 2
    scores = np.linspace(0.5, 1.0, count)
    classes = np.array([f'class {k}' for k in ids], dtype=np.str_)
    return TrackRows(np.array(frames), np.array(ids), tlwh, scores, classes)


def test_a_line_between_the_ends() -> None:
    filled = fill_gaps(track([3, 7], [5, 5]), 20)
    assert filled.tracks.frames.tolist() == [3, 4, 5, 6, 7]
    assert filled.tracks.tlwh[:, 0].tolist() == [0, 4, 8, 12, 16]
    assert filled.tracks.scores.tolist() == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert filled.source.tolist() == [0, -1, -1, -1, 1]
    assert filled.interpolated.tolist() == [False, True, True, True, False]
    assert filled.interpolated_count == 3
    assert set(filled.tracks.class_ids) == {'class 5'}


@pytest.mark.parametrize(('gap', 'count'), [(1, 2), (2, 3), (19, 20), (20, 2), (500, 2)])
def test_only_gaps_below_the_interval(gap: int, count: int) -> None:
    """A gap is filled if the frames of its ends differ by less than the interval."""
    assert len(fill_gaps(track([10, 10 + gap], [1, 1]), 20).tracks) == count


def test_tracks_are_not_joined() -> None:
    filled = fill_gaps(track([1, 5], [1, 2]), 20)
    assert filled.source.tolist() == [0, 1]


@given(st.sets(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=40), st.integers(1, 30))
def test_rows_as_counted_one_by_one(boxes: set[tuple[int, int]], interval: int) -> None:
    frames, ids = ([pair[k] for pair in boxes] for k in (0, 1))
    filled = fill_gaps(track(frames, ids), interval)
    expected = set(boxes)
    for one in set(ids):
        seen = sorted(frame for frame, other in boxes if other == one)
        for low, high in itertools.pairwise(seen):
            if high - low < interval:
                expected |= {(frame, one) for frame in range(low, high)}
    rows = list(zip(filled.tracks.frames.tolist(), filled.tracks.ids.tolist(), strict=True))
    assert rows == sorted(expected)
    assert filled.interpolated_count == len(expected) - len(boxes)


def test_invalid_rows_are_refused() -> None:
    with pytest.raises(ValueError, match='frame 4: id 7 occurs twice'):
        fill_gaps(track([4, 4], [7, 7]), 20)
    broken = track([4, 5], [7, 7])
    broken.tlwh[1, 2] = np.nan
    with pytest.raises(ValueError, match='frame 5, id 7: not finite'):
        fill_gaps(broken, 20)
