"""Textured street canyon: road, two rows of houses and the horizon, seen from any pose.

World coordinates are metres: x to the right, y down, z along the street; the road is y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from strongsort_ros.types import BoolArray, Float32Array, FloatArray, Image, Matrix

HALF_WIDTH: Final = 11.0
"""Distance of the houses from the middle of the road, metres."""

WALL_HEIGHT: Final = 9.0
"""Height of the houses, metres."""

_TEXELS: Final = 40.0  # per metre
_PERIOD: Final = 51.2  # metres after which the textures repeat
_LEVELS: Final = 6
_HORIZON: Final = (4096, 1024)  # texels of 360 degrees, and of 90 degrees


@dataclass(frozen=True, slots=True)
class Pose:
    """Position and direction of a camera without roll.

    Attributes
    ----------
    position
        (3,) metres.
    heading
        Radians, to the right.
    pitch
        Radians, down.

    """

    position: FloatArray
    heading: float = 0.0
    pitch: float = 0.0

    def rotation(self) -> Matrix:
        """Return (3, 3), directions of the camera (right, down, ahead) to those of the world."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        c, s = math.cos(self.pitch), math.sin(self.pitch)
        return np.asarray(turn @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]))


class Street:
    """Street that a camera sees from any pose; the same for the same seed.

    Parameters
    ----------
    width, height
        Size of the image, pixels.
    focal_length
        Pixels.
    rng
        Source of the textures.

    """

    def __init__(
        self, width: int, height: int, focal_length: float, rng: np.random.Generator
    ) -> None:
        self.focal_length = focal_length
        self.centre = np.array([(width - 1) / 2, (height - 1) / 2])
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        rays = np.dstack([x - self.centre[0], y - self.centre[1], np.full(x.shape, focal_length)])
        self._rays = (rays / focal_length).astype(np.float32)
        self._ground = _pyramid(_road(rng))
        self._walls = [_pyramid(_houses(rng)) for _ in range(2)]
        self._sky = cv2.GaussianBlur(_horizon(rng), (0, 0), 1.5)

    def project(self, points: FloatArray, pose: Pose) -> FloatArray:
        """Return pixels (N, 2) of points (N, 3) of the world; NaN for those behind the camera."""
        seen = (points - pose.position) @ pose.rotation()
        depth = np.where(seen[:, 2:] > 0.1, seen[:, 2:], np.nan)
        return np.asarray(self.centre + self.focal_length * seen[:, :2] / depth)

    def draw(self, pose: Pose) -> Image:
        """Return the empty street, (H, W, 3) uint8 BGR."""
        rays = self._rays @ pose.rotation().T.astype(np.float32)
        image = self._draw_sky(rays)
        with np.errstate(divide='ignore', invalid='ignore'):
            for side, texture in zip((-1, 1), self._walls, strict=True):
                t = (side * HALF_WIDTH - pose.position[0]) / rays[..., 0]
                y = pose.position[1] + t * rays[..., 1]
                shown = (t > 0) & (y < 0) & (y > -WALL_HEIGHT)
                _paint(image, texture, pose.position[2] + t * rays[..., 2], -y, shown)
            t = -pose.position[1] / rays[..., 1]
            x = pose.position[0] + t * rays[..., 0]
            shown = (t > 0) & (np.abs(x) < HALF_WIDTH)
            _paint(image, self._ground, pose.position[2] + t * rays[..., 2], x + HALF_WIDTH, shown)
        return np.clip(image, 0, 255).astype(np.uint8)

    def _draw_sky(self, rays: Float32Array) -> Float32Array:
        azimuth = np.arctan2(rays[..., 0], rays[..., 2]) / (2 * math.pi) * _HORIZON[0]
        level = np.hypot(rays[..., 0], rays[..., 2])
        elevation = np.arctan2(-rays[..., 1], level) / (math.pi / 2) * _HORIZON[1]
        u, v = azimuth % _HORIZON[0], _HORIZON[1] - np.clip(elevation, 0, _HORIZON[1])
        sky = cv2.remap(
            self._sky, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(sky, np.float32)


def _paint(
    image: Float32Array,
    pyramid: list[Image],
    along: Float32Array,
    across: Float32Array,
    shown: BoolArray,
) -> None:
    """Paint a surface where it is shown; `along` and `across` are metres on it."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if len(rows) == 0:
        return
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    u = np.where(shown[part], along[part], 0) * _TEXELS
    v = np.where(shown[part], across[part], 0) * _TEXELS
    # Texels per pixel choose the level of the texture, which prevents flicker in the distance.
    steps = [np.abs(step) for texels in (u, v) for step in np.gradient(texels)]
    level = np.log2(np.clip(np.maximum.reduce(steps), 1, 2 ** (_LEVELS - 1)))
    target, mask = image[part], shown[part]
    for k, texture in enumerate(pyramid):
        share = np.where(mask, np.clip(1 - np.abs(level - k), 0, 1), 0)
        if not share.any():
            continue
        x, y = ((texels + 0.5) / 2**k - 0.5 for texels in (u % (_PERIOD * _TEXELS), v))
        values = cv2.remap(
            texture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )  # fmt: skip
        if k == int(level[mask].min()):
            target[mask] = 0
        target += share[..., None] * values


def _pyramid(texture: Image) -> list[Image]:
    levels = [texture]
    while len(levels) < _LEVELS:
        levels.append(np.asarray(cv2.pyrDown(levels[-1], borderType=cv2.BORDER_REFLECT), np.uint8))
    return levels


def _plain(height: float, colour: tuple[float, ...], rng: np.random.Generator) -> Float32Array:
    """Return a surface with stains of every size, (height, period) metres."""
    size = round(_PERIOD * _TEXELS), round(height * _TEXELS)
    plane = np.tile(np.array(colour, np.float32), (size[1], size[0], 1))
    for octave in range(7):
        cells = max(2, (size[1] << octave) // size[0]), 4 << octave
        stains = rng.standard_normal((*cells, 1)).astype(np.float32)
        plane += (7 * cv2.resize(stains, size, interpolation=cv2.INTER_CUBIC))[..., None]
    return plane


def _road(rng: np.random.Generator) -> Image:
    plane = _plain(2 * HALF_WIDTH, (112, 116, 118), rng)
    metre = round(_TEXELS)
    kerb = round(4.5 * metre)
    for pavement in (plane[:kerb], plane[-kerb:]):
        pavement += 38
        pavement[::metre] -= 30
        pavement[:, ::metre] -= 30
    middle = plane.shape[0] // 2
    for start in range(0, plane.shape[1], 6 * metre):
        plane[middle - 5 : middle + 5, start : start + 3 * metre] = 215
    for _ in range(60):  # covers and repairs
        x, y = rng.integers(0, plane.shape[1]), rng.integers(kerb, plane.shape[0] - kerb)
        w, h = rng.integers(metre // 3, 2 * metre, 2)
        plane[y : y + h, x : x + w] += rng.normal(0, 18)
    return np.clip(plane, 0, 255).astype(np.uint8)


def _houses(rng: np.random.Generator) -> Image:
    plane = _plain(WALL_HEIGHT, (120, 140, 155), rng)
    metre = round(_TEXELS)
    left = 0
    while left < plane.shape[1]:
        right = left + round(rng.uniform(5, 11) * metre)
        plane[:, left:right] += rng.normal(0, 28, 3)
        for x in range(left + metre // 2, right - metre, round(2.2 * metre)):
            for y in range(metre, plane.shape[0] - 2 * metre, 3 * metre):
                pane = plane[y : y + round(1.7 * metre), x : x + round(1.1 * metre)]
                pane[:] = rng.uniform(25, 110)
                pane[:: metre // 2] += 70
        left = right
    return np.clip(plane, 0, 255).astype(np.uint8)


def _horizon(rng: np.random.Generator) -> Image:
    """Return sky above a skyline."""
    columns, rows = _HORIZON
    sky = np.linspace(215, 175, rows)[:, None, None] * np.array([1.08, 1.0, 0.92])
    image = np.tile(sky, (1, columns, 1))[::-1].copy()
    x = 0
    while x < columns:
        width, height = int(rng.integers(12, 60)), int(rng.integers(20, 90))
        image[rows - height :, x : x + width] = rng.uniform(70, 160, 3)
        for top in range(rows - height + 6, rows, 12):
            image[top : top + 4, x + 3 : x + width - 3] -= 40
        x += width
    return np.asarray(np.clip(image, 0, 255), np.uint8)
