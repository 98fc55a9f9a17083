"""Non-maximum suppression: of boxes that cover each other, keep the one with the highest score."""

from __future__ import annotations

import numpy as np

from strongsort_ros.types import BoolArray, FloatArray, IntArray


def suppress(tlwh: FloatArray, groups: IntArray | None, max_overlap: float) -> BoolArray:
    """Return which boxes remain, as DeepSORT's program suppresses them.

    A box is suppressed if a remaining one of higher score covers more than `max_overlap` of its
    area. As in that program, a box from x to y is y - x + 1 pixels wide.

    Parameters
    ----------
    tlwh
        (N, 4) boxes in descending order of score.
    groups
        (N,) number of the class; boxes of different classes do not suppress each other. None: one
        class.
    max_overlap
        Largest share of a box that may be covered, 0 to 1.

    Returns
    -------
    keep
        (N,) True for boxes that remain.

    """
    keep = np.ones(len(tlwh), dtype=bool)
    covers = _covered(tlwh) > max_overlap
    if groups is not None:
        covers &= groups[:, None] == groups
    # Only boxes of lower score are suppressed.
    covers = np.triu(covers, 1)
    for row in np.flatnonzero(covers.any(axis=1)):
        if keep[row]:
            keep[covers[row]] = False
    return keep


def _covered(tlwh: FloatArray) -> FloatArray:
    """Return the share of box j that box i covers, (N, N)."""
    low, high = tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low) + 1
    area = (high - low + 1).prod(axis=1)
    covered: FloatArray = np.maximum(shared, 0).prod(axis=2) / area
    return covered
