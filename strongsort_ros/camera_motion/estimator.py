"""What every source of camera motion gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """Motion of the image from the previous frame to the current one.

    Attributes
    ----------
    matrix
        (3, 3) float64, maps pixels of the previous frame to pixels of the current one.
    score
        Confidence in [0, 1]; 0: not known, and `matrix` is the identity.

    """

    matrix: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    score: float = 0.0


class CameraMotionEstimator(Protocol):
    """Gives the motion between consecutive images; never raises for what an image shows."""

    def estimate(
        self, image: npt.NDArray[np.uint8], tlwh: npt.NDArray[np.float64] | None = None
    ) -> CameraMotion:
        """Return the motion from the image of the previous call to this one.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR or (H, W) grey; only read.
        tlwh
            (N, 4) pixels: boxes of what may move by itself in this image.

        """
        ...

    def reset(self) -> None:
        """Forget the previous image."""
        ...
