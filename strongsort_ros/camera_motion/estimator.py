"""Camera motion, and the interface of the estimators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from strongsort_ros.types import FloatArray, Image, Matrix


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """Motion of the image content from the previous frame to the current one.

    Attributes
    ----------
    matrix
        (3, 3) float64, maps pixels of the previous frame to the current one.
    score
        Confidence in [0, 1]; 0: unknown, and `matrix` is the identity.

    """

    matrix: Matrix = field(default_factory=lambda: np.eye(3))
    score: float = 0.0


class CameraMotionEstimator(Protocol):
    """Estimates the motion between consecutive images; no image content makes it raise."""

    def estimate(self, image: Image, tlwh: FloatArray | None = None) -> CameraMotion:
        """Return the motion from the image of the previous call to this one.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR or (H, W) grey; never changed.
        tlwh
            (N, 4) boxes of objects that may move in this image, pixels.

        """

    def reset(self) -> None:
        """Forget the previous image."""
