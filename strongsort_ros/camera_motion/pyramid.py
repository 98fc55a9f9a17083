"""Image pyramid with the background pixels and their derivatives for the alignment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from strongsort_ros.types import Float32Array, FloatArray, Image, IntArray

MAX_LEVELS: Final = 3
MIN_SIDE: Final = 12
"""Smallest height and width of a level, pixels."""

NEIGHBOURHOOD: Final = (31, 31)
"""Pixels around a pixel whose mean contrast it must exceed to be used."""

MAX_POINTS: Final = 4000
"""Largest number of pixels used; of more, every second, third, ... is."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid.

    Attributes
    ----------
    image
        (h, w) float32 grey.
    background
        (h, w) uint8: 1 outside all boxes, 0 in them.
    factor
        Pixels of the full image per pixel of the level.
    centre
        Position (x, y) in the level of the full image's `pivot`.
    radius
        Half the width, pixels of the level.
    index
        (n,) flat indices of the pixels used when the level is the template.
    columns
        (6, n) float32: derivatives of the grey value at those pixels by zoom and by rotation (both
        in units of 1 / radius), by x and by y; the grey value minus its mean; ones.

    """

    image: Float32Array
    background: Image
    factor: int
    centre: tuple[float, float]
    radius: float
    index: IntArray
    columns: Float32Array


def build_pyramid(
    image: Image, tlwh: FloatArray | None, working_pixels: int, margin: float
) -> list[Level]:
    """Return the levels, fine to coarse; none if the image is too small to align.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR or (H, W) grey.
    tlwh
        (N, 4) boxes to exclude, pixels of the image; None: none.
    working_pixels, margin
        See `CameraMotionSettings`; `margin` is its `box_margin`.

    """
    factor = reduction(image.shape[0] * image.shape[1], working_pixels)
    grey = reduced(image, factor)
    if min(grey.shape) < MIN_SIDE:
        return []
    x0, y0 = pivot(image.shape)
    first = origin(factor)
    background = outside_boxes(grey.shape, tlwh, factor, margin)
    levels: list[Level] = []
    while True:
        # pyrDown keeps pixel 0 in place.
        centre = (x0 - first) / factor, (y0 - first) / factor
        levels.append(_level(grey, background, factor, centre))
        if len(levels) == MAX_LEVELS or min(grey.shape) < 2 * MIN_SIDE:
            return levels
        grey = np.asarray(cv2.pyrDown(grey), np.uint8)
        background = np.ascontiguousarray(background[::2, ::2])
        factor *= 2


def pivot(shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the centre (x, y) of the full image, about which rotations turn."""
    return (shape[1] - 1) / 2, (shape[0] - 1) / 2


def origin(factor: int) -> float:
    """Return the position of pixel 0 of the reduced image in the full image, for x and y alike."""
    return (max(factor // 2, 1) - 1) / 2


def reduction(pixels: int, working_pixels: int) -> int:
    """Return the power of two to divide the sides by, to come near `working_pixels`."""
    return int(2 ** max(0, round(math.log2(max(pixels, 1) / working_pixels) / 2)))


def reduced(image: Image, factor: int) -> Image:
    """Return the grey image, its sides divided by `factor`, low-passed against aliasing.

    Reading the image takes most of the time. Bilinear sampling to twice the target size reads only
    a part of it, and pyrDown then removes most of the aliasing. The final blur halves the error,
    because bilinear interpolation of the result is then nearly exact.
    """
    height, width = (side // factor * factor for side in image.shape[:2])
    if min(height, width) == 0:
        return np.empty((0, 0), np.uint8)
    grey: cv2.typing.MatLike = image
    if factor > 2:
        size = width * 2 // factor, height * 2 // factor
        grey = cv2.resize(image[:height, :width], size, interpolation=cv2.INTER_LINEAR)
    if image.ndim == 3:
        grey = cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY)
    if factor > 1:
        grey = cv2.pyrDown(grey)
    return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.uint8)


def outside_boxes(
    shape: tuple[int, ...], tlwh: FloatArray | None, factor: int, margin: float
) -> Image:
    """Return (h, w) uint8: 1 outside all boxes, 0 in cells of 2 x 2 pixels that a box touches.

    A box is an interval of rows times an interval of columns, so one matrix product of the two
    tables of intervals counts the boxes over each cell.
    """
    height, width = shape
    if tlwh is None or len(tlwh) == 0:
        return np.ones((height, width), np.uint8)
    boxes = tlwh[(np.isfinite(tlwh) & (tlwh > (-np.inf, -np.inf, 0, 0))).all(axis=1)]
    wider = margin * boxes[:, 3:]
    low = (boxes[:, :2] - wider - origin(factor)) / (2 * factor)
    high = (boxes[:, :2] + boxes[:, 2:] + wider - origin(factor)) / (2 * factor)
    x, y = np.arange((width + 1) // 2), np.arange((height + 1) // 2)
    across = (x + 1 > low[:, :1]) & (x < high[:, :1])
    down = (y + 1 > low[:, 1:]) & (y < high[:, 1:])
    free = down.T.astype(np.float32) @ across.astype(np.float32) == 0
    doubled = cv2.resize(free.view(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(doubled[:height, :width])


def _level(grey: Image, background: Image, factor: int, centre: tuple[float, float]) -> Level:
    width = grey.shape[1]
    radius = width / 2
    dx, dy = cv2.spatialGradient(grey)
    contrast = np.abs(dx) + np.abs(dy)
    contrast *= background
    contrast[0] = contrast[-1] = 0
    contrast[:, 0] = contrast[:, -1] = 0
    # Contrast is compared with the surroundings, not with the image: this spreads the pixels over
    # the image, and a person without a box does not outweigh a background of low contrast.
    index = np.flatnonzero(contrast > cv2.blur(contrast, NEIGHBOURHOOD))
    index = index[:: 1 + len(index) // MAX_POINTS]
    columns = np.empty((6, len(index)), np.float32)
    eighth = np.float32(0.125)  # the Sobel kernel sums to 8
    dx = np.multiply(dx.ravel()[index], eighth, out=columns[2])
    dy = np.multiply(dy.ravel()[index], eighth, out=columns[3])
    row = ((index + 0.5) * (1 / width)).astype(np.int64)  # much faster than a division of integers
    x = (index - row * width - centre[0]).astype(np.float32)
    y = (row - centre[1]).astype(np.float32)
    columns[0] = (dx * x + dy * y) / np.float32(radius)
    columns[1] = (dy * x - dx * y) / np.float32(radius)
    columns[4] = grey.ravel()[index]
    columns[4] -= columns[4].sum() / max(len(index), 1)
    columns[5] = 1
    return Level(grey.astype(np.float32), background, factor, centre, radius, index, columns)
