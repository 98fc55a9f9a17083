"""Replay a bag through the tracker's synchroniser and pipeline, frame by frame, without ROS."""

from __future__ import annotations

import logging
import os
import time
from array import array
from collections import Counter
from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from strongsort_ros.bags.camera import CameraTopics, find_camera_topics, read_camera
from strongsort_ros.bags.frame_numbers import frame_numbers
from strongsort_ros.bags.reader import BagReader, open_bag
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import TrackTextWriter, text_beside
from strongsort_ros.messages.cdr import InputLimits, read_header
from strongsort_ros.messages.detection2d_array import write_tracked_detections
from strongsort_ros.messages.track2d_array import write_tracks
from strongsort_ros.online.config import NO_WEIGHTS, TrackerNodeConfig
from strongsort_ros.online.frame_pairer import FramePairer
from strongsort_ros.online.frame_processor import FrameProcessor, TrackedFrame
from strongsort_ros.replay.recorded import RecordedFrame, ahead, decoded, recorded_frames
from strongsort_ros.types import SECOND, CountProgress, FloatArray, IntArray

TRACKS_TOPIC: Final = '/tracks'
TRACKED_DETECTIONS_TOPIC: Final = '/tracked_detections'

STAGES: Final = (
    'read', 'decode', 'embedding', 'camera_motion', 'association', 'total', 'convert', 'write',
)  # fmt: skip
_AHEAD: Final = 4  # frames decoded ahead: few, because images may be large
# One core is left to the tracker.
_DECODERS: Final = max(min(_AHEAD, (os.cpu_count() or 1) - 1), 1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayFrames:
    """Frames of a replay that have tracks, in the order of the replay.

    Attributes
    ----------
    numbers
        (N,) int64 frame numbers, strictly increasing.
    stamps
        (N,) int64 header stamps, nanoseconds.
    frame_rate
        Nominal frame rate by which the frames are numbered, Hz; 0 if it is unknown.

    """

    numbers: IntArray
    stamps: IntArray
    frame_rate: float

    def stamp_of(self) -> dict[int, int]:
        """Return frame number -> stamp."""
        return dict(zip(self.numbers.tolist(), self.stamps.tolist(), strict=True))


def number_frames(stamps: IntArray, frame_rate: float = 0.0) -> ReplayFrames:
    """Return frame numbers by stamps; the next number where a stamp is missing or jumps back.

    Parameters
    ----------
    stamps
        (N,) header stamps in the order of the replay, nanoseconds, N > 0.
    frame_rate
        Nominal frame rate, Hz; 0: estimated from the stamps.

    """
    numbers = frame_numbers(increasing_stamps(stamps, frame_rate), frame_rate)
    return ReplayFrames(numbers.frames, stamps, numbers.frame_rate)


def read_replay_frames(output: Path | str, frame_rate: float = 0.0) -> ReplayFrames:
    """Return the frames of an earlier replay, read from its bag of tracks.

    Parameters
    ----------
    output
        Bag that `replay` has written.
    frame_rate
        Nominal frame rate of that replay, Hz; 0: estimated from the stamps.

    Raises
    ------
    InputError
        The bag cannot be read, or has no tracks.

    """
    with open_bag(output) as bag:
        wanted = bag.named(TRACKS_TOPIC)
        messages = bag.messages(wanted) if wanted else ()
        stamps = [read_header(data).stamp for _, _, data in messages]
    if not stamps:
        raise InputError(f'{output}: no messages on {TRACKS_TOPIC}')
    return number_frames(np.array(stamps), frame_rate)


def increasing_stamps(stamps: IntArray, frame_rate: float = 0.0) -> IntArray:
    """Return strictly increasing stamps: one period after the previous where they do not increase.

    Parameters
    ----------
    stamps
        (N,) stamps in the order of the replay, nanoseconds, N > 0; 0: no stamp.
    frame_rate
        Nominal frame rate, Hz; 0: the period is the median difference of the stamps.

    """
    steps = np.diff(stamps)
    valid = (steps > 0) & (stamps[:-1] > 0)
    if frame_rate:
        period = round(SECOND / frame_rate)
    else:
        period = round(float(np.median(steps[valid]))) if valid.any() else SECOND
    steps = np.where(valid, steps, period)
    first = stamps[0] if stamps[0] > 0 else period
    return first + np.concatenate(([0], np.cumsum(steps)))


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Result of a replay.

    Attributes
    ----------
    topics
        Topics that were read.
    frames
        The N frames that have tracks.
    tracks, boxes
        Numbers of track ids and of rows in the MOTChallenge text.
    seconds
        (N,) processing time by stage: `read` and `decode` (ahead, in threads), `embedding` and
        `camera_motion` (in parallel), `association`, `total` (of these three), `convert` (tracks
        to messages), `write`. 0 where a frame skips a stage.
    elapsed
        Seconds from the first message to the last track.
    counts
        Numbers of messages by outcome: see `FramePairer.counts`.
    rejected
        Numbers of messages and detections that were rejected, or used in part, by reason.
    notes
        Warnings about the messages.

    """

    topics: CameraTopics
    frames: ReplayFrames
    tracks: int
    boxes: int
    seconds: dict[str, FloatArray]
    elapsed: float
    counts: Counter[str]
    rejected: Counter[str]
    notes: tuple[str, ...]


def replay(
    source: Path | str,
    output: Path | str,
    settings: TrackerNodeConfig,
    *,
    image_topic: str = '',
    detections_topic: str = '',
    carry: bool = False,
    progress: CountProgress = lambda _done, _total: None,
) -> ReplayResult:
    """Track the detections of a bag, with the order and the deadlines of its recorded times.

    The same bag and settings give the same bytes on any machine. Writes, completely or not at
    all: a bag of /tracks (Track2DArray) and /tracked_detections (Detection2DArray), with the
    headers and recorded times of the detections; and beside it OUTPUT.txt, MOTChallenge text of
    the rows that the published program writes.

    Parameters
    ----------
    source
        Bag of detections, with or without images. Without images, tracking uses motion alone.
    output
        Bag to write, in the storage format of the source; it must not exist.
    settings
        Settings of the tracker node. The bag determines `image_transport`, unless it is `none`.
    image_topic, detections_topic
        Topics to read; '': the only one of its type.
    carry
        Also copy all other topics of the source, byte for byte, except an earlier /tracks and
        /tracked_detections.
    progress
        Called with the frames done and their total. If it raises, the replay ends and writes
        nothing.

    Raises
    ------
    InputError
        The bag cannot be read, lacks a topic, or has several that qualify; the output cannot be
        written; or the network's device fails during the replay, so that the result would depend
        on the machine.
    SettingError, OSError
        The weights or the device are not usable.

    """
    with open_bag(source) as recording:
        topics = find_camera_topics(recording, image_topic, detections_topic)
        settings = _for_bag(settings, topics)
        return _replay(recording, topics, Path(output), settings, carry, progress)


def _for_bag(settings: TrackerNodeConfig, topics: CameraTopics) -> TrackerNodeConfig:
    """Return the settings for the bag's images; without images no weights are loaded."""
    none = 'none' in (settings.node.image_transport, topics.transport)
    changes = {'weights': NO_WEIGHTS} if none else {}
    transport = 'none' if none else topics.transport
    return replace(settings, node=settings.node.replace(image_transport=transport, **changes))


def _replay(
    recording: BagReader,
    topics: CameraTopics,
    output: Path,
    settings: TrackerNodeConfig,
    carry: bool,
    progress: CountProgress,
) -> ReplayResult:
    notes: list[str] = []
    pairer = FramePairer(settings.node, _log.debug, notes.append, live=False)
    with (
        TrackTextWriter(text_beside(output)) as text,
        BagWriter(output, recording.storage) as bag,
        closing(FrameProcessor(settings, _log.debug)) as processor,
        ThreadPoolExecutor(_DECODERS, 'decode') as workers,
        closing(_frames(recording, topics, pairer, workers, settings.limits)) as frames,
    ):
        writer = ReplayWriter(bag, text)
        start = time.perf_counter()
        for number, recorded in enumerate(frames, 1):
            tracked = processor.process(recorded.frame)
            if processor.device_fault:
                raise InputError(f'{recording.path}: {processor.device_fault}')
            if tracked is not None:
                writer.write(recorded, tracked, processor.clock.rate)
            progress(number, topics.frames)
        elapsed = time.perf_counter() - start
        if not writer.stamps:
            raise InputError(f'{recording.path}: none of {topics.detections} could be tracked')
        numbered = number_frames(np.array(writer.stamps), settings.node.frame_rate)
        text.finish(numbered.numbers)
        if carry:
            bag.carry(recording, (TRACKS_TOPIC, TRACKED_DETECTIONS_TOPIC))
    return ReplayResult(
        topics=topics,
        frames=numbered,
        tracks=len(writer.ids),
        boxes=writer.boxes,
        seconds=writer.seconds(),
        elapsed=elapsed,
        counts=pairer.counts + processor.counts,
        rejected=processor.rejected,
        notes=tuple(notes),
    )


def _frames(
    recording: BagReader,
    topics: CameraTopics,
    pairer: FramePairer,
    workers: Executor,
    limits: InputLimits,
) -> Generator[RecordedFrame, None, None]:
    if not pairer.uses_images:
        topics = replace(topics, image='')
    messages = read_camera(recording, topics)
    frames = recorded_frames(messages, pairer, topics.detections)
    return ahead(decoded(frames, topics.transport, workers, limits), _AHEAD)


class ReplayWriter:
    """Writes the tracks of each frame, and collects stamps, ids and processing times.

    Parameters
    ----------
    bag
        Bag of tracks.
    text
        MOTChallenge text of the tracks.

    Attributes
    ----------
    stamps
        Header stamps of the frames written, nanoseconds.
    ids
        Track ids in the text.
    boxes
        Number of rows in the text.

    """

    def __init__(self, bag: BagWriter, text: TrackTextWriter) -> None:
        self._bag = bag
        self._text = text
        self._seconds = {stage: array('d') for stage in STAGES}
        self.stamps = array('q')
        self.ids: set[int] = set()
        self.boxes = 0

    def write(self, recorded: RecordedFrame, tracked: TrackedFrame, rate: float) -> None:
        """Write the messages and the rows of a frame; `rate` is the nominal frame rate, Hz."""
        start = time.perf_counter()
        motion = tracked.camera_motion
        tracks = write_tracks(tracked.header, tracked.tracks, motion.matrix, motion.score, rate)
        detections = write_tracked_detections(tracked.header, tracked.tracks)
        converted = time.perf_counter()
        at = recorded.frame.detections.clock
        self._bag.write_serialized(TRACKS_TOPIC, TRACKS_TYPE, at, tracks)
        self._bag.write_serialized(TRACKED_DETECTIONS_TOPIC, DETECTIONS_TYPE, at, detections)
        ids = tracked.reported.ids
        self._text.add(ids, tracked.reported.tlwh)
        self.stamps.append(recorded.frame.stamp)
        self.ids.update(ids.tolist())
        self.boxes += len(ids)
        written = time.perf_counter()
        own = {'convert': converted - start, 'write': written - converted}
        parts = recorded.seconds, tracked.seconds, own
        for stage, spent in self._seconds.items():
            spent.append(sum(seconds.get(stage, 0.0) for seconds in parts))

    def seconds(self) -> dict[str, FloatArray]:
        """Return the processing time of each frame by stage."""
        return {stage: np.array(spent) for stage, spent in self._seconds.items()}
