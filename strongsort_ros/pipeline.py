"""Embeddings, camera motion and tracking of one frame."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import numpy as np

from strongsort_ros.arrays import check_image
from strongsort_ros.camera_motion.estimator import CameraMotion, CameraMotionEstimator
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.detections import Detections, check_detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import FRAME_RATE, Tracker
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import Float32Array, Image


@dataclass(frozen=True, slots=True)
class FrameResult:
    """Result of `Pipeline.step`.

    Attributes
    ----------
    tracks
        As `Tracker.update` returns them.
    camera_motion
        Motion of the image since the previous frame; its score is 0 where it is not known.
    seconds
        Time by stage: 'camera_motion' and 'embedding' where they ran, 'association', 'total'.

    """

    tracks: Tracks
    camera_motion: CameraMotion
    seconds: dict[str, float] = field(default_factory=dict)


def resolve_settings(settings: TrackerSettings, extractor: Extractor | None) -> TrackerSettings:
    """Return settings in which `auto` is replaced by the threshold measured for the network."""
    if settings.max_cosine_distance != AUTO:
        return settings
    default = TrackerSettings().max_cosine_distance
    distance = default if extractor is None else extractor.card.max_cosine_distance
    return settings.replace(max_cosine_distance=distance)


class Pipeline:
    """The three stages of a frame: embeddings and camera motion of its image, then the tracker.

    Frames are given one at a time, in order. A context manager closes it.

    Parameters
    ----------
    settings
        Settings of the tracker; a `max_cosine_distance` of 'auto' is the distance measured for the
        extractor's network.
    extractor
        Computes the embeddings of detections that have none; None: such detections are tracked by
        motion.
    camera_motion
        Estimates the motion between consecutive images; None: the camera stands still.
    frame_rate
        Nominal frames per second, for settings in seconds; `tracker.frame_rate` changes it.

    Examples
    --------
    >>> import numpy as np
    >>> from strongsort_ros import Detections, Pipeline, TrackerSettings, load_extractor
    >>> settings = TrackerSettings(n_init=1, max_cosine_distance='auto')
    >>> image = np.full((240, 320, 3), 127, np.uint8)
    >>> detections = Detections([[10, 20, 40, 80]], [0.9], ['person'])
    >>> with Pipeline(settings, load_extractor('colour')) as pipeline:
    ...     result = pipeline.step(detections, image)
    >>> result.tracks.ids.tolist(), sorted(result.seconds)
    ([1], ['association', 'embedding', 'total'])

    """

    def __init__(
        self,
        settings: TrackerSettings,
        extractor: Extractor | None = None,
        camera_motion: CameraMotionEstimator | None = None,
        frame_rate: float = FRAME_RATE,
    ) -> None:
        self.extractor = extractor
        self.camera_motion = camera_motion
        self._requested = settings
        self.tracker = Tracker(resolve_settings(settings, extractor), frame_rate)
        side_by_side = extractor is not None and camera_motion is not None
        self._worker = ThreadPoolExecutor(1, 'camera_motion') if side_by_side else None

    @property
    def settings(self) -> TrackerSettings:
        """Settings as given. New ones apply from the next frame; tracks are kept."""
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
            The frame's detections; embeddings that they have are used as they are.
        image
            (H, W, 3) uint8 BGR. None: the frame is tracked by motion alone.
        dt
            Nominal frames since the previous call, more than 1 if frames were dropped.
        stamp
            `Tracks.first_seen` of tracks that begin in this frame.
        camera_motion
            Known camera motion, used instead of an estimate from the images.

        Raises
        ------
        InputError
            The image is not (H, W, 3) uint8, or `Tracker.update` refuses an argument.

        """
        check_detections(detections)
        if image is not None:
            check_image(image)
            self.tracker.set_image_size(image.shape[1], image.shape[0])
        seconds: dict[str, float] = {}
        start = time.perf_counter()
        motion: CameraMotion | Future[CameraMotion] = CameraMotion()
        if camera_motion is not None:
            motion = camera_motion
        elif image is not None and self.camera_motion is not None:
            estimate = partial(self._estimate, self.camera_motion, image, detections, seconds)
            motion = self._worker.submit(estimate) if self._worker is not None else estimate()
        try:
            detections = detections.with_embeddings(self._embeddings(detections, image, seconds))
        finally:
            if isinstance(motion, Future):
                wait([motion])  # the next step must not meet it, even if the extractor raised
        motion_found = motion.result() if isinstance(motion, Future) else motion
        before = time.perf_counter()
        matrix = motion_found.matrix if motion_found.score > 0 else None
        tracks = self.tracker.update(detections, matrix, dt, stamp=stamp)
        end = time.perf_counter()
        seconds['association'] = end - before
        seconds['total'] = end - start
        return FrameResult(tracks, motion_found, seconds)

    def reset(self) -> None:
        """Forget all tracks and the previous image. Ids go on: none is used twice."""
        self.tracker.reset()
        if self.camera_motion is not None:
            self.camera_motion.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread that estimates camera motion."""
        if self._worker is not None:
            self._worker.shutdown()

    def _estimate(
        self,
        estimator: CameraMotionEstimator,
        image: Image,
        detections: Detections,
        seconds: dict[str, float],
    ) -> CameraMotion:
        start = time.perf_counter()
        motion = estimator.estimate(image, detections.tlwh)
        seconds['camera_motion'] = time.perf_counter() - start
        return motion

    def _embeddings(
        self, detections: Detections, image: Image | None, seconds: dict[str, float]
    ) -> Float32Array | None:
        if detections.embeddings is not None or image is None or self.extractor is None:
            return detections.embeddings
        start = time.perf_counter()
        settings = self.tracker.settings
        # Detectors return many boxes of low score, which the tracker does not use.
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
