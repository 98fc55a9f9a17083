"""Background of the drawn scene: a paved square in front of a row of houses."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.types import Image

HOUSES_END = 0.31
"""Lower edge of the houses, in image heights from the top."""

# A person of 1.7 m is 0.75 * (0.06 + 0.42 y / height) image heights tall (walkers.py); the paving
# has the same perspective.
_SCALE_AT_TOP, _SCALE_GAIN, _METRE = 0.06, 0.42, 0.44
_ROWS = 4.3
_WALLS = np.array([
    [98, 122, 168], [120, 158, 190], [150, 168, 178], [92, 104, 128], [160, 150, 132],
    [132, 172, 196], [110, 130, 150],
])  # fmt: skip
_AWNINGS = np.array([[70, 60, 150], [120, 110, 60], [70, 120, 80], [60, 120, 170], [120, 70, 60]])


def draw_plaza(width: int, height: int, margin: int, rng: np.random.Generator) -> Image:
    """Return the background, (height + 2 margin, width + 2 margin, 3) uint8 BGR.

    Parameters
    ----------
    width, height
        Size of the image of a still camera, pixels.
    margin
        Width drawn beyond the image on every side, pixels.
    rng
        Source of random stones, houses and stains.

    """
    size = (height + 2 * margin, width + 2 * margin)
    image = _paving(size, width, height, margin, rng)
    _draw_houses(image, height, margin, rng)
    image += _stains(size, rng)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _paving(
    size: tuple[int, int],
    width: int,
    height: int,
    margin: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Draw paving stones of one metre in varying greys, with joints and rows of dark stones."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    scale = np.maximum(_SCALE_AT_TOP + _SCALE_GAIN * (y - margin) / height, 0.04)
    column = (x - margin - width / 2) / (_METRE * scale * height)
    row = _ROWS / scale
    stones = rng.normal(0, 9, (64, 64)).astype(np.float32)
    grey = stones[np.floor(row).astype(int) % 64, np.floor(column).astype(int) % 64]
    dark = (np.floor(column).astype(int) % 5 == 0) | (np.floor(row).astype(int) % 7 == 0)
    grey -= 26 * dark
    # Distance to the nearest joint in pixels, so that distant joints are thin.
    across = np.abs(column - np.round(column)) * _METRE * scale * height
    along = np.abs(row - np.round(row)) * scale**2 * height / (_ROWS * _SCALE_GAIN)
    joint = np.clip(1.6 - np.minimum(across, along), 0, 1)
    grey -= 34 * joint * np.clip(scale * 3, 0.2, 1)
    paving: npt.NDArray[np.float32] = np.array([158, 166, 172], np.float32) + grey[..., None]
    paving *= (0.82 + 0.5 * np.clip(scale, 0, 0.5))[..., None]
    return paving


def _draw_houses(
    image: npt.NDArray[np.float32], height: int, margin: int, rng: np.random.Generator
) -> None:
    end = margin + round(HOUSES_END * height)
    left = 0
    while left < image.shape[1]:
        right = left + round(rng.uniform(0.3, 0.5) * height)
        wall = _WALLS[rng.integers(len(_WALLS))] + rng.normal(0, 6, 3)
        cv2.rectangle(image, (left, 0), (right, end), wall.tolist(), cv2.FILLED)
        cv2.rectangle(image, (right - 2, 0), (right, end), (wall * 0.6).tolist(), cv2.FILLED)
        _draw_shop(image, left, right, end, height, rng)
        left = right
    kerb = max(round(0.012 * height), 2)
    cv2.rectangle(image, (0, end), (image.shape[1], end + kerb), (188, 194, 198), cv2.FILLED)
    cv2.rectangle(image, (0, end + kerb), (image.shape[1], end + kerb + 2), (84, 88, 92), -1)


def _draw_shop(
    image: npt.NDArray[np.float32],
    left: int,
    right: int,
    end: int,
    height: int,
    rng: np.random.Generator,
) -> None:
    """Draw the windows of a house and the shop below: window, door and striped awning."""
    unit = height / 100
    for column in np.linspace(left + 4 * unit, right - 13 * unit, 3):
        for top in np.arange(end - 31 * unit, -14 * unit, -16 * unit):
            _draw_pane(image, column, top, 9 * unit, 11 * unit, rng)
    door = left + rng.uniform(4, 10) * unit
    _draw_pane(image, door, end - 13 * unit, 6 * unit, 13 * unit, rng)
    _draw_pane(
        image,
        door + 8 * unit,
        end - 12 * unit,
        right - door - 12 * unit,
        10 * unit,
        rng,
    )
    colour = _AWNINGS[rng.integers(len(_AWNINGS))]
    edges = np.linspace(left + 2 * unit, right - 2 * unit, 12).round().astype(int)
    top, bottom = round(end - 18 * unit), round(end - 13 * unit)
    for i, (start, stop) in enumerate(pairwise(edges)):
        stripe = colour if i % 2 else np.array([205, 210, 212])
        cv2.rectangle(image, (int(start), top), (int(stop), bottom), stripe.tolist(), cv2.FILLED)


def _draw_pane(
    image: npt.NDArray[np.float32],
    left: float,
    top: float,
    width: float,
    height: float,
    rng: np.random.Generator,
) -> None:
    corner, opposite = (
        (round(left), round(top)),
        (round(left + width), round(top + height)),
    )
    glass = np.array([96, 84, 70]) * rng.uniform(0.55, 1.35)
    cv2.rectangle(image, corner, opposite, glass.tolist(), cv2.FILLED)
    cv2.line(
        image,
        (corner[0], opposite[1]),
        (opposite[0], corner[1]),
        (glass * 1.25).tolist(),
        2,
    )
    cv2.rectangle(image, corner, opposite, (206, 208, 208), max(round(height / 14), 1))


def _stains(size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return brightness noise at several scales, so that every region has texture."""
    total = np.zeros(size, np.float32)
    for cell, strength in ((160, 7.0), (40, 4.0), (10, 3.0), (3, 3.0)):
        grid = rng.standard_normal((size[0] // cell + 2, size[1] // cell + 2), np.float32)
        total += strength * cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)
    return total
