"""Box formats and IoU.

tlwh: left, top, width, height. xyxy: left, top, right, bottom. xyah: centre, aspect w/h, height.
"""

from __future__ import annotations

import numpy as np

from strongsort_ros.types import FloatArray


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
    half = xyah[:, 3:4] * 0.5
    half = np.concatenate([half * xyah[:, 2:3], half], axis=1)
    return np.concatenate([xyah[:, :2] - half, xyah[:, :2] + half], axis=1)


def xyxy_to_xyah(xyxy: FloatArray) -> FloatArray:
    """Return (N, 4) boxes as xyah; heights must not be zero."""
    return tlwh_to_xyah(np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1))


def iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> FloatArray:
    """Return the (A, B) IoU of all pairs; that of an inverted box is 0."""
    a, b = xyxy_a[:, None], xyxy_b[None]
    overlap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    np.maximum(overlap, 0.0, out=overlap)
    intersection = overlap[..., 0] * overlap[..., 1]
    union = area(xyxy_a)[:, None] + area(xyxy_b) - intersection
    # The union of two boxes without area is 0, and their IoU 0 / tiny.
    share: FloatArray = intersection / np.maximum(union, np.finfo(np.float64).tiny)
    return share


def paired_iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> FloatArray:
    """Return the (N,) IoU of N pairs; that of an inverted box is 0."""
    # Contiguous coordinates are several times as fast as columns.
    left_a, top_a, right_a, bottom_a = np.ascontiguousarray(xyxy_a.T)
    left_b, top_b, right_b, bottom_b = np.ascontiguousarray(xyxy_b.T)
    width = np.minimum(right_a, right_b) - np.maximum(left_a, left_b)
    height = np.minimum(bottom_a, bottom_b) - np.maximum(top_a, top_b)
    intersection = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = (right_a - left_a) * (bottom_a - top_a) + (right_b - left_b) * (bottom_b - top_b)
    union -= intersection
    share: FloatArray = intersection / np.maximum(union, np.finfo(np.float64).tiny)
    return share


def area(xyxy: FloatArray) -> FloatArray:
    """Return (N,) areas; that of an inverted box is 0."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0)
    product: FloatArray = size[:, 0] * size[:, 1]
    return product
