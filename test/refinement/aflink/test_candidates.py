"""Candidates are exactly the pairs within the limits of gap, distance and class."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.refinement.aflink.candidates import Tracklets, find_candidates

# First frame, length, class and left edge of a tracklet.
pieces = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 20), st.integers(0, 9), st.integers(0, 60)),
    max_size=12,
)
gaps = st.tuples(st.integers(-10, 30), st.integers(1, 40)).map(lambda gap: (gap[0], sum(gap)))


@given(pieces, gaps)
def test_candidates_are_those_of_a_search_over_all_pairs(
    pieces: list[tuple[int, int, int, int]], gap: tuple[int, int]
) -> None:
    lengths = [length for _, length, _, _ in pieces]
    frames = [frame for start, length, _, _ in pieces for frame in range(start, start + length)]
    boxes = np.array([(x, 0, 5, 10) for *_, x in pieces], dtype=float).reshape(-1, 4)
    tracklets = Tracklets.gather(
        np.array(frames, dtype=np.int64),
        np.repeat(np.arange(len(pieces)), lengths),
        np.repeat(boxes, lengths, axis=0),
        np.repeat(np.array([kind for _, _, kind, _ in pieces], dtype=np.int64), lengths),
    )
    found = set(zip(*(ids.tolist() for ids in find_candidates(tracklets, gap, 20.0)), strict=True))
    expected = {
        (i, j)
        for i, (start, length, kind, x) in enumerate(pieces)
        for j, (later, _, other, y) in enumerate(pieces)
        if kind == other
        and (start, i) < (later, j)
        and gap[0] <= later - (start + length - 1) < gap[1]
        and abs(x - y) <= 20
    }
    assert found == expected
