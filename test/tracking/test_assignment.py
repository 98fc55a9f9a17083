"""The assignment is that of the full cost matrix, however it is taken apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment

from strongsort_ros.tracking.assignment import Pairs, assign

THRESHOLD = 0.4


def sparse(costs: np.ndarray) -> Pairs:
    rows, columns = np.nonzero(costs <= THRESHOLD)
    return Pairs(rows, columns, costs[rows, columns])


def value(costs: np.ndarray, matches: tuple[np.ndarray, np.ndarray]) -> float:
    """Return what the matches save against matching nobody."""
    return float(np.sum(THRESHOLD + 1e-5 - costs[matches]))


matrices = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(0, 1)
)


@given(matrices)
def test_saves_as_much_as_the_full_matrix(costs: np.ndarray) -> None:
    clipped = np.where(costs <= THRESHOLD, costs, THRESHOLD + 1e-5)
    row, column = linear_sum_assignment(clipped)
    valid = clipped[row, column] <= THRESHOLD
    matches = assign(sparse(costs), costs.shape, THRESHOLD)
    best = value(costs, (row[valid], column[valid]))
    assert abs(value(costs, matches) - best) < 1e-9


@given(matrices)
def test_is_one_to_one_and_within_the_threshold(costs: np.ndarray) -> None:
    rows, columns = assign(sparse(costs), costs.shape, THRESHOLD)
    assert len(set(rows.tolist())) == len(rows) == len(columns) == len(set(columns.tolist()))
    assert (costs[rows, columns] <= THRESHOLD).all()


def test_no_pairs_is_no_match() -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (2, 2)):
        rows, columns = assign(sparse(np.ones(shape)), shape, THRESHOLD)
        assert len(rows) == len(columns) == 0


def test_the_cheaper_pair_wins_where_two_want_one() -> None:
    costs = np.array([[0.3, 1.0], [0.1, 1.0]])
    rows, columns = assign(sparse(costs), costs.shape, THRESHOLD)
    assert (rows.tolist(), columns.tolist()) == ([1], [0])
