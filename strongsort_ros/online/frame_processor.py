"""Tracks one frame: reads its messages, runs the pipeline and selects the tracks to publish."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from strongsort_ros.camera_motion import CameraMotion, create_camera_motion
from strongsort_ros.errors import ImageError, LimitError, MessageError
from strongsort_ros.messages.cdr import Header, InputLimits
from strongsort_ros.messages.detection2d_array import read_detections
from strongsort_ros.messages.images import Converter, decode_image
from strongsort_ros.online.config import NO_WEIGHTS, NodeSettings, TrackerNodeConfig
from strongsort_ros.online.detection_selection import (
    DetectionChecks,
    class_names,
    join,
    select_classes,
    with_rows,
)
from strongsort_ros.online.frame_clock import FrameClock
from strongsort_ros.online.frame_pairer import MessageFrame
from strongsort_ros.pipeline import Pipeline
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracker import FRAME_RATE
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE, Tracks
from strongsort_ros.types import BoolArray, Image

_log = logging.getLogger(__name__)

RECENT: Final = 300
"""Number of frames whose latencies are kept."""


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """Result of tracking a frame.

    Attributes
    ----------
    header
        Header of the detections.
    tracks
        Tracks to publish.
    reported
        Tracks of the tracker's result, as `Tracker.update` returns them.
    camera_motion
        Motion from the previous image to this one; its score is 0 without an image.
    image
        The decoded image; None without one.
    seconds
        Time spent, by stage.

    """

    header: Header
    tracks: Tracks
    reported: Tracks
    camera_motion: CameraMotion
    image: Image | None
    seconds: dict[str, float]


class FrameProcessor:
    """Reads the messages of a frame and tracks its detections; counts what it rejects.

    Parameters
    ----------
    settings
        Settings of the tracker node. Loading and warming up the weights can take seconds.
    log
        Called with one line for each rejected message.
    converter
        Decoder of rare image encodings; see `decode_image`.

    Raises
    ------
    SettingError, OSError
        The weights or the device are not usable; the message names them.

    Attributes
    ----------
    clock
        Frame clock, which knows the nominal frame rate.
    counts
        Number of frames with a suspicious header, by name.
    rejected
        Number of messages and detections that were rejected, by reason.
    seconds
        Latencies of the last frames, by stage.

    """

    def __init__(
        self,
        settings: TrackerNodeConfig,
        log: Callable[[str], None],
        converter: Converter | None = None,
    ) -> None:
        self.extractor = load_weights(settings.node)
        self.clock = FrameClock(settings.node.frame_rate)
        self.counts: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.seconds: dict[str, deque[float]] = {}
        self._log = log
        self._converter = converter
        self._checks = DetectionChecks()
        self._missed = 0.0  # nominal frames of frames that failed
        self._live: Tracks | None = None
        self._motion_score = 0.0
        self._motion_failures = self._all_motion_failures = 0
        self._pipeline = Pipeline(
            settings.tracker,
            self.extractor,
            create_camera_motion(settings.node.camera_motion, settings.motion),
        )
        self.settings = settings

    @property
    def settings(self) -> TrackerNodeConfig:
        """Settings; assigned ones apply from the next frame, except those fixed when configured."""
        return self._settings

    @settings.setter
    def settings(self, settings: TrackerNodeConfig) -> None:
        self._pipeline.settings = settings.tracker
        self._classes = class_names(settings.node.classes)
        self._published = published_states(settings.node)
        self._checks.restart()
        self._settings = settings

    def process(self, frame: MessageFrame) -> TrackedFrame | None:
        """Track one frame; return None if none of its detection messages can be read."""
        start = time.perf_counter()
        settings, image = self._settings, None
        arrays: list[Detections] = []
        for message in frame.arrays:
            with self._rejecting('detections', 'dropped'):
                array = read_detections(message.data, settings.limits)
                check_number([*arrays, array], settings.limits)
                arrays.append(array)
        if not arrays:
            return None
        with self._rejecting('image', 'tracked by motion alone'):
            if frame.image is not None and frame.image.pixels is not None:
                image = frame.image.pixels.result()
            elif frame.image is not None:
                image = decode_image(
                    frame.image.data, settings.node.image_transport, settings.limits,
                    self._converter,
                )  # fmt: skip
        decoded = time.perf_counter()
        if frame.restarted:
            self.reset()
        frames, rate_change = self.clock.advance(frame.stamp, frame.dropped)
        if rate_change != 1.0:
            self._pipeline.tracker.rescale_time(rate_change)
            _log.info('the rate of detections has changed to %.1f Hz', self.clock.rate)
        self._pipeline.tracker.frame_rate = self.clock.rate or FRAME_RATE
        self._missed += frames
        detections = join(arrays)
        selected, rows = detections, None
        if self._classes:
            selected, rows = select_classes(detections, self._classes)
        self._check(frame)
        self._checks.check(detections, selected, settings.tracker)
        result = self._pipeline.step(selected, image, dt=self._missed, stamp=max(frame.stamp, 0))
        self._missed = 0.0
        self._live = with_rows(result.tracks.all, rows)
        tracks = self._live.select(self._published[self._live.states])
        self.rejected.update(result.tracks.rejected)
        if image is not None and self._pipeline.camera_motion is not None:
            self._note_motion(result.camera_motion)
        waited = start - frame.detections.arrived
        seconds = {'wait': waited, 'decode': decoded - start, **result.seconds}
        self.note(seconds)
        reported = with_rows(result.tracks, rows)
        return TrackedFrame(
            frame.detections.header, tracks, reported, result.camera_motion, image, seconds
        )

    def reset(self) -> None:
        """Delete all tracks; ids are not reused."""
        self._pipeline.reset()
        self.clock.reset()
        self._missed = 0.0

    def forget(self) -> None:
        """Delete all tracks and forget the frame rate; ids are not reused."""
        self.reset()
        self.clock.forget()

    def close(self) -> None:
        """Free the weights."""
        self._pipeline.close()
        self._pipeline.extractor = self.extractor = None

    @property
    def device_fault(self) -> str:
        """Fault of the network's device; '' while it works."""
        return self.extractor.fault if self.extractor else ''

    @property
    def faults(self) -> list[str]:
        """Faults that do not stop tracking, a line each."""
        found = [self.device_fault] if self.device_fault else []
        if self._motion_failures >= self._settings.diagnostics.warn_motion_failures:
            found.append(f'no camera motion was found for {self._motion_failures} images')
        return found

    def facts(self) -> dict[str, object]:
        """Return values for the diagnostics, by key."""
        states = [] if self._live is None else self._live.states.tolist()
        return {
            'weights': self.extractor.card.name if self.extractor else NO_WEIGHTS,
            'max_cosine_distance': self._pipeline.tracker.settings.max_cosine_distance,
            'device': self.extractor.device if self.extractor else NO_WEIGHTS,
            'camera_motion_score': self._motion_score,
            'camera_motion_failures': self._all_motion_failures,
            'ids_given': self._pipeline.tracker.ids_given,
            'frame_rate_hz': self.clock.rate,
            'tracks_confirmed': states.count(CONFIRMED),
            'tracks_tentative': states.count(TENTATIVE),
            'tracks_lost': states.count(LOST),
        }

    def note(self, seconds: dict[str, float]) -> None:
        """Record the latencies of a frame by stage."""
        for stage, spent in seconds.items():
            self.seconds.setdefault(stage, deque(maxlen=RECENT)).append(spent)

    def _note_motion(self, motion: CameraMotion) -> None:
        self._motion_score = motion.score
        self._motion_failures = 0 if motion.score > 0 else self._motion_failures + 1
        self._all_motion_failures += motion.score <= 0

    @contextmanager
    def _rejecting(self, topic: str, consequence: str) -> Iterator[None]:
        """Count and log a message that cannot be read, and continue without it."""
        try:
            yield
        except ImageError as error:
            self.rejected[error.reason] += 1
            self._log(f'{error}; {consequence}')
        except MessageError as error:
            too_many = isinstance(error, LimitError)
            self.rejected[f'{topic}_over_limit' if too_many else f'malformed_{topic}'] += 1
            self._log(f'{topic}: {error}; {consequence}')

    def _check(self, frame: MessageFrame) -> None:
        """Count a frame whose detections and image have different frame ids; warn of the first."""
        if frame.image is None:
            return
        ids = frame.detections.header.frame_id, frame.image.header.frame_id
        if ids[0] != ids[1]:
            if not self.counts['frame_id_differs']:
                _log.warning(
                    'detections have frame_id %r, their images %r: are both of the same camera?',
                    *ids,
                )
            self.counts['frame_id_differs'] += 1


def check_number(arrays: list[Detections], limits: InputLimits) -> None:
    """Raise LimitError if the arrays of one stamp have more detections than allowed."""
    count = sum(len(array) for array in arrays)
    if count > limits.detections:
        raise LimitError(
            f'{count} detections in the arrays of one stamp, more than limits.detections, '
            f'{limits.detections}'
        )


def published_states(settings: NodeSettings) -> BoolArray:
    """Return for each state, as an index, whether tracks in it are published."""
    published = np.zeros(3, dtype=bool)
    published[TENTATIVE] = settings.publish_tentative
    published[CONFIRMED] = True
    published[LOST] = settings.publish_lost
    return published


def load_weights(settings: NodeSettings) -> Extractor | None:
    """Load and warm up the feature extractor; return None for tracking by motion alone."""
    if settings.weights == NO_WEIGHTS:
        return None
    from strongsort_ros.reid.factory import load_extractor

    extractor = load_extractor(
        settings.weights,
        settings.device,
        sha256=settings.weights_sha256,
        fallback=settings.device_fallback,
        threads=settings.threads,
    )
    extractor.warm_up()
    return extractor
