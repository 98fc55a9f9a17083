"""A hand-held camera: it pans and shakes, and its motion is known exactly."""

from __future__ import annotations

import math

import numpy as np

from strongsort_ros.types import FloatArray

_SWAY_SECONDS = 9.0
# Period (s) and share of the amplitude of each part of the shake; no two periods are in step.
_SHAKE = ((0.83, 0.5), (0.37, 0.3), (0.21, 0.2))


class ShakingCamera:
    """Poses of a camera, a smooth function of time.

    Parameters
    ----------
    centre
        (x, y) of the picture's centre, pixels; the camera rolls about it.
    frame_rate
        Frames a second.
    pan
        Largest slow motion to either side, pixels.
    shake
        Largest fast motion along x and along y, pixels.
    roll
        Largest rotation, degrees.
    rng
        Gives the phases.

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
        """Return the (3, 3) Euclidean matrix from a still camera's pixels to this frame's."""
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
        """Return the (3, 3) matrix from pixels of the frame before to this frame's."""
        motion: FloatArray = self.pose(frame) @ np.linalg.inv(self.pose(frame - 1))
        return motion
