"""Cut boxes out of an image and resize them to a network's input.

The convention is DeepSORT's, with which the published features were made: corners are clipped to
the image and truncated to whole pixels, then the crop is resized bilinearly without anti-aliasing.
"""

from __future__ import annotations

import cv2
import numpy as np

from strongsort_ros.types import BoolArray, FloatArray, Image, IntArray


def clip_boxes(tlwh: FloatArray, height: int, width: int) -> tuple[IntArray, BoolArray]:
    """Clip boxes to the image and drop those that are empty there.

    Parameters
    ----------
    tlwh
        (N, 4) pixels; may be NaN, infinite, empty or outside the image.
    height, width
        Size of the image, pixels.

    Returns
    -------
    xyxy
        (M, 4) int64 left, top, right, bottom of the boxes that are visible; ends exclusive.
    visible
        (N,) bool, M of them true.

    """
    with np.errstate(invalid='ignore', over='ignore'):
        xyxy = np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], axis=1)
    visible = np.isfinite(xyxy).all(axis=1)
    limits = np.array([width, height, width, height], dtype=np.float64)
    clipped = np.clip(xyxy[visible], 0, limits).astype(np.int64)
    not_empty = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    visible[visible] = not_empty
    return clipped[not_empty], visible


def crop_with_opencv(
    image: Image, xyxy: IntArray, size: tuple[int, int], out: Image | None = None
) -> Image:
    """Return (N, height, width, 3) uint8 crops in the image's channel order.

    One call per box: on a CPU this is much faster than every batched way that was measured.

    Parameters
    ----------
    image
        (H, W, 3) uint8; may be a strided view.
    xyxy
        (N, 4) boxes inside the image.
    size
        Height and width of the crops.
    out
        Array of at least N crops to write into; None: a new one.

    """
    height, width = size
    crops = np.empty((len(xyxy), height, width, 3), dtype=np.uint8) if out is None else out
    for crop, (left, top, right, bottom) in zip(crops, xyxy.tolist(), strict=False):
        cv2.resize(image[top:bottom, left:right], (width, height), dst=crop)
    return crops[: len(xyxy)]
