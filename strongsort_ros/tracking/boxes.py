"""Box formats, by name: tlwh (left, top, width, height), xyxy (corners), xyah (centre, w/h, h)."""

from __future__ import annotations

import numpy as np

from strongsort_ros.types import FloatArray


def tlwh_to_xyah(tlwh: FloatArray) -> FloatArray:
    """Return (N, 4) centre x, centre y, aspect w/h, height; heights must not be zero."""
    xyah = np.empty_like(tlwh)
    size = tlwh[:, 2:]
    np.multiply(size, 0.5, out=xyah[:, :2])
    xyah[:, :2] += tlwh[:, :2]
    np.divide(size[:, 0], size[:, 1], out=xyah[:, 2])
    xyah[:, 3] = size[:, 1]
    return xyah


def xyah_to_xyxy(xyah: FloatArray) -> FloatArray:
    """Return (N, 4) left, top, right, bottom."""
    half = xyah[:, 3:4] * 0.5
    half = np.concatenate([half * xyah[:, 2:3], half], axis=1)
    return np.concatenate([xyah[:, :2] - half, xyah[:, :2] + half], axis=1)


def xyxy_to_xyah(xyxy: FloatArray) -> FloatArray:
    """Return (N, 4) centre x, centre y, aspect w/h, height; heights must not be zero."""
    return tlwh_to_xyah(np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1))


def iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> FloatArray:
    """Return (A, B) intersection over union of all pairs; an inverted box overlaps nothing."""
    a, b = xyxy_a[:, None], xyxy_b[None]
    overlap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    np.maximum(overlap, 0.0, out=overlap)
    intersection = overlap[..., 0] * overlap[..., 1]
    union = area(xyxy_a)[:, None] + area(xyxy_b) - intersection
    # Two boxes without area have no union either: 0 / tiny is no overlap.
    share: FloatArray = intersection / np.maximum(union, np.finfo(np.float64).tiny)
    return share


def area(xyxy: FloatArray) -> FloatArray:
    """Return (N,) areas; an inverted box has none."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0)
    product: FloatArray = size[:, 0] * size[:, 1]
    return product
