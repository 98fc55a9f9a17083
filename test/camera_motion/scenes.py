"""Synthetic images with known motion."""

from __future__ import annotations

import cv2
import numpy as np

from strongsort_ros.types import FloatArray, Image, Matrix

WIDTH, HEIGHT, MARGIN = 960, 540, 240


def plane(seed: int = 0, contrast: float = 18.0) -> Image:
    """Return a textured plane that exceeds the image by MARGIN on every side."""
    rng = np.random.default_rng(seed)
    size = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN
    texture = np.full((size[1], size[0], 3), 120, np.float32)
    for octave in range(8):
        noise = rng.standard_normal((4 << octave, 7 << octave, 3), dtype=np.float32)
        texture += contrast * 0.85**octave * cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(np.clip(texture, 0, 255).astype(np.uint8), (0, 0), 0.8)


def pose(x: float = 0.0, y: float = 0.0, degrees: float = 0.0, zoom: float = 1.0) -> Matrix:
    """Return (3, 3), image to plane: turn and enlarge the image about its centre, then shift."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    u, v = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
    x, y = x + u + MARGIN, y + v + MARGIN
    return np.array(
        [[cos, -sin, x - cos * u + sin * v], [sin, cos, y - sin * u - cos * v], [0, 0, 1]]
    )


def view(texture: Image, where: Matrix, noise: float = 2.0, seed: int = 0) -> Image:
    """Return the camera image of the plane from a pose."""
    image = cv2.warpAffine(
        texture, where[:2], (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    grain = np.random.default_rng(seed).normal(0, noise, image.shape).astype(np.float32)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def between(before: Matrix, after: Matrix) -> Matrix:
    """Return the true motion of the image between two poses."""
    return np.linalg.inv(after) @ before


def add_people(image: Image, tlwh: FloatArray, seed: int) -> None:
    """Paint a striped block into every box."""
    rng = np.random.default_rng(seed)
    for x, y, w, h in np.rint(tlwh).astype(int):
        stripes = rng.integers(0, 256, (max(h // 12, 1), 1, 3), dtype=np.uint8)
        block = cv2.resize(stripes, (w, h), interpolation=cv2.INTER_NEAREST)
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, WIDTH), min(y + h, HEIGHT)
        if left < right and top < bottom:
            image[top:bottom, left:right] = block[top - y : bottom - y, left - x : right - x]


def rms_error(estimate: Matrix, truth: Matrix) -> float:
    """Return the RMS distance of the two over a grid of image points, pixels."""
    x, y = np.meshgrid(np.linspace(0, WIDTH - 1, 9), np.linspace(0, HEIGHT - 1, 5))
    points = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
    return float(np.sqrt(np.square(points @ (estimate - truth)[:2].T).sum(axis=1).mean()))
