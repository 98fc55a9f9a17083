"""Robust ECC alignment of one pyramid level: how a template's pixels moved in another image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from strongsort_ros.camera_motion.pyramid import Level
from strongsort_ros.types import Float32Array, Matrix

MIN_POINTS: Final = 60
"""Fewer pixels say nothing about motion."""

MIN_GAIN: Final = 0.1
"""Grey values that differ by a larger factor, up or down, are not of the same place."""

SCALE_SAMPLE: Final = 500
"""Pixels, about, from which the scale of residuals is found."""

BILINEAR: Final = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
NEAREST: Final = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True)
class Euclidean:
    """A rotation about a centre, then a shift.

    Attributes
    ----------
    angle
        Radians, from x to y.
    x, y
        Pixels.

    """

    angle: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def matrix(self, centre: tuple[float, float]) -> Matrix:
        """Return (3, 3) for pixels counted from the top-left corner."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x, y = centre
        return np.array(
            [
                [cos, -sin, self.x + x - cos * x + sin * y],
                [sin, cos, self.y + y - sin * x - cos * y],
                [0, 0, 1],
            ]
        )

    def compose_inverse(self, step: Euclidean) -> Euclidean:
        """Return this warp composed with the inverse of `step`."""
        angle = self.angle - step.angle
        cos, sin = math.cos(angle), math.sin(angle)
        x = self.x - cos * step.x + sin * step.y
        return Euclidean(angle, x, self.y - sin * step.x - cos * step.y)

    def scaled(self, factor: float) -> Euclidean:
        """Return the same warp in pixels that are smaller by `factor`."""
        return Euclidean(self.angle, self.x * factor, self.y * factor)

    def on_raster(self) -> Euclidean:
        """Return the warp with its shift rounded to 1/32 pixel."""
        return Euclidean(self.angle, round(self.x * 32) / 32, round(self.y * 32) / 32)


@dataclass(frozen=True, slots=True)
class Alignment:
    """A warp from template to image, and how well it fits.

    Attributes
    ----------
    warp
        Pixels of the level, about its centre.
    gain, bias
        Grey values of the image are gain x (value of the template, less its mean) + bias.
    correlation
        Of template and warped image over the pixels used, outliers weighted down.
    step
        Length of the last step, pixels of the level.
    uncertainty
        Standard deviation of the displacement, pixels of the level.

    """

    warp: Euclidean
    gain: float = 1.0
    bias: float = 0.0
    correlation: float = 0.0
    step: float = math.inf
    uncertainty: float = math.inf

    def scaled(self, factor: float) -> Alignment:
        """Return the same alignment in pixels that are smaller by `factor`."""
        return replace(
            self,
            warp=self.warp.scaled(factor),
            step=self.step * factor,
            uncertainty=self.uncertainty * factor,
        )


def align(
    template: Level, image: Level, start: Alignment, iterations: int, tolerance: float
) -> Alignment | None:
    """Return the Euclidean warp of highest correlation near `start`, or None where there is none.

    Inverse compositional Gauss-Newton steps (Baker and Matthews, IJCV 56(3), 2004) on the grey
    values up to gain and bias, which is what the correlation leaves free (ECC: Evangelidis and
    Psarakis, PAMI 30(10), 2008). Cauchy weights take out what moves by itself.
    """
    columns = template.columns
    seen, count = _seen(template, image, start.warp)
    if count < MIN_POINTS:
        return None
    sample = np.flatnonzero(seen)[:: 1 + int(count) // SCALE_SAMPLE]
    warp, gain, bias, step = start.warp, start.gain, start.bias, math.inf
    for _ in range(iterations):
        # OpenCV 4 samples at multiples of 1/32 pixel only. The step starts from where the image
        # was sampled, so that costs nothing here, and would else cost up to 1/64 pixel.
        warp = warp.on_raster()
        values = _values(template, image, warp)
        residuals = values - np.float32(gain) * columns[3] - np.float32(bias)
        # Cauchy's scale, 2.4 standard deviations of what fits; 0.1 for rounded grey values.
        scale = 3.5 * _median(np.abs(residuals[sample])) + 0.1
        squares = residuals * residuals
        weights = seen / (1 + squares * np.float32(1 / scale**2))
        weighted = columns * weights
        try:
            covariance = np.linalg.inv((weighted @ columns.T).astype(np.float64))
        except np.linalg.LinAlgError:
            return None
        solved = (covariance @ (weighted @ values)).tolist()
        gain, bias = solved[3:]
        if not MIN_GAIN < gain < 1 / MIN_GAIN:
            return None
        turn, x, y = (value / gain for value in solved[:3])
        step = math.hypot(turn, x, y)
        if not step < template.radius:
            return None
        warp = warp.compose_inverse(Euclidean(turn / template.radius, x, y))
        if step < tolerance:
            break
    variance = float(weights @ squares) / float(weights.sum())
    spread = variance * float(covariance[0, 0] + covariance[1, 1] + covariance[2, 2]) / gain**2
    correlation = _correlation(columns[3], values, weights)
    return Alignment(warp, gain, bias, correlation, step, math.sqrt(max(spread, 0.0)))


def compare(template: Level, image: Level, warp: Euclidean) -> Alignment:
    """Return how well a warp fits as it is, all pixels weighing the same."""
    seen, count = _seen(template, image, warp)
    if count < MIN_POINTS:
        return Alignment(warp)
    values = _values(template, image, warp)
    correlation = _correlation(template.columns[3], values, seen)
    return Alignment(warp, 1.0, float(seen @ values) / count, correlation)


def _seen(template: Level, image: Level, warp: Euclidean) -> tuple[Float32Array, float]:
    """Return (n,) 1 where a template's pixel is background in the image too, else 0; their sum."""
    size = template.image.shape[::-1]
    matrix = warp.matrix(template.centre)[:2]
    background = cv2.warpAffine(image.background, matrix, size, flags=NEAREST)
    seen = background.ravel()[template.index].astype(np.float32)
    return seen, float(seen.sum())


def _values(template: Level, image: Level, warp: Euclidean) -> Float32Array:
    """Return (n,) grey values of the image where the warp puts the template's pixels."""
    size = template.image.shape[::-1]
    matrix = warp.matrix(template.centre)[:2]
    warped = cv2.warpAffine(
        image.image, matrix, size, flags=BILINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped.ravel()[template.index], np.float32)


def _median(values: Float32Array) -> float:
    """Return the upper median; several times faster than NumPy's on a few values."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _correlation(a: Float32Array, b: Float32Array, weights: Float32Array) -> float:
    """Return the weighted correlation coefficient; 0 where one of them is constant."""
    total = weights.sum()
    a, b = a - (weights @ a) / total, b - (weights @ b) / total
    weighted = weights * a
    norms = float(weighted @ a) * float(weights @ (b * b))
    return float(weighted @ b) / math.sqrt(norms) if norms > 0 else 0.0
