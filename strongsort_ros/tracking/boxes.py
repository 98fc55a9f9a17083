"""Box formats and IoU.

tlwh: left, top, width, height. xyxy: left, top, right, bottom. xyah: centre, aspect w/h, height.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strongsort_ros.types import FloatArray, IntArray

_TINY: Final = float(np.finfo(np.float64).tiny)


def tlwh_to_xyah(tlwh: FloatArray) -> FloatArray:
    """Return (N, 4) boxes as xyah; heights must not be zero."""
    xyah = np.empty_like(tlwh)
    size = tlwh[:, 2:]
    np.multiply(size, 0.5, out=xyah[:, :2])
    xyah[:, :2] += tlwh[:, :2]
    np.divide(size[:, 0], size[:, 1], out=xyah[:, 2])
    xyah[:, 3] = size[:, 1]
    return xyah


def xyah_to_xyxy(xyah: FloatArray) -> FloatArray:
    """Return (N, 4) boxes as corners."""
    half = np.empty((2, len(xyah)))
    np.multiply(xyah[:, 3], 0.5, out=half[1])
    np.multiply(half[1], xyah[:, 2], out=half[0])
    centre = xyah[:, :2].T
    return np.concatenate([centre - half, centre + half]).T


def xyxy_to_xyah(xyxy: FloatArray) -> FloatArray:
    """Return (N, 4) boxes as xyah; heights must not be zero."""
    return tlwh_to_xyah(np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1))


def iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> FloatArray:
    """Return the (A, B) IoU of all pairs; that of an inverted box is 0."""
    a, b = np.ascontiguousarray(xyxy_a.T), np.ascontiguousarray(xyxy_b.T)
    return _iou(a[:, :, None], b[:, None])


def paired_iou(
    xyxy_a: FloatArray, xyxy_b: FloatArray, rows: IntArray, columns: IntArray
) -> FloatArray:
    """Return the (K,) IoU of K pairs, given by the row numbers of A and B boxes."""
    return _iou(xyxy_a.T.take(rows, axis=1), xyxy_b.T.take(columns, axis=1))


def _iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the IoU of boxes given by contiguous coordinates (4, ...): left, top, right, bottom.

    These are several times as fast as the columns of (N, 4) arrays.
    """
    overlap = np.minimum(a[2:], b[2:])
    overlap -= np.maximum(a[:2], b[:2])
    np.maximum(overlap, 0.0, out=overlap)
    share: FloatArray = overlap[0] * overlap[1]
    size_a, size_b = a[2:] - a[:2], b[2:] - b[:2]
    union = size_a[0] * size_a[1] + size_b[0] * size_b[1]
    union -= share
    # The union of two boxes without area is 0, and their IoU 0 / tiny.
    share /= np.maximum(union, _TINY, out=union)
    return share


def area(xyxy: FloatArray) -> FloatArray:
    """Return (N,) areas; that of an inverted box is 0."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0)
    product: FloatArray = size[:, 0] * size[:, 1]
    return product
