"""Camera motion by robust ECC of the background, coarse to fine; the default mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2

from strongsort_ros.arrays import box_array, check_image
from strongsort_ros.camera_motion.alignment import Alignment, Similarity, align, compare
from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.camera_motion.pyramid import Level, build_pyramid, pivot
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import FloatArray, Image

ITERATIONS: Final = (8, 6, 12)
"""Largest number of steps at each level, fine to coarse."""

TOLERANCE: Final = (0.03, 0.05, 0.1)
"""The search at a level ends after a shorter step, pixels of the level, fine to coarse."""

MAX_LAST_STEP: Final = 0.1
"""Longest last step at the finest level of a motion that converged, pixels of the level."""

ZOOM_EVIDENCE: Final = 10.0
"""Standard deviations above which the zoom is used; neighbouring pixels are not independent, so
that still cameras come up to 10 (docs/camera_motion.md)."""

GOOD_START: Final = 0.9
"""Correlation at the coarsest level above which phase correlation is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMotionSettings(Settings):
    """Settings of the mode `ecc`; the mode `published` has none."""

    working_pixels: int = param(
        32400, 'Approximate number of pixels to which an image is reduced; more is slower and more '
        'accurate.', 'px', low=1000, high=4_000_000,
    )  # fmt: skip
    box_margin: float = param(
        0.05, 'Margin around detection boxes, as a share of their height, that is excluded with '
        'them from the background.', high=1.0,
    )  # fmt: skip
    min_score: float = param(
        0.5, 'Smallest correlation of the aligned images; with less, the motion is unknown.',
        low=0.01, high=1.0,
    )  # fmt: skip
    max_shift: float = param(
        0.3, 'Largest shift of the image centre, as a share of the image diagonal; with more, the '
        'motion is unknown.', high=1.0,
    )  # fmt: skip
    max_rotation: float = param(
        10.0, 'Largest rotation between two frames; with more, the motion is unknown.', 'deg',
        high=45.0,
    )  # fmt: skip
    max_zoom: float = param(
        0.2, 'Largest change of the size of the image between two frames, as a share; with more, '
        'the motion is unknown. 0: search rotation and shift only.', high=0.5,
    )  # fmt: skip
    max_uncertainty: float = param(
        1.0, 'Largest standard deviation of the estimate; with more, as for blank walls, fog and '
        'darkness, the motion is unknown.', 'px', low=0.01, high=1000.0,
    )  # fmt: skip


class EccCameraMotion:
    """Estimates the motion between consecutive images from their background.

    Both images are reduced to a pyramid; the previous image's is kept. At the coarsest level the
    search starts from the best of no motion, the motion of the last frame, and the peak of the
    phase correlation. Every level then refines it. The level before the finest decides whether the
    image grows or shrinks, as when the camera drives forward: only if this is much more likely does
    the motion have a zoom. Pixels inside boxes of either image are excluded, and moving objects
    without a box are weighted down. A motion that did not converge, is implausible or too uncertain
    is returned as unknown: the identity with score 0.

    Parameters
    ----------
    settings
        Defaults when None.

    """

    def __init__(self, settings: CameraMotionSettings | None = None) -> None:
        self.settings = settings or CameraMotionSettings()
        self._previous: list[Level] = []
        self._shape: tuple[int, ...] = ()
        self._motion = Similarity()

    def estimate(self, image: Image, tlwh: FloatArray | None = None) -> CameraMotion:
        """Return the motion from the image of the previous call to this one.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR or (H, W) grey, of any size; never changed.
        tlwh
            (N, 4) boxes of objects that may move in this image, pixels; rows that are not finite
            are ignored.

        Returns
        -------
        CameraMotion
            Matrix, and the correlation of the two backgrounds after alignment as its score.

        """
        check_image(image, grey=True)
        if tlwh is not None:
            tlwh = box_array('tlwh', tlwh)
        s = self.settings
        levels = build_pyramid(image, tlwh, s.working_pixels, s.box_margin)
        previous, self._previous = self._previous, levels
        shape, self._shape = self._shape, image.shape[:2]
        found = self._align(previous, levels) if shape == self._shape else None
        self._motion = found.warp if found is not None else Similarity()
        if found is None:
            return CameraMotion()
        return CameraMotion(found.warp.matrix(pivot(image.shape)), min(found.correlation, 1.0))

    def reset(self) -> None:
        """Forget the previous image and its motion."""
        self._previous = []
        self._motion = Similarity()

    def _align(self, previous: list[Level], current: list[Level]) -> Alignment | None:
        """Return the alignment in pixels of the full image, or None if it is unknown."""
        if not previous:
            return None
        found = self._start(previous[-1], current[-1])
        for k in reversed(range(len(previous))):
            zooming = k == 1 and self.settings.max_zoom > 0
            if k == 0:
                zooming = found.zoom_evidence >= ZOOM_EVIDENCE
                if not zooming:
                    found = replace(found, warp=replace(found.warp, zoom=0.0))
            aligned = align(
                previous[k], current[k], found, ITERATIONS[k], TOLERANCE[k], zooming=zooming
            )
            if aligned is None:
                return None
            found = aligned.scaled(2) if k > 0 else aligned
        converged = found.step < MAX_LAST_STEP
        found = found.scaled(previous[0].factor)
        return found if converged and self._plausible(found) else None

    def _start(self, previous: Level, current: Level) -> Alignment:
        """Return the best of no motion, the last frame's motion, and phase correlation."""
        last = self._motion.scaled(1 / previous.factor)
        best = _better(compare(previous, current, Similarity()), compare(previous, current, last))
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
            and abs(found.warp.zoom) <= math.log1p(s.max_zoom)
        )


def _better(a: Alignment, b: Alignment) -> Alignment:
    return b if b.correlation > a.correlation else a


def _phase_shift(previous: Level, current: Level) -> Similarity:
    """Return the shift at the peak of the phase correlation of the full images."""
    window = cv2.createHanningWindow(previous.image.shape[::-1], cv2.CV_32F)
    # As an argument, OpenCV multiplies some images by the window in place.
    (x, y), _ = cv2.phaseCorrelate(previous.image * window, current.image * window)
    return Similarity(0.0, x, y) if math.isfinite(x) and math.isfinite(y) else Similarity()
