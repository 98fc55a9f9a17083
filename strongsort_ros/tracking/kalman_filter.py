"""Kalman filter of DeepSORT (arXiv 1703.07402, section 2.1) for all tracks at once.

State: box centre x and y, aspect a = w/h, height h, and their velocities per frame, which are
constant. All noise is diagonal, so the four coordinates never become correlated: the 8x8 covariance
is four 2x2 blocks, kept as the columns of an (N, 12) array: variances of the four positions and of
the four velocities, and the covariance of each position with its velocity. The arithmetic is that
of the full matrices, without the products with zero.
"""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import FloatArray

# Standard deviations of the aspect, which do not depend on the size of the box.
_STD_ASPECT = 1e-2
_STD_ASPECT_VELOCITY = 1e-5
_STD_ASPECT_MEASURED = 1e-1
# Keeps divisions finite where both the noise and the height are 0.
_SMALLEST_VARIANCE = 1e-12

POSITION, VELOCITY, CROSS = slice(0, 4), slice(4, 8), slice(8, 12)
"""Columns of the (N, 12) covariance."""


class KalmanFilter:
    """Predict, gate and update; means (N, 8) and covariances (N, 12) are changed in place."""

    def __init__(self, settings: TrackerSettings) -> None:
        position, velocity = (
            settings.std_weight_position**2,
            settings.std_weight_velocity**2,
        )
        grows = np.array([1.0, 1.0, 0.0, 1.0])
        aspect = np.array([0.0, 0.0, 1.0, 0.0])
        # A variance is weight * h**2 + constant, for each of x, y, a, h.
        self._process_weight = np.concatenate([position * grows, velocity * grows])
        self._process_constant = np.concatenate(
            [aspect * _STD_ASPECT**2, aspect * _STD_ASPECT_VELOCITY**2]
        )
        self._measured_weight = position * grows
        self._measured_constant = aspect * _STD_ASPECT_MEASURED**2
        self._birth_weight = np.concatenate([4 * position * grows, 100 * velocity * grows])

    def initiate(self, xyah: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (N, 8) and covariance (N, 12) of new tracks at boxes (N, 4)."""
        mean = np.zeros((len(xyah), 8))
        mean[:, POSITION] = xyah
        covariance = np.zeros((len(xyah), 12))
        squared = xyah[:, 3:] ** 2
        covariance[:, :8] = squared * self._birth_weight + self._process_constant
        return mean, covariance

    def predict(self, mean: FloatArray, covariance: FloatArray, dt: float = 1.0) -> None:
        """Predict the state `dt` frames ahead, by F(dt) and the noise of that many frames.

        If `dt` is an integer and the height constant, this equals `dt` predictions by one frame.
        """
        squared = mean[:, 3:4] ** 2
        noise = squared * self._process_weight + self._process_constant
        position, velocity = covariance[:, POSITION], covariance[:, VELOCITY]
        cross = covariance[:, CROSS]
        if dt == 1.0:
            mean[:, POSITION] += mean[:, VELOCITY]
            position += cross
            cross += velocity
            position += cross
        else:
            mean[:, POSITION] += dt * mean[:, VELOCITY]
            position += dt * (2 * cross + dt * velocity)
            cross += dt * velocity
            # F propagates the noise of earlier frames: sums of 0..dt-1 and of their squares.
            velocity_noise = noise[:, 4:]
            position += (dt - 1) * (noise[:, :4] + velocity_noise * (dt * (2 * dt - 1) / 6))
            cross += velocity_noise * (dt * (dt - 1) / 2)
            velocity += (dt - 1) * velocity_noise
        covariance[:, :8] += noise

    def rescale_time(self, mean: FloatArray, covariance: FloatArray, ratio: float) -> None:
        """Express the state in frames that are `ratio` times as long as before."""
        mean[:, VELOCITY] *= ratio
        covariance[:, VELOCITY] *= ratio**2
        covariance[:, CROSS] *= ratio

    def mahalanobis(self, mean: FloatArray, covariance: FloatArray, xyah: FloatArray) -> FloatArray:
        """Return (N, M) squared Mahalanobis distances of boxes (M, 4) from N states."""
        projected = mean[:, 3:4] ** 2 * self._measured_weight + self._measured_constant
        projected += covariance[:, POSITION]
        np.maximum(projected, _SMALLEST_VARIANCE, out=projected)
        # The sum of (z - x)^2 / s over the coordinates as one matrix product: z^2/s - 2 z x/s +
        # x^2/s. Centres are relative to the median track, since differences of large numbers lose
        # digits. The origin does not depend on the boxes: an extreme one would spoil all others.
        n, m = len(mean), len(xyah)
        origin = np.zeros(4)
        if n:
            centres = mean[:, :2].T.copy()
            centres.sort()
            origin[:2] = centres[:, n // 2]
        x = mean[:, POSITION] - origin
        left, right = np.empty((n, 9)), np.empty((9, m))
        np.reciprocal(projected, out=left[:, :4])
        scaled = np.multiply(x, left[:, :4], out=left[:, 4:8])
        np.einsum('ij,ij->i', x, scaled, out=left[:, 8])
        z = np.subtract(xyah.T, origin[:, None], out=right[4:8])
        np.multiply(z, z, out=right[:4])
        z *= -2.0
        right[8] = 1.0
        return left @ right

    def update(
        self,
        mean: FloatArray,
        covariance: FloatArray,
        xyah: FloatArray,
        variance_scale: FloatArray | None = None,
        weight: FloatArray | None = None,
    ) -> None:
        """Update N states with their measured boxes (N, 4).

        Parameters
        ----------
        mean, covariance
            (N, 8) and (N, 12), changed in place.
        xyah
            (N, 4) measured boxes.
        variance_scale
            (N, 1) or (N, 4) factors of the variances of the measurement; see `measurement_noise`.
        weight
            (N,) factors of the innovations, 0 to 1, for measurements that count for less.

        """
        noise = mean[:, 3:4] ** 2 * self._measured_weight + self._measured_constant
        if variance_scale is not None:
            noise *= variance_scale
        position, cross = covariance[:, POSITION], covariance[:, CROSS]
        noise += position
        np.maximum(noise, _SMALLEST_VARIANCE, out=noise)
        gain, velocity_gain = position / noise, cross / noise
        innovation = xyah - mean[:, POSITION]
        if weight is not None:
            innovation *= weight[:, None]
        mean[:, POSITION] += gain * innovation
        mean[:, VELOCITY] += velocity_gain * innovation
        covariance[:, VELOCITY] -= velocity_gain * cross
        position -= gain * position
        cross -= gain * cross
