"""The default camera motion: coarse to fine, robust ECC of the background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.camera_motion.alignment import Alignment, Euclidean, align, compare
from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.camera_motion.pyramid import Level, build_pyramid, pivot
from strongsort_ros.settings import Settings, param

ITERATIONS: Final = (8, 6, 12)
"""Most steps at a level, fine to coarse."""

TOLERANCE: Final = (0.03, 0.05, 0.1)
"""A shorter step is a level's last, pixels of the level, fine to coarse."""


MAX_LAST_STEP: Final = 0.1
"""A motion whose last step at the finest level was longer did not converge."""


GOOD_START: Final = 0.9
"""A start of higher correlation at the coarsest level is near enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMotionSettings(Settings):
    """Settings of the mode `ecc`; `published` has none.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type; the message names both.

    """

    working_pixels: int = param(
        32400, 'Pixels, about, to which images are reduced; more is slower and finer.', 'px',
        low=1000, high=4_000_000,
    )  # fmt: skip
    box_margin: float = param(
        0.05, 'Boxes are widened by this share of their height on every side before what is in '
        'them is left out.', high=1.0,
    )  # fmt: skip
    min_score: float = param(
        0.5, 'A motion with a lower correlation between the images is not used.', low=0.01, high=1.0
    )
    max_shift: float = param(
        0.3, 'A motion that moves the image centre by more than this share of the image diagonal '
        'is not used.', high=1.0,
    )  # fmt: skip
    max_rotation: float = param(
        10.0, 'A motion that turns the image by more is not used.', 'deg', high=45.0
    )
    max_uncertainty: float = param(
        1.0, 'A motion whose standard deviation, as the images allow it to be known, is larger '
        'is not used: blank walls, fog, darkness.', 'px', low=0.01, high=1000.0,
    )  # fmt: skip


class EccCameraMotion:
    """Gives the motion between consecutive images, from their background alone.

    Both images are reduced to a pyramid; the previous one's is kept. At the coarsest level the
    best of three starts is taken: no motion, the motion of the frame before, and the peak of
    the phase correlation. Every level then refines it. Pixels in boxes, of either image, are
    not used, and what moves without a box is weighted down. A motion that did not converge, is
    implausible, or cannot be known from these images, is the identity with score 0.

    Parameters
    ----------
    settings
        See `CameraMotionSettings`.

    """

    def __init__(self, settings: CameraMotionSettings | None = None) -> None:
        self.settings = settings or CameraMotionSettings()
        self._previous: list[Level] = []
        self._shape: tuple[int, ...] = ()
        self._motion = Euclidean()

    def estimate(
        self, image: npt.NDArray[np.uint8], tlwh: npt.NDArray[np.float64] | None = None
    ) -> CameraMotion:
        """Return the motion from the image of the previous call to this one.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR or (H, W) grey, of any size; only read.
        tlwh
            (N, 4) pixels: boxes of what may move by itself in this image; rows that are not
            finite are ignored.

        Returns
        -------
        CameraMotion
            Its score is the correlation of the two backgrounds after alignment.

        """
        s = self.settings
        levels = build_pyramid(image, tlwh, s.working_pixels, s.box_margin)
        previous, self._previous = self._previous, levels
        shape, self._shape = self._shape, image.shape[:2]
        found = self._between(previous, levels) if shape == self._shape else None
        self._motion = found.warp if found is not None else Euclidean()
        if found is None:
            return CameraMotion()
        return CameraMotion(found.warp.matrix(pivot(image.shape)), min(found.correlation, 1.0))

    def reset(self) -> None:
        """Forget the previous image and its motion."""
        self._previous = []
        self._motion = Euclidean()

    def _between(self, previous: list[Level], current: list[Level]) -> Alignment | None:
        """Return the alignment in pixels of the full image, or None where it is not known."""
        if not previous:
            return None
        found: Alignment | None = self._start(previous[-1], current[-1])
        for k in reversed(range(len(previous))):
            if found is None:
                return None
            found = align(previous[k], current[k], found, ITERATIONS[k], TOLERANCE[k])
            if found is not None and k > 0:
                found = found.scaled(2)
        if found is None:
            return None
        converged = found.step < MAX_LAST_STEP
        found = found.scaled(previous[0].factor)
        return found if converged and self._plausible(found) else None

    def _start(self, previous: Level, current: Level) -> Alignment:
        """Return the best of no motion, the motion before, and phase correlation."""
        before = self._motion.scaled(1 / previous.factor)
        best = _better(compare(previous, current, Euclidean()), compare(previous, current, before))
        if best.correlation > GOOD_START:
            return best
        shift = _phase_shift(previous, current)
        return _better(best, compare(previous, current, shift))

    def _plausible(self, found: Alignment) -> bool:
        s = self.settings
        return (
            found.correlation >= s.min_score
            and found.uncertainty <= s.max_uncertainty
            and math.hypot(found.warp.x, found.warp.y) <= s.max_shift * math.hypot(*self._shape)
            and abs(math.degrees(found.warp.angle)) <= s.max_rotation
        )


def _better(a: Alignment, b: Alignment) -> Alignment:
    return b if b.correlation > a.correlation else a


def _phase_shift(previous: Level, current: Level) -> Euclidean:
    """Return the shift at the peak of the phase correlation of the whole images."""
    window = cv2.createHanningWindow(previous.image.shape[::-1], cv2.CV_32F)
    # Not given as an argument: OpenCV then multiplies some images in place.
    (x, y), _ = cv2.phaseCorrelate(previous.image * window, current.image * window)
    return Euclidean(0.0, x, y) if math.isfinite(x) and math.isfinite(y) else Euclidean()
