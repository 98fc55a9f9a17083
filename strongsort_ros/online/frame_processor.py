"""One frame's messages through the pipeline."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from strongsort_ros.camera_motion import CameraMotion, create_camera_motion
from strongsort_ros.errors import ImageError, LimitError, MessageError
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.detection2d_array import read_detections
from strongsort_ros.messages.images import Converter, decode_image
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.config import NO_WEIGHTS, NodeSettings, TrackerNodeConfig
from strongsort_ros.online.detection_selection import (
    ClassFilter,
    OddValues,
    UnusedDetections,
    join,
    with_rows,
)
from strongsort_ros.online.frame_clock import FrameClock
from strongsort_ros.pipeline import Pipeline
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE, Tracks
from strongsort_ros.types import Image

_log = logging.getLogger(__name__)

RECENT: Final = 300
"""Frames over which latencies are told."""


@dataclass(frozen=True, slots=True)
class StampedMessage:
    """A serialised message.

    Attributes
    ----------
    header, data
        As it came, and its header.
    at
        When it came, by `time.perf_counter`.
    clock
        When it came, by the clock that deadlines are counted by; nanoseconds.
    pixels
        Of an image, where they are decoded ahead.

    """

    header: Header
    data: bytes
    at: float
    clock: int = 0
    pixels: Future[Image] | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """What a frame gave.

    Attributes
    ----------
    header
        Of its detections.
    tracks
        Those to be published.
    reported
        Those that the published program writes: confirmed, and seen in this frame or in the one
        before it.
    camera_motion, image
        As far as there is an image.
    seconds
        By stage.

    """

    header: Header
    tracks: Tracks
    reported: Tracks
    camera_motion: CameraMotion
    image: Image | None
    seconds: dict[str, float]


class FrameProcessor:
    """Decodes a frame's messages and tracks them; counts what could not be used.

    Parameters
    ----------
    settings
        The weights are loaded and warmed up here, which can take long.
    log
        Called with one line about what could not be used.
    converter
        As of `decode_image`.

    Raises
    ------
    SettingError, OSError
        The weights or the device cannot be used; the message names them.

    Attributes
    ----------
    rejected
        Messages and detections that were not used, or not fully, by reason.
    seconds
        Of the last frames, by stage.

    """

    def __init__(
        self,
        settings: TrackerNodeConfig,
        log: Callable[[str], None],
        converter: Converter | None = None,
    ) -> None:
        self._settings = settings
        self.extractor = load_weights(settings.node)
        self.clock = FrameClock(settings.node.frame_rate)
        self.rejected: Counter[str] = Counter()
        self.seconds: dict[str, deque[float]] = {}
        self._log = log
        self._converter = converter
        self._filter = ClassFilter(settings.node.classes)
        self._odd_values = OddValues()
        self._unused = UnusedDetections()
        self._owed = 0.0  # nominal frames of frames that failed
        self._live: Tracks | None = None
        self._motion_score = 0.0
        self._motion_failures = self._all_motion_failures = 0
        self._pipeline = Pipeline(
            settings.tracker,
            self.extractor,
            create_camera_motion(settings.node.camera_motion, settings.motion),
        )

    @property
    def settings(self) -> TrackerNodeConfig:
        """Settings; others apply from the next frame, as far as they can change."""
        return self._settings

    @settings.setter
    def settings(self, settings: TrackerNodeConfig) -> None:
        self._pipeline.settings = settings.tracker
        self._filter = ClassFilter(settings.node.classes)
        self._unused = UnusedDetections()
        self._settings = settings

    def reset(self) -> None:
        """Forget all tracks; ids go on."""
        self._pipeline.reset()
        self.clock.reset()
        self._owed = 0.0

    def forget(self) -> None:
        """Forget all that came before, as if just loaded; ids go on."""
        self.reset()
        self.clock.forget()

    def close(self) -> None:
        """Free what the weights hold."""
        self._pipeline.close()
        self._pipeline.extractor = self.extractor = None

    @property
    def device_fault(self) -> str:
        """What is wrong with the network's device; '' while it works."""
        return self.extractor.fault if self.extractor else ''

    @property
    def faults(self) -> list[str]:
        """What is wrong though frames are tracked, in words."""
        found = [self.device_fault] if self.device_fault else []
        if self._motion_failures >= self._settings.diagnostics.warn_motion_failures:
            found.append(f'no camera motion was found for {self._motion_failures} images')
        return found

    def facts(self) -> dict[str, object]:
        """Return what is worth telling, by name."""
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

    def process(self, frame: Frame[StampedMessage, StampedMessage]) -> TrackedFrame | None:
        """Track one frame; None when its detections cannot be read."""
        start = time.perf_counter()
        detections = self._read(frame)
        if detections is None:
            return None
        image = self._decode(frame.image)
        decoded = time.perf_counter()
        if frame.restarted:
            self.reset()
        dt, stretch = self.clock.advance(frame.stamp, frame.passed), self.clock.pop_rate_change()
        if stretch != 1.0:
            self._pipeline.tracker.rescale_time(stretch)
            _log.info('the rate of detections has changed to %.1f Hz', self.clock.rate)
        self._owed += dt
        chosen, rows = self._filter.choose(detections)
        self._unused.check(detections, chosen, self._settings.tracker.min_confidence)
        result = self._pipeline.step(chosen, image, dt=self._owed, stamp=max(frame.stamp, 0))
        self._owed = 0.0
        self._live = with_rows(self._pipeline.tracker.tracks, rows)
        self.rejected.update(result.tracks.rejected)
        if image is not None and self._pipeline.camera_motion is not None:
            self._note_motion(result.camera_motion)
        waited = start - frame.detections.at
        seconds = {'wait': waited, 'decode': decoded - start, **result.seconds}
        self.note(seconds)
        tracks = _chosen(self._live, self._settings.node)
        reported = with_rows(result.tracks, rows)
        return TrackedFrame(
            frame.detections.header, tracks, reported, result.camera_motion, image, seconds
        )

    def _read(self, frame: Frame[StampedMessage, StampedMessage]) -> Detections | None:
        """Return the detections of all arrays that can be read; None: of none."""
        limits, parts, count = self._settings.limits, [], 0
        for array in (frame.detections, *frame.more):
            try:
                part = read_detections(array.data, limits)
                if count + len(part) > limits.detections:
                    raise LimitError(
                        f'{count + len(part)} detections in the arrays of one stamp, more than '
                        f'limits.detections, {limits.detections}'
                    )
                parts.append(part)
                count += len(part)
            except MessageError as error:
                too_many = isinstance(error, LimitError)
                reason = 'detections_over_limit' if too_many else 'malformed_detections'
                self.reject(reason, f'detections: {error}; dropped')
        if not parts:
            return None
        detections = join(parts)
        self._odd_values.check(detections)
        return detections

    def note(self, seconds: dict[str, float]) -> None:
        """Keep the time that stages took in this frame."""
        for stage, spent in seconds.items():
            self.seconds.setdefault(stage, deque(maxlen=RECENT)).append(spent)

    def _note_motion(self, motion: CameraMotion) -> None:
        self._motion_score = motion.score
        self._motion_failures = 0 if motion.score > 0 else self._motion_failures + 1
        self._all_motion_failures += motion.score <= 0

    def reject(self, reason: str, line: str) -> None:
        """Count what could not be used, and say so."""
        self.rejected[reason] += 1
        self._log(line)

    def _decode(self, image: StampedMessage | None) -> Image | None:
        if image is None:
            return None
        try:
            if image.pixels is not None:
                return image.pixels.result()
            settings = self._settings
            return decode_image(
                image.data, settings.node.image_transport, settings.limits, self._converter
            )
        except MessageError as error:
            self.reject('malformed_image', f'image: {error}; tracked by motion alone')
        except ImageError as error:
            self.reject(error.reason, f'{error}; tracked by motion alone')
        return None


def _chosen(tracks: Tracks, settings: NodeSettings) -> Tracks:
    """Return the tracks that are to be published."""
    if settings.publish_tentative and settings.publish_lost:
        return tracks
    wanted = tracks.states == CONFIRMED
    if settings.publish_tentative:
        wanted |= tracks.states == TENTATIVE
    if settings.publish_lost:
        wanted |= tracks.states == LOST
    return tracks.select(wanted)


def load_weights(settings: NodeSettings) -> Extractor | None:
    """Load and warm up what gives embeddings; None: nothing does."""
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
