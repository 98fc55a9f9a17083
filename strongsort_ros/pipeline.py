"""One frame through appearance, camera motion and tracking: the only place where they meet."""

from __future__ import annotations

import reprlib
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from strongsort_ros.camera_motion.estimator import CameraMotion, CameraMotionEstimator
from strongsort_ros.errors import InputError
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import Float32Array, Image


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A frame's tracks, the camera motion used for them, and seconds spent by stage."""

    tracks: Tracks
    camera_motion: CameraMotion
    seconds: dict[str, float] = field(default_factory=dict)


def resolve_settings(settings: TrackerSettings, extractor: Extractor | None) -> TrackerSettings:
    """Return settings in which `auto` is the network's own threshold."""
    if settings.max_cosine_distance != AUTO:
        return settings
    default = TrackerSettings().max_cosine_distance
    distance = default if extractor is None else extractor.card.max_cosine_distance
    return settings.replace(max_cosine_distance=distance)


class Pipeline:
    """Detections and an image in, tracks out; one frame at a time, in order.

    As a context manager it is closed at the end.

    Parameters
    ----------
    settings
        Of the tracker; `auto` is resolved by the extractor's card.
    extractor
        Gives embeddings to detections that have none; None: track by motion.
    camera_motion
        Gives the motion between images; None: the camera stands still.

    """

    def __init__(
        self,
        settings: TrackerSettings,
        extractor: Extractor | None = None,
        camera_motion: CameraMotionEstimator | None = None,
    ) -> None:
        self.extractor = extractor
        self.camera_motion = camera_motion
        self._requested = settings
        self.tracker = Tracker(resolve_settings(settings, extractor))
        side_by_side = extractor is not None and camera_motion is not None
        self._worker = ThreadPoolExecutor(1, 'camera_motion') if side_by_side else None

    @property
    def settings(self) -> TrackerSettings:
        """Settings as asked for; assigning applies others from the next frame, tracks stay."""
        return self._requested

    @settings.setter
    def settings(self, settings: TrackerSettings) -> None:
        self.tracker.settings = resolve_settings(settings, self.extractor)
        self._requested = settings

    def step(
        self,
        detections: Detections,
        image: Image | None = None,
        *,
        dt: float = 1.0,
        stamp: int = 0,
        camera_motion: CameraMotion | None = None,
    ) -> FrameResult:
        """Track one frame.

        Parameters
        ----------
        detections
            The frame's detections; embeddings in them are used as they are.
        image
            (H, W, 3) uint8 BGR, or None where it is not to be had: then by motion alone.
        dt
            Frames since the previous call.
        stamp
            Kept as `Tracks.first_seen` of tracks born in this frame.
        camera_motion
            Known motion, instead of an estimate from the images.

        Raises
        ------
        InputError
            The image is no array, or an argument is refused by `Tracker.update`.

        """
        _check_image(image)
        seconds: dict[str, float] = {}
        start = time.perf_counter()
        motion = self._start_motion(detections, image, camera_motion, seconds)
        try:
            detections = detections.with_embeddings(self._embeddings(detections, image, seconds))
        finally:
            if isinstance(motion, Future):
                wait([motion])  # also when the extractor raises: the estimator takes one at a time
        motion_found = motion.result() if isinstance(motion, Future) else motion
        before = time.perf_counter()
        matrix = motion_found.matrix if motion_found.score > 0 else None
        tracks = self.tracker.update(detections, matrix, dt, stamp=stamp)
        end = time.perf_counter()
        seconds['association'] = end - before
        seconds['total'] = end - start
        return FrameResult(tracks, motion_found, seconds)

    def reset(self) -> None:
        """Forget all tracks and the previous image; ids go on."""
        self.tracker.reset()
        if self.camera_motion is not None:
            self.camera_motion.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker thread."""
        if self._worker is not None:
            self._worker.shutdown()

    def _start_motion(
        self,
        detections: Detections,
        image: Image | None,
        known: CameraMotion | None,
        seconds: dict[str, float],
    ) -> CameraMotion | Future[CameraMotion]:
        if known is not None:
            return known
        if image is None or self.camera_motion is None:
            return CameraMotion()
        if self._worker is not None:
            return self._worker.submit(self._estimate, image, detections, seconds)
        return self._estimate(image, detections, seconds)

    def _estimate(
        self, image: Image, detections: Detections, seconds: dict[str, float]
    ) -> CameraMotion:
        assert self.camera_motion is not None
        start = time.perf_counter()
        motion = self.camera_motion.estimate(image, detections.tlwh)
        seconds['camera_motion'] = time.perf_counter() - start
        return motion

    def _embeddings(
        self, detections: Detections, image: Image | None, seconds: dict[str, float]
    ) -> Float32Array | None:
        if detections.embeddings is not None or image is None or self.extractor is None:
            return detections.embeddings
        start = time.perf_counter()
        settings = self.tracker.settings
        # Only of those that the tracker will use: detectors send many that are hardly believed.
        wanted = detections.scores >= settings.min_confidence
        wanted &= detections.tlwh[:, 3] >= settings.min_height
        rows = wanted.nonzero()[0]
        found = self.extractor.extract(image, detections.tlwh[rows])
        seconds['embedding'] = time.perf_counter() - start
        if len(rows) == len(detections):
            return found
        embeddings = np.zeros((len(detections), found.shape[1]), dtype=np.float32)
        embeddings[rows] = found
        return embeddings


def _check_image(image: object) -> None:
    if image is not None and not isinstance(image, np.ndarray):
        raise InputError(
            f'image: {reprlib.repr(image)}, expected an array of BGR pixels, (H, W, 3) uint8'
        )
