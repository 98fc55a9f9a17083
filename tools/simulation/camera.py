"""Simulated hand-held camera that pans and shakes, with its exact motion."""

from __future__ import annotations

import math

import numpy as np

from strongsort_ros.types import FloatArray

_SWAY_SECONDS = 9.0
# Period (s) and share of the amplitude of each component of the shake; no period is a multiple of
# another.
_SHAKE = ((0.83, 0.5), (0.37, 0.3), (0.21, 0.2))


class ShakingCamera:
    """Poses of a camera as a smooth function of time.

    Parameters
    ----------
    centre
        (x, y) of the image centre, pixels; the camera rolls about it.
    frame_rate
        Frames per second.
    pan
        Amplitude of the slow horizontal motion, pixels.
    shake
        Amplitude of the fast motion along x and along y, pixels.
    roll
        Amplitude of the rotation, degrees.
    rng
        Source of the random phases.

    """

    def __init__(
        self,
        centre: tuple[float, float],
        frame_rate: float,
        *,
        pan: float,
        shake: float,
        roll: float,
        rng: np.random.Generator,
    ) -> None:
        self._centre = centre
        self._frame_rate = frame_rate
        self._amplitude = np.array([shake, shake, math.radians(roll)])
        self._pan = pan
        self._phases = rng.uniform(0, 2 * math.pi, (len(_SHAKE), 3))

    def pose(self, frame: int) -> FloatArray:
        """Return the (3, 3) Euclidean matrix from pixels of a still camera to this frame."""
        seconds = (frame - 1) / self._frame_rate
        periods, shares = np.array(_SHAKE).T
        swing = np.sin(2 * math.pi * seconds / periods[:, None] + self._phases)
        x, y, angle = self._amplitude * (shares @ swing)
        x += self._pan * math.sin(2 * math.pi * seconds / _SWAY_SECONDS)
        cos, sin = math.cos(angle), math.sin(angle)
        cx, cy = self._centre
        return np.array([
            [cos, -sin, x + cx - cos * cx + sin * cy],
            [sin, cos, y + cy - sin * cx - cos * cy],
            [0.0, 0.0, 1.0],
        ])  # fmt: skip

    def motion(self, frame: int) -> FloatArray:
        """Return the (3, 3) matrix from pixels of the previous frame to this frame."""
        motion: FloatArray = self.pose(frame) @ np.linalg.inv(self.pose(frame - 1))
        return motion
