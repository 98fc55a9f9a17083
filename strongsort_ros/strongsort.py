"""StrongSORT in one object: boxes and a frame in, tracks out."""

from __future__ import annotations

import math
import reprlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from strongsort_ros.arrays import check_image
from strongsort_ros.camera_motion import CameraMotionEstimator, create_camera_motion
from strongsort_ros.errors import InputError
from strongsort_ros.online.frame_clock import FrameClock
from strongsort_ros.pipeline import Pipeline
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.settings import ParameterSpec, check_value
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import FRAME_RATE
from strongsort_ros.tracking.tracks import CONFIRMED, Tracks
from strongsort_ros.types import SECOND, Image

_FRAME_RATE: Final = ParameterSpec('', low=0.0, high=1000.0)
_LONGEST_TIME: Final = 2**63 / SECOND
"""Largest timestamp, seconds: nanoseconds are counted in 64 bits."""


class StrongSORT:
    """Multi-object tracker for the boxes of any detector, frame by frame.

    Parameters
    ----------
    reid
        Appearance model. 'colour' (or ''): a colour histogram, which needs no weights. A weights
        file (.pth, .pt, .safetensors or .onnx; docs/weights.md lists the networks) or 'timm:NAME'.
        An object with the methods of `Extractor`. None or 'none': track by motion alone.
    frame_rate
        Nominal frames per second, which turns a `timestamp` into elapsed frames, and settings in
        seconds into frames. None: estimated from the timestamps; without them 30.
    device
        Device of the network: 'auto' (a GPU if there is one), 'cpu', 'cuda' or 'cuda:N'.
    camera_motion
        'ecc': estimated from consecutive frames. 'none' (or None): the camera stands still, which
        saves time. 'published': as the StrongSORT program does, for comparison. Or an estimator.
    preset
        'robust', 'strongsort' (as published), or 'deepsort' (without the paper's improvements).
        The default is 'robust' with the largest cosine distance measured for the network.
    settings
        All settings of the tracker, instead of a preset.
    **changes
        Single settings by name, such as `max_age=60, n_init=1, min_confidence=0.4`: any field of
        `TrackerSettings`.

    Attributes
    ----------
    pipeline
        The `Pipeline` that runs the three stages.

    Raises
    ------
    SettingError
        A setting, the preset or the camera motion is unknown or out of its range.
    InputError
        `reid` is none of these.
    ExtractorError
        The weights or the device cannot be used.
    MissingPackageError
        The weights need a package that is not installed; the message says how to install it.

    Examples
    --------
    A box that moves to the right. A track is confirmed, and visible, after three frames:

    >>> from strongsort_ros import StrongSORT
    >>> tracker = StrongSORT(reid=None, frame_rate=30)
    >>> for frame_number in range(4):
    ...     left = 10 * frame_number
    ...     tracks = tracker.update([(left, 20, left + 40, 100, 0.9)])
    ...     print(frame_number, tracks.ids.tolist())
    0 []
    1 []
    2 [1]
    3 [1]
    >>> tracks.xyxy.round().tolist()
    [[30.0, 20.0, 70.0, 100.0]]

    """

    def __init__(
        self,
        reid: str | Path | Extractor | None = 'colour',
        frame_rate: float | None = None,
        *,
        device: str = 'auto',
        camera_motion: str | CameraMotionEstimator | None = 'ecc',
        preset: str = 'robust',
        settings: TrackerSettings | None = None,
        **changes: Any,
    ) -> None:
        if settings is None:
            settings = TrackerSettings.preset(preset, network=True)
        settings = settings.replace(**changes)
        check_value('frame_rate', frame_rate or 0.0, _FRAME_RATE, 'float')
        if isinstance(reid, (str, Path)):
            reid = None if reid == 'none' else load_extractor(reid, device)
        elif reid is not None and not hasattr(reid, 'extract'):
            raise InputError(f'reid: {reid!r}, expected a name, a weights file or an extractor')
        if isinstance(camera_motion, str):
            camera_motion = create_camera_motion(camera_motion)
        self.pipeline = Pipeline(settings, reid, camera_motion, frame_rate or FRAME_RATE)
        self._clock = FrameClock(frame_rate or 0.0)
        self._start: float | None = None
        self._last = -math.inf

    def update(
        self, boxes: Any = None, frame: Image | None = None, timestamp: float | None = None
    ) -> Tracks:
        """Track one frame, and return the tracks that are visible in it.

        Parameters
        ----------
        boxes
            The frame's detections, one of:

            - (N, 4 to 6) array, tensor or list: left, top, right, bottom in pixels, then score (0
              to 1; without it 1) and class (a whole number; without it 0);
            - `Detections`, whose boxes are left, top, width, height;
            - `supervision.Detections`;
            - the result of an ultralytics model for one image;
            - a dict of boxes, scores and labels, as torchvision's detectors return it;
            - None, or no rows: nothing was detected, and tracks age by a frame.

            Pass those of low score, too, from 0.1: they continue tracks of hidden objects.
        frame
            (H, W, 3) uint8 BGR image. None: this frame is tracked by motion alone.
        timestamp
            Time of the frame in seconds, later than the one before, so that dropped frames count.
            None: one frame after the previous call.

        Returns
        -------
        tracks
            Confirmed tracks matched in this frame: `ids`, `xyxy`, `tlwh`, `scores` and `class_ids`
            among others, row i for track i; `tracks.all` has the tentative and the lost ones, too.
            `class_ids` are texts: a class given as the number 2 is '2'. `detection_index` is the
            row of each track's box in `boxes`.

        Raises
        ------
        InputError
            An argument has a wrong shape, type or value; the message names it. The tracker is as
            before.

        Examples
        --------
        >>> import numpy as np
        >>> from strongsort_ros import StrongSORT
        >>> tracker = StrongSORT(n_init=1, camera_motion='none')
        >>> frame = np.full((240, 320, 3), 127, np.uint8)
        >>> tracks = tracker.update(np.array([[10, 20, 50, 100, 0.9, 2]]), frame)
        >>> tracks.ids.tolist(), tracks.class_ids.tolist(), tracks.scores.tolist()
        ([1], ['2'], [0.9])
        >>> tracks = tracker.update(None, frame)
        >>> len(tracks), len(tracks.all)
        (0, 1)

        """
        detections = Detections.from_boxes(boxes)
        if frame is not None:
            check_image(frame, 'frame')
        dt, stamp = self._advance(timestamp)
        tracks = self.pipeline.step(detections, frame, dt=dt, stamp=stamp).tracks.all
        return tracks.select(tracks.states == CONFIRMED)

    def reset(self) -> None:
        """Forget all tracks and times, for another video; ids go on, and none is used twice."""
        self.pipeline.reset()
        self._clock.forget()
        self._start, self._last = None, -math.inf

    def _advance(self, timestamp: Any) -> tuple[float, int]:
        """Return the frames since the previous update, and the timestamp in nanoseconds."""
        if timestamp is None:
            self._clock.reset()
            return 1.0, 0
        if not isinstance(timestamp, (int, float, np.number)) or not (
            -_LONGEST_TIME < timestamp < _LONGEST_TIME
        ):
            raise InputError(f'timestamp: {reprlib.repr(timestamp)}, expected seconds')
        timestamp = float(timestamp)
        if timestamp <= self._last:
            raise InputError(
                f'timestamp: {timestamp} is not after {self._last}, that of the frame before; '
                'call reset() for another video'
            )
        self._last = timestamp
        if self._start is None:
            self._start = timestamp
        # The clock takes stamps above 0; a video's first timestamp may be 0.
        elapsed = self._clock.advance(1 + round((timestamp - self._start) * SECOND))
        if elapsed.rate_change != 1.0:
            self.pipeline.tracker.rescale_time(elapsed.rate_change)
        self.pipeline.tracker.frame_rate = self._clock.rate or FRAME_RATE
        return elapsed.frames, round(timestamp * SECOND)
