"""Robust ECC alignment of two images at one pyramid level."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from strongsort_ros.camera_motion.pyramid import Level
from strongsort_ros.types import Float32Array, Matrix

MIN_POINTS: Final = 60
"""Fewest pixels for an alignment."""

MIN_GAIN: Final = 0.1
"""Smallest ratio of contrast between the images, and the inverse of the largest."""

SCALE_SAMPLE: Final = 500
"""Approximate number of pixels from which the scale of residuals is estimated."""

BILINEAR: Final = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
NEAREST: Final = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True)
class Similarity:
    """Rotation and enlargement about a centre, followed by a shift.

    Attributes
    ----------
    angle
        Radians, from x to y.
    x, y
        Shift, pixels.
    zoom
        Natural logarithm of the enlargement.

    """

    angle: float = 0.0
    x: float = 0.0
    y: float = 0.0
    zoom: float = 0.0

    def matrix(self, centre: tuple[float, float]) -> Matrix:
        """Return the (3, 3) matrix for pixels counted from the top-left corner."""
        cos, sin = self._linear()
        x, y = centre
        return np.array(
            [
                [cos, -sin, self.x + x - cos * x + sin * y],
                [sin, cos, self.y + y - sin * x - cos * y],
                [0, 0, 1],
            ]
        )

    def compose_inverse(self, step: Similarity) -> Similarity:
        """Return this warp composed with the inverse of `step`."""
        turned = replace(self, angle=self.angle - step.angle, zoom=self.zoom - step.zoom)
        cos, sin = turned._linear()
        x = self.x - cos * step.x + sin * step.y
        return replace(turned, x=x, y=self.y - sin * step.x - cos * step.y)

    def scaled(self, factor: float) -> Similarity:
        """Return the same warp in pixels smaller by `factor`."""
        return replace(self, x=self.x * factor, y=self.y * factor)

    def on_raster(self) -> Similarity:
        """Return the warp with its shift rounded to 1/32 pixel."""
        return replace(self, x=round(self.x * 32) / 32, y=round(self.y * 32) / 32)

    def _linear(self) -> tuple[float, float]:
        """Return the enlargement times cosine and sine of the angle."""
        size = math.exp(self.zoom)
        return size * math.cos(self.angle), size * math.sin(self.angle)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Warp from a template to an image, and how well it fits.

    Attributes
    ----------
    warp
        Pixels of the level, about `Level.centre`.
    gain, bias
        Grey value of the image = gain x (grey value of the template - its mean) + bias.
    correlation
        Correlation of template and warped image over the pixels used, outliers weighted down.
    step
        Length of the last step, pixels of the level.
    uncertainty
        Standard deviation of the motion, pixels of the level.
    zoom_evidence
        Zoom in its own standard deviations; its square is twice the logarithm of the likelihood
        ratio of the warps with and without it. 0 if no zoom was searched.

    """

    warp: Similarity
    gain: float = 1.0
    bias: float = 0.0
    correlation: float = 0.0
    step: float = math.inf
    uncertainty: float = math.inf
    zoom_evidence: float = 0.0

    def scaled(self, factor: float) -> Alignment:
        """Return the same alignment in pixels smaller by `factor`."""
        return replace(
            self,
            warp=self.warp.scaled(factor),
            step=self.step * factor,
            uncertainty=self.uncertainty * factor,
        )


def align(
    template: Level,
    image: Level,
    start: Alignment,
    iterations: int,
    tolerance: float,
    *,
    zooming: bool = False,
) -> Alignment | None:
    """Return the warp of highest correlation near `start`, or None if it finds none.

    Inverse compositional Gauss-Newton steps (Baker and Matthews, IJCV 56(3), 2004) on the grey
    values up to gain and bias, to which the correlation is invariant (ECC: Evangelidis and
    Psarakis, PAMI 30(10), 2008). Cauchy weights suppress objects that move by themselves.

    Parameters
    ----------
    template, image
        The same level of the previous and the current image.
    start
        Alignment from which the search starts.
    iterations
        Largest number of steps.
    tolerance
        The search ends after a step shorter than this, pixels of the level.
    zooming
        Search the zoom, too; otherwise that of `start` is kept.

    """
    columns = template.columns if zooming else template.columns[1:]
    mask, count = _common_background(template, image, start.warp)
    if count < MIN_POINTS:
        return None
    sample = np.flatnonzero(mask)[:: 1 + int(count) // SCALE_SAMPLE]
    warp, gain, bias, step = start.warp, start.gain, start.bias, math.inf
    for _ in range(iterations):
        # OpenCV 4 samples at multiples of 1/32 pixel only. Rounding the warp to them makes the
        # step start where the image is sampled; otherwise the error is up to 1/64 pixel.
        warp = warp.on_raster()
        values = _values(template, image, warp)
        residuals = values - np.float32(gain) * columns[-2] - np.float32(bias)
        # Cauchy's scale: 2.4 standard deviations of the inliers; 0.1 for rounded grey values.
        scale = 3.5 * _median(np.abs(residuals[sample])) + 0.1
        squares = residuals * residuals
        weights = mask / (1 + squares * np.float32(1 / scale**2))
        weighted = columns * weights
        try:
            covariance = np.linalg.inv((weighted @ columns.T).astype(np.float64))
        except np.linalg.LinAlgError:
            return None
        solved = (covariance @ (weighted @ values)).tolist()
        gain, bias = solved[-2:]
        if not MIN_GAIN < gain < 1 / MIN_GAIN:
            return None
        *zoom, turn, x, y = (value / gain for value in solved[:-2])
        step = math.hypot(*zoom, turn, x, y)
        if not step < template.radius:
            return None
        turn, growth = turn / template.radius, sum(zoom) / template.radius
        warp = warp.compose_inverse(Similarity(turn, x, y, growth))
        if step < tolerance:
            break
    variance = float(weights @ squares) / float(weights.sum())
    spreads = np.maximum(variance * covariance.diagonal()[:-2], 0.0) / gain**2
    correlation = _correlation(columns[-2], values, weights)
    evidence = 0.0
    if zooming and spreads[0] > 0:
        evidence = abs(warp.zoom) * template.radius / math.sqrt(spreads[0])
    uncertainty = math.sqrt(spreads.sum())
    return Alignment(warp, gain, bias, correlation, step, uncertainty, evidence)


def compare(template: Level, image: Level, warp: Similarity) -> Alignment:
    """Return the correlation under a given warp, with equal weights and no search."""
    mask, count = _common_background(template, image, warp)
    if count < MIN_POINTS:
        return Alignment(warp)
    values = _values(template, image, warp)
    correlation = _correlation(template.columns[-2], values, mask)
    return Alignment(warp, 1.0, float(mask @ values) / count, correlation)


def _common_background(
    template: Level, image: Level, warp: Similarity
) -> tuple[Float32Array, float]:
    """Return (n,) 1 for pixels that are background in both images, else 0; and their sum."""
    size = template.image.shape[::-1]
    matrix = warp.matrix(template.centre)[:2]
    background = cv2.warpAffine(image.background, matrix, size, flags=NEAREST)
    mask = background.ravel()[template.index].astype(np.float32)
    return mask, float(mask.sum())


def _values(template: Level, image: Level, warp: Similarity) -> Float32Array:
    """Return (n,) grey values of the image at the warped pixels of the template."""
    size = template.image.shape[::-1]
    matrix = warp.matrix(template.centre)[:2]
    warped = cv2.warpAffine(
        image.image, matrix, size, flags=BILINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped.ravel()[template.index], np.float32)


def _median(values: Float32Array) -> float:
    """Return the upper median; for a few hundred values several times faster than `np.median`."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _correlation(a: Float32Array, b: Float32Array, weights: Float32Array) -> float:
    """Return the weighted correlation coefficient; 0 if `a` or `b` is constant."""
    total = weights.sum()
    a, b = a - (weights @ a) / total, b - (weights @ b) / total
    weighted = weights * a
    norms = float(weighted @ a) * float(weights @ (b * b))
    return float(weighted @ b) / math.sqrt(norms) if norms > 0 else 0.0
