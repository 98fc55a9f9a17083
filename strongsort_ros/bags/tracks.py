"""The tracks of a bag: arrays of all boxes, and where in the bag each of them is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Connection

from strongsort_ros.bags.reader import BagReader, open_bag
from strongsort_ros.bags.track_messages import (
    TracksMessage,
    read_detections_message,
    read_tracks_message,
)
from strongsort_ros.bags.types import DETECTIONS_TYPE, REFINED_TOPICS, TRACKS_TYPE, ros_types
from strongsort_ros.errors import InputError, MessageError, SettingError, shorten
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.text_table import MAX_FRAME
from strongsort_ros.types import SECOND, FloatArray, IntArray

MAX_BOXES: Final = 20_000_000
"""Most boxes of a bag's tracks: about 24 GB of memory, two hours of 100 tracks at 30 Hz."""
MAX_TEXT: Final = 1024
"""Longest class or id, letters."""


@dataclass(frozen=True, slots=True)
class RecordedTracks:
    """Tracks of M messages.

    Attributes
    ----------
    connection
        Topic and type.
    stamps, frames
        (M,) int64 header stamps, in nanoseconds, and frame numbers, in the bag's order; no two are
        equal.
    frame_rate
        Frames a second; 0 where it is not known.
    rows
        N boxes, sorted by frame and id.
    place
        (N,) int64: which of the boxes of its message each box is.
    tracks
        (N,) of `TRACK`, of a Track2DArray; of a Detection2DArray all is 0.
    labels
        Texts that are the ids of a Detection2DArray where not all of them are numbers: id n is
        labels[n - 1]. Otherwise empty.
    camera_motion
        Frame -> (3, 3), pixels of the message before to pixels of this one, where it is known.

    """

    connection: Connection
    stamps: IntArray
    frames: IntArray
    frame_rate: float
    rows: TrackRows
    place: IntArray
    tracks: npt.NDArray[np.void]
    labels: list[str]
    camera_motion: dict[int, FloatArray]


def read_tracks(path: Path | str, topic: str = '', frame_rate: float = 0.0) -> TrackRows:
    """Read the tracks of a bag, sorted by frame and id; see `read_recorded_tracks`.

    Parameters
    ----------
    path
        The bag.
    topic
        Topic of the tracks; '': the only one, a Track2DArray before a Detection2DArray.
    frame_rate
        Nominal frames a second, from which and the header stamps `frame_numbers` makes the
        frames; 0: estimated from the stamps.

    Raises
    ------
    InputError
        The bag or its tracks cannot be used.

    """
    with open_bag(path) as bag:
        return read_recorded_tracks(bag, topic, frame_rate).rows


def read_recorded_tracks(
    bag: BagReader,
    topic: str = '',
    frame_rate: float = 0.0,
    progress: Callable[[float], None] = lambda _share: None,
) -> RecordedTracks:
    """Read all tracks of a bag.

    From a Track2DArray come the boxes that the tracker reports: of confirmed tracks, matched in
    this frame or in the one before it; where they were refined before, all confirmed tracks. From
    a Detection2DArray come the detections with an id.

    Parameters
    ----------
    bag
        Where to read.
    topic
        Topic of the tracks; '': the only one, a Track2DArray before a Detection2DArray.
    frame_rate
        Nominal frames a second, for `frame_numbers`; 0: as the stamps say.
    progress
        Is told the share done, 0 to 1, after each message.

    Raises
    ------
    InputError
        The bag cannot be read, the topic is not in it, not the only one or without messages, two
        messages have one stamp, or an id is twice in a message or has a box that is none.

    """
    connection = _choose(bag, topic)
    if connection.digest not in ('', ros_types().hash_rihs01(connection.msgtype)):
        raise InputError(
            f'{bag.path}: {connection.topic}: a {connection.msgtype} of another version, '
            'with other fields'
        )
    read = read_tracks_message if connection.msgtype == TRACKS_TYPE else read_detections_message
    messages = []
    boxes = 0
    for number, (_, _, data) in enumerate(bag.messages([connection]), 1):
        try:
            messages.append(read(data))
            boxes += len(messages[-1].ids)
            _check_size(messages[-1], boxes)
        except MessageError as error:
            raise InputError(
                f'{bag.path}: {connection.topic}, message {number}: {error}'
            ) from error
        progress(number / max(connection.msgcount, 1))
    if not messages:
        raise InputError(f'{bag.path}: no messages on {connection.topic}')
    if any(message.others for message in messages) and not any(m.ids for m in messages):
        raise InputError(
            f'{bag.path}: {connection.topic}: no detection has an id, so these are no tracks'
        )
    stamps = np.array([message.stamp for message in messages], dtype=np.int64)
    _check_stamps(bag, connection, stamps)
    numbers = frame_numbers(stamps, frame_rate)
    if numbers.frames.max() > MAX_FRAME:
        raise InputError(
            f'{bag.path}: stamps on {connection.topic} from {stamps.min() / SECOND:.3f} to '
            f'{stamps.max() / SECOND:.3f} s are more than {MAX_FRAME} frames'
        )
    return _gather(bag, connection, messages, stamps, numbers)


def _check_size(message: TracksMessage, boxes: int) -> None:
    """Refuse what would take too much memory: texts are written once for every box.

    Raises
    ------
    MessageError
        A class or an id is too long, or there are too many boxes so far.

    """
    if boxes > MAX_BOXES:
        raise MessageError(f'more than {MAX_BOXES} boxes so far')
    texts = set(message.class_ids)
    if message.ids and isinstance(message.ids[0], str):
        texts.update(message.ids)
    longest = max(texts, key=len, default='')
    if len(longest) > MAX_TEXT:
        raise MessageError(
            f'a class or an id of {len(longest)} letters, at most {MAX_TEXT} are allowed: '
            f'{shorten(longest, 40)!r}'
        )


def _choose(bag: BagReader, topic: str) -> Connection:
    found = {c.topic: c for c in bag.connections}
    if topic:
        if topic not in found:
            raise InputError(f'{bag.path}: no topic {topic}; topics: {bag.topics}')
        if found[topic].msgtype not in (TRACKS_TYPE, DETECTIONS_TYPE):
            raise InputError(
                f'{bag.path}: {topic} is a {found[topic].msgtype}, '
                f'expected {TRACKS_TYPE} or {DETECTIONS_TYPE}'
            )
        return found[topic]
    for kind in (TRACKS_TYPE, DETECTIONS_TYPE):
        candidates = [c for c in found.values() if c.msgtype == kind]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InputError(f'{bag.path}: several topics of tracks, name one of: {bag.topics}')
    raise InputError(
        f'{bag.path}: no topic of {TRACKS_TYPE} or {DETECTIONS_TYPE}; topics: {bag.topics}'
    )


def _check_stamps(bag: BagReader, connection: Connection, stamps: IntArray) -> None:
    order = np.argsort(stamps, kind='stable')
    again = np.flatnonzero(np.diff(stamps[order]) == 0)
    if len(again):
        seconds = stamps[order[again[0]]] / SECOND
        first, second = (order[again[0] : again[0] + 2] + 1).tolist()
        raise InputError(
            f'{bag.path}: messages {first} and {second} of {connection.topic} have one stamp, '
            f'{seconds:.9f} s: which frames they are cannot be told'
        )


def _gather(
    bag: BagReader,
    connection: Connection,
    messages: list[TracksMessage],
    stamps: IntArray,
    numbers: FrameNumbers,
) -> RecordedTracks:
    frames = numbers.frames
    counts = [len(message.ids) for message in messages]
    message = np.repeat(np.arange(len(messages)), counts)
    cxcywh = np.concatenate([m.cxcywh for m in messages])
    tracks = np.concatenate([m.tracks for m in messages])
    named = list(chain.from_iterable(m.ids for m in messages))
    ids, labels = (named, []) if connection.msgtype == TRACKS_TYPE else _numbers(named)
    tlwh = cxcywh.copy()
    with np.errstate(invalid='ignore'):  # what is at infinity is refused below
        tlwh[:, :2] -= tlwh[:, 2:] / 2
    rows = TrackRows(
        frames[message],
        np.array(ids, dtype=np.int64),
        tlwh,
        np.concatenate([m.scores for m in messages]),
        # Of objects: a table of fixed width is as wide as the longest text for every box.
        np.array(list(chain.from_iterable(m.class_ids for m in messages)), dtype=np.object_),
    )
    # As the tracker does: a box that was missed once, however many frames were dropped, is
    # reported, and one that shrank to nothing is not.
    recent = tracks['time_since_update'] <= _elapsed(frames)[message]
    recent |= connection.topic in bag.custom_data.get(REFINED_TOPICS, '').split()
    reported = np.flatnonzero(recent & ~(cxcywh[:, 2:] <= 0).any(axis=1))
    order = reported[np.lexsort((rows.ids[reported], rows.frames[reported]))]
    rows = rows.select(order)
    _check_rows(bag, connection, rows, labels)
    place = np.concatenate([m.place for m in messages])
    motions = zip(frames.tolist(), (m.camera_motion for m in messages), strict=True)
    return RecordedTracks(
        connection, stamps, frames, numbers.frame_rate, rows, place[order], tracks[order], labels,
        {frame: motion for frame, motion in motions if motion is not None},
    )  # fmt: skip


def _elapsed(frames: IntArray) -> IntArray:
    """Return (M,) frames since the message before, by stamp; 1 for the first."""
    elapsed = np.ones(len(frames), dtype=np.int64)
    order = np.argsort(frames)
    elapsed[order[1:]] = np.diff(frames[order])
    return elapsed


def _numbers(names: list[str]) -> tuple[list[int], list[str]]:
    """Return ids as numbers: what they say, or else by first appearance, and then their texts."""
    labels = list(dict.fromkeys(names))
    if all(_is_number(label) for label in labels):
        return [int(name) for name in names], []
    number = {label: place for place, label in enumerate(labels, 1)}
    return [number[name] for name in names], labels


def _is_number(text: str) -> bool:
    # Not 007 beside 7, and nothing that a text file could not hold.
    return text.isascii() and text.isdigit() and len(text) < 16 and str(int(text)) == text


def _check_rows(bag: BagReader, connection: Connection, rows: TrackRows, labels: list[str]) -> None:
    again = (np.diff(rows.frames) == 0) & (np.diff(rows.ids) == 0)
    finite = np.isfinite(rows.tlwh).all(axis=1) & np.isfinite(rows.scores)
    for bad, what in (
        (np.append(again, False), 'is there twice'),
        (~finite, 'has a box or a score that is not finite'),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            identity = repr(labels[rows.ids[row] - 1]) if labels else rows.ids[row]
            where = f'{bag.path}: {connection.topic}, frame {rows.frames[row]}'
            raise InputError(f'{where}: id {identity} {what}')


_SECOND: Final = 1e9
# The first stamp of a sequence's own clock is less many frames; the time of day is more.
_SEQUENCE_FRAMES: Final = 1e6


@dataclass(frozen=True, slots=True)
class FrameNumbers:
    """Which frame each stamp is.

    Attributes
    ----------
    frames
        (N,) int64, at least 0; equal stamps have the same, later ones a higher number.
    frame_rate
        Nominal frames a second; 0 where it was not given and there are no two stamps to tell it.

    """

    frames: IntArray
    frame_rate: float


def frame_numbers(stamps: npt.ArrayLike, frame_rate: float = 0.0) -> FrameNumbers:
    """Return the frame number of each stamp of a recording.

    From one frame to the next, numbers grow as the tracker counts: by the difference of stamps in
    nominal frames, rounded, at least 1. So the clock of a camera may run a little fast or slow.
    Where stamps count from the start of a sequence (frame n at n / frame rate, as
    `strongsort bag` writes them), the numbers are the sequence's own; otherwise the first is 1.

    Parameters
    ----------
    stamps
        (N,) nanoseconds, in any order.
    frame_rate
        Nominal frames a second; 0: one over the median difference of stamps, which dropped
        frames do not move until every second one is.

    Returns
    -------
    numbers
        In the order of `stamps`.

    Raises
    ------
    SettingError
        The frame rate is not a number from 0.

    """
    if not (np.isfinite(frame_rate) and frame_rate >= 0):
        raise SettingError(f'frame_rate: {frame_rate} is not a number of frames a second')
    times, place = np.unique(np.asarray(stamps, dtype=np.int64), return_inverse=True)
    differences = np.diff(times)
    rate = float(frame_rate)
    if not rate and len(differences):
        # The lower median, as the tracker's clock takes it: a difference that was there.
        middle = (len(differences) - 1) // 2
        rate = _SECOND / float(np.partition(differences, middle)[middle])
    steps = np.maximum(np.rint(differences * (rate / _SECOND)), 1).astype(np.int64)
    numbers = np.cumsum(np.concatenate([[_first(times, rate)], steps]))
    return FrameNumbers(numbers[place], rate)


def _first(times: IntArray, rate: float) -> int:
    if not len(times) or not rate:
        return 1
    first = float(times[0]) * (rate / _SECOND)
    return round(first) if 0 <= first < _SEQUENCE_FRAMES else 1
