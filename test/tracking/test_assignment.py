"""The assignment is that of the full cost matrix, whichever solver finds it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment

from strongsort_ros.tracking import assignment
from strongsort_ros.tracking.assignment import Pairs, assign, solve
from strongsort_ros.tracking.boxes import iou

THRESHOLD = 0.4


def sparse(costs: np.ndarray) -> Pairs:
    rows, columns = np.nonzero(costs <= THRESHOLD)
    return Pairs(rows, columns, costs[rows, columns])


def value(costs: np.ndarray, matches: tuple[np.ndarray, np.ndarray]) -> float:
    """Return how much less the matches cost than no match at all."""
    return float(np.sum(THRESHOLD + 1e-5 - costs[matches]))


matrices = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(0, 1)
)


@given(matrices)
def test_total_cost_is_that_of_the_full_matrix(costs: np.ndarray) -> None:
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


def test_no_pairs() -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (2, 2)):
        rows, columns = assign(sparse(np.ones(shape)), shape, THRESHOLD)
        assert len(rows) == len(columns) == 0


def test_the_cheaper_of_two_contested_pairs_wins() -> None:
    costs = np.array([[0.3, 1.0], [0.1, 1.0]])
    rows, columns = assign(sparse(costs), costs.shape, THRESHOLD)
    assert (rows.tolist(), columns.tolist()) == ([1], [0])


def crowd(rows: int, columns: int, seed: int) -> np.ndarray:
    """Return 1 - IoU of boxes that overlap several others, and of the same boxes moved a little."""
    rng = np.random.default_rng(seed)
    boxes = np.zeros((max(rows, columns), 4))
    boxes[:, :2] = rng.uniform(0, 25 * len(boxes) ** 0.5, (len(boxes), 2))
    boxes[:, 2:] = boxes[:, :2] + (40, 100)
    moved = boxes + np.tile(rng.normal(0, 5, (len(boxes), 2)), 2)
    distance = 1.0 - iou(boxes[:rows], rng.permutation(moved)[:columns])
    return np.where(distance <= THRESHOLD, distance, THRESHOLD + 1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(60, 150), st.integers(60, 150), st.integers(0, 2**32 - 1))
def test_lap_finds_the_pairs_that_scipy_finds(rows: int, columns: int, seed: int) -> None:
    pytest.importorskip('lap')
    costs = crowd(rows, columns, seed)
    row, column = solve(costs)
    expected_row, expected_column = linear_sum_assignment(costs)
    assert len(row) == len(column) == min(rows, columns)
    found = costs[row, column] <= THRESHOLD
    expected = costs[expected_row, expected_column] <= THRESHOLD
    np.testing.assert_array_equal(row[found], expected_row[expected])
    np.testing.assert_array_equal(column[found], expected_column[expected])


def test_duplicate_boxes_have_the_same_total_cost() -> None:
    """SciPy and lap may find different pairs of equal cost."""
    costs = np.repeat(crowd(40, 40, 0), 2, axis=1)
    assert costs[solve(costs)].sum() == pytest.approx(costs[linear_sum_assignment(costs)].sum())
    costs = np.repeat(costs, 2, axis=0)
    assert costs[solve(costs)].sum() == pytest.approx(costs[linear_sum_assignment(costs)].sum())


def test_scipy_solves_where_lap_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = crowd(80, 90, 1)
    monkeypatch.setattr(assignment, 'lapjv', None)
    np.testing.assert_array_equal(solve(costs), linear_sum_assignment(costs))


def test_small_matrices_are_solved_by_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(assignment, 'lapjv', fail)
    costs = crowd(59, 90, 1)
    np.testing.assert_array_equal(solve(costs), linear_sum_assignment(costs))
