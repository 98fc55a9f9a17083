"""One-to-one assignment of tracks and detections: least total cost over the feasible pairs."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.types import BoolArray, FloatArray, IntArray

try:
    from lap import lapjv
except ImportError:  # there is no rosdep key for it
    lapjv = None

_INFEASIBLE: Final = 1e-5
"""Cost of an infeasible pair above the threshold, as in the published program."""
_LAP_SIZE: Final = 60
"""Rows and columns from which lap is faster than SciPy: benchmarks/assignment.py."""


class Pairs(NamedTuple):
    """Feasible pairs of a track and a detection: row and column numbers (K,), and costs (K,)."""

    rows: IntArray
    columns: IntArray
    costs: FloatArray

    def select(self, which: BoolArray) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.rows[which], self.columns[which], self.costs[which])


def assign(pairs: Pairs, shape: tuple[int, int], threshold: float) -> tuple[IntArray, IntArray]:
    """Return the matched rows and columns (M,) of least total cost.

    The result is that of the full matrix, in which all other pairs cost a little more than the
    threshold and are discarded. A row and a column that have no other feasible pair are matched
    directly; the rest goes to lap, or to SciPy where that is faster or lap is not installed. They
    differ only between assignments of exactly the same total cost.

    Parameters
    ----------
    pairs
        The feasible pairs, each given once, with costs of at most `threshold`.
    shape
        Number of rows and columns.
    threshold
        Largest cost of a match.

    """
    rows, columns = pairs.rows, pairs.columns
    contested = np.bincount(rows, minlength=shape[0])[rows] > 1
    contested |= np.bincount(columns, minlength=shape[1])[columns] > 1
    if not np.count_nonzero(contested):  # for small arrays much faster than any()
        return rows, columns
    alone = ~contested
    more_rows, more_columns = _assign_contested(pairs.select(contested), threshold)
    return (
        np.concatenate([rows[alone], more_rows]),
        np.concatenate([columns[alone], more_columns]),
    )


def _assign_contested(pairs: Pairs, threshold: float) -> tuple[IntArray, IntArray]:
    rows, row_of = _compact(pairs.rows)
    columns, column_of = _compact(pairs.columns)
    costs = np.full((len(rows), len(columns)), threshold + _INFEASIBLE)
    costs[row_of, column_of] = pairs.costs
    row, column = solve(costs)
    matched = costs[row, column] <= threshold
    return rows[row[matched]], columns[column[matched]]


def _compact(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different numbers, ascending, and the place of each of `numbers` (K,) among them.

    `np.unique` sorts, which takes several times as long for small numbers.
    """
    different = np.bincount(numbers).nonzero()[0]
    place = np.empty(different[-1] + 1, dtype=np.int64)
    place[different] = np.arange(len(different))
    return different, place[numbers]


def solve(costs: FloatArray) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the assignment of least cost, min(R, C) of each.

    `costs` is an (R, C) matrix.
    """
    if lapjv is None or min(costs.shape) < _LAP_SIZE:
        row, column = linear_sum_assignment(costs)
        return row, column
    column_of, _ = lapjv(costs, extend_cost=True, return_cost=False)
    row = (column_of >= 0).nonzero()[0]
    return row, column_of[row]
