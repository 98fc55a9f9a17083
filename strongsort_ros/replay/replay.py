"""A bag through the parts of the tracker node, in step: as it answers live, on any machine."""

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
from strongsort_ros.bags.reader import BagReader, open_bag
from strongsort_ros.bags.tracks import frame_numbers
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import TrackTextWriter, text_beside
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.messages.detection2d_array import write_tracked_detections
from strongsort_ros.messages.limits import InputLimits
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
_AHEAD: Final = 4  # frames decoded ahead: enough to even out, a few large images in memory
# Tracking needs a core of its own more than decoding does.
_DECODERS: Final = max(min(_AHEAD, (os.cpu_count() or 1) - 1), 1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came of a replay.

    Attributes
    ----------
    topics
        What was read.
    answered
        The N frames for which there are tracks.
    tracks, boxes
        Different ids, and rows, in the text.
    seconds
        (N,) by stage: `read` and `decode` (ahead, in threads of their own), `embedding` and
        `camera_motion` (side by side), `association`, `total` (of these three), `convert`
        (tracks to messages), `write`. 0 where a frame did not come to a stage.
    elapsed
        Seconds from the first message to the last answer.
    counts
        What became of every message, by name: see `FramePairer.counts`.
    rejected
        Messages and detections that were not used, or not fully, by reason.
    notes
        What is odd about the messages, a line each.

    """

    topics: CameraTopics
    answered: AnsweredFrames
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
    """Track what a bag holds, in the order and with the deadlines of its recorded times.

    Nothing depends on the machine: the same bag and settings give the same bytes. There come to
    be, or none of them: a bag of /tracks (Track2DArray) and /tracked_detections
    (Detection2DArray), with the header and the recorded time of the detections, and beside it
    MOTChallenge text, named as the bag with `.txt`, of the rows that the published program writes.

    Parameters
    ----------
    source
        Bag of detections and images, or of detections alone: these are tracked by motion.
    output
        Bag to be, in the storage of the source; it must not exist.
    settings
        Of the tracker node; `image_transport` is the bag's, but for `none`.
    image_topic, detections_topic
        '': the only one of its type.
    carry
        Also write all other topics of the source, byte for byte; its own /tracks and
        /tracked_detections are left out.
    progress
        Shows how far it is; an exception of it ends the replay, and nothing is written.

    Raises
    ------
    InputError
        The bag cannot be read, lacks a topic or leaves a choice; the output cannot be written; or
        the network's device fails on the way: the answers would be another machine's.
    SettingError, OSError
        The weights or the device cannot be used.

    """
    with open_bag(source) as recording:
        topics = find_camera_topics(recording, image_topic, detections_topic)
        settings = _for_bag(settings, topics)
        return _track(recording, topics, Path(output), settings, carry, progress)


def _track(
    recording: BagReader,
    topics: CameraTopics,
    output: Path,
    settings: TrackerNodeConfig,
    carry: bool,
    progress: CountProgress,
) -> ReplayResult:
    notes: list[str] = []
    intake = FramePairer(settings.node, _log.debug, notes.append, live=False)
    with (
        TrackTextWriter(text_beside(output)) as text,
        BagWriter(output, recording.storage) as bag,
        closing(FrameProcessor(settings, _log.debug)) as processor,
        ThreadPoolExecutor(_DECODERS, 'decode') as workers,
        closing(_frames(recording, topics, intake, workers, settings.limits)) as frames,
    ):
        answers = ReplayWriter(bag, text)
        start = time.perf_counter()
        for number, recorded in enumerate(frames, 1):
            tracked = processor.process(recorded.frame)
            if processor.device_fault:
                raise InputError(f'{recording.path}: {processor.device_fault}')
            if tracked is not None:
                answers.write(recorded, tracked, processor.clock.rate)
            progress(number, topics.frames)
        elapsed = time.perf_counter() - start
        if not answers.stamps:
            raise InputError(
                f'{recording.path}: no message of {topics.detections} could be tracked'
            )
        answered = AnsweredFrames.number(np.array(answers.stamps), settings.node.frame_rate)
        text.finish(answered.frames)
        if carry:
            bag.carry(recording, (TRACKS_TOPIC, TRACKED_DETECTIONS_TOPIC))
    return ReplayResult(
        topics=topics,
        answered=answered,
        tracks=len(answers.ids),
        boxes=answers.boxes,
        seconds=answers.seconds(),
        elapsed=elapsed,
        counts=intake.counts,
        rejected=processor.rejected,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class AnsweredFrames:
    """The frames of a replay.

    Attributes
    ----------
    frames
        (N,) int64 numbers, in the order of their answers; they only grow.
    stamps
        (N,) int64 header stamps, nanoseconds.
    frame_rate
        Nominal frames a second, by which they are numbered; 0 where there was nothing to tell it.

    """

    frames: IntArray
    stamps: IntArray
    frame_rate: float

    def stamp_of(self) -> dict[int, int]:
        """Return number -> stamp."""
        return dict(zip(self.frames.tolist(), self.stamps.tolist(), strict=True))

    @classmethod
    def number(cls, stamps: IntArray, frame_rate: float = 0.0) -> AnsweredFrames:
        """Return numbers by stamps; where there is none, or time jumped back, they go on by one."""
        numbers = frame_numbers(continuous(stamps, frame_rate), frame_rate)
        return cls(numbers.frames, stamps, numbers.frame_rate)


def answered_frames(output: Path | str, frame_rate: float = 0.0) -> AnsweredFrames:
    """Return the frames of an earlier replay out of its bag; `frame_rate` as it was then.

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
    return AnsweredFrames.number(np.array(stamps), frame_rate)


def _for_bag(settings: TrackerNodeConfig, topics: CameraTopics) -> TrackerNodeConfig:
    """Return the settings for the bag's images; where there are none, no weights are loaded."""
    none = 'none' in (settings.node.image_transport, topics.transport)
    changes = {'weights': NO_WEIGHTS} if none else {}
    transport = 'none' if none else topics.transport
    return replace(settings, node=settings.node.replace(image_transport=transport, **changes))


def _frames(
    recording: BagReader,
    topics: CameraTopics,
    intake: FramePairer,
    workers: Executor,
    limits: InputLimits,
) -> Generator[RecordedFrame, None, None]:
    if not intake.uses_images:
        topics = replace(topics, image='')
    messages = read_camera(recording, topics)
    frames = recorded_frames(messages, intake, topics.detections)
    return ahead(decoded(frames, topics.transport, workers, limits), _AHEAD)


class ReplayWriter:
    """Writes the answers, and keeps what is told of them: some numbers a frame."""

    def __init__(self, bag: BagWriter, text: TrackTextWriter) -> None:
        self._bag = bag
        self._text = text
        self._seconds = {stage: array('d') for stage in STAGES}
        self.stamps = array('q')
        self.ids: set[int] = set()
        self.boxes = 0

    def write(self, recorded: RecordedFrame, tracked: TrackedFrame, rate: float) -> None:
        """Write the messages and the rows of a frame."""
        frame, tracks = recorded.frame, tracked.tracks
        start = time.perf_counter()
        motion = tracked.camera_motion
        message = write_tracks(tracked.header, tracks, motion.matrix, motion.score, rate)
        seen = write_tracked_detections(tracked.header, tracks)
        converted = time.perf_counter()
        when = frame.detections.clock
        self._bag.write_serialized(TRACKS_TOPIC, TRACKS_TYPE, when, message)
        self._bag.write_serialized(TRACKED_DETECTIONS_TOPIC, DETECTIONS_TYPE, when, seen)
        ids = tracked.reported.ids
        self._text.add(ids, tracked.reported.tlwh)
        self.ids.update(ids.tolist())
        self.boxes += len(ids)
        written = time.perf_counter()
        spent = {'convert': converted - start, 'write': written - converted}
        self._note(recorded, tracked.seconds | spent)

    def _note(self, recorded: RecordedFrame, seconds: dict[str, float]) -> None:
        frame = recorded.frame
        for stage in STAGES:
            spent = recorded.seconds.get(stage, 0.0) + seconds.get(stage, 0.0)
            self._seconds[stage].append(spent)
        self.stamps.append(frame.stamp)

    def seconds(self) -> dict[str, FloatArray]:
        """Return the time of each frame by stage."""
        return {stage: np.array(spent) for stage, spent in self._seconds.items()}


def continuous(stamps: IntArray, frame_rate: float = 0.0) -> IntArray:
    """Return stamps that only grow: after a jump back, or without a stamp, one period later.

    Parameters
    ----------
    stamps
        (N,) nanoseconds, N > 0, in the order of tracking; 0: there is none.
    frame_rate
        Nominal frames a second; 0: the median difference of stamps is the period.

    """
    steps = np.diff(stamps)
    known = (steps > 0) & (stamps[:-1] > 0)
    if frame_rate:
        period = round(SECOND / frame_rate)
    else:
        period = round(float(np.median(steps[known]))) if known.any() else SECOND
    steps = np.where(known, steps, period)
    first = stamps[0] if stamps[0] > 0 else period
    return first + np.concatenate(([0], np.cumsum(steps)))
