"""One-to-one assignment of least cost among the pairs that are possible at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.types import BoolArray, FloatArray, IntArray

# What an impossible pair costs above the threshold, as in the published program.
_REJECTED = 1e-5


class Pairs(NamedTuple):
    """Possible pairs of a track and a detection: row and column numbers (K,), and costs (K,)."""

    rows: IntArray
    columns: IntArray
    costs: FloatArray

    def select(self, which: BoolArray) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.rows[which], self.columns[which], self.costs[which])


def assign(pairs: Pairs, shape: tuple[int, int], threshold: float) -> tuple[IntArray, IntArray]:
    """Return matched rows and columns: of least total cost, where no match costs the threshold.

    The result is that of a full (rows, columns) matrix in which every pair that is not given
    costs a little more than the threshold. As all those weigh the same, who has one possible
    partner, who in turn has no other, is matched at once; only the rest needs a solver.

    Parameters
    ----------
    pairs
        The possible pairs, each given once, with costs not above `threshold`.
    shape
        Number of rows and columns.
    threshold
        Largest cost of a match.

    """
    rows, columns = pairs.rows, pairs.columns
    contested = np.bincount(rows, minlength=shape[0])[rows] > 1
    contested |= np.bincount(columns, minlength=shape[1])[columns] > 1
    if not np.count_nonzero(contested):  # for a few, a fraction of the time of any()
        return rows, columns
    alone = ~contested
    more_rows, more_columns = _solve(pairs.select(contested), threshold)
    return (
        np.concatenate([rows[alone], more_rows]),
        np.concatenate([columns[alone], more_columns]),
    )


def _solve(pairs: Pairs, threshold: float) -> tuple[IntArray, IntArray]:
    rows, row_of = np.unique(pairs.rows, return_inverse=True)
    columns, column_of = np.unique(pairs.columns, return_inverse=True)
    costs = np.full((len(rows), len(columns)), threshold + _REJECTED)
    costs[row_of, column_of] = pairs.costs
    row, column = linear_sum_assignment(costs)
    matched = costs[row, column] <= threshold
    return rows[row[matched]], columns[column[matched]]
