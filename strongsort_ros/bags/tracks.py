"""Read the tracks of a bag as arrays over all boxes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Connection

from strongsort_ros.bags.frame_numbers import FrameNumbers, frame_numbers
from strongsort_ros.bags.reader import BagReader, open_bag
from strongsort_ros.bags.types import (
    DETECTIONS_TYPE,
    REFINED_TOPICS,
    TRACKS_HASH_0_1,
    TRACKS_TYPE,
    ros_types,
)
from strongsort_ros.bags.writer import message_definition
from strongsort_ros.errors import InputError, MessageError, shorten
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.text_table import MAX_FRAME
from strongsort_ros.messages.cdr import Reader
from strongsort_ros.messages.detection2d_array import read_detection
from strongsort_ros.messages.track2d_array import TRACK, TRACK_0_1, read_track_array
from strongsort_ros.tracking.camera_compensation import is_usable
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import CONFIRMED, TENTATIVE
from strongsort_ros.types import SECOND, BoolArray, FloatArray, IntArray

MAX_BOXES: Final = 20_000_000
"""Most boxes of a bag's tracks: about 24 GB of memory, two hours of 100 tracks at 30 Hz."""
MAX_TEXT: Final = 1024
"""Longest class or id, characters."""
_PADDING: Final = 4  # a message may be padded to a multiple of it
_MAX_CAMERA_MOTION: Final = TrackerSettings().max_camera_motion


@dataclass(frozen=True, slots=True)
class RecordedTracks:
    """Tracks of a bag with M messages and N boxes.

    Attributes
    ----------
    connection
        Topic and type of the messages.
    stamps, frames
        (M,) int64 header stamps, nanoseconds, and frame numbers, in the bag's order; each is
        unique.
    frame_rate
        Frames per second; 0 if unknown.
    rows
        N boxes, sorted by frame and id.
    box_index
        (N,) int64 index of each box in its message.
    tracks
        (N,) `TRACK` records of a Track2DArray; zeros for a Detection2DArray.
    layout
        Fields that the records have in the bag.
    predicted
        (N,) whether a box is a prediction for a track that was missed in more than one message.
    labels
        Ids of a Detection2DArray as text if some of them are not numbers: id n is labels[n - 1].
        Otherwise empty.
    camera_motion
        Frame -> (3, 3) matrix, pixels of the previous message to pixels of this one, where known.

    """

    connection: Connection
    stamps: IntArray
    frames: IntArray
    frame_rate: float
    rows: TrackRows
    box_index: IntArray
    tracks: npt.NDArray[np.void]
    layout: np.dtype[np.void]
    predicted: BoolArray
    labels: list[str]
    camera_motion: dict[int, FloatArray]

    def without_predictions(self) -> RecordedTracks:
        """Return the tracks for refinement: no box is `predicted`, which would be no evidence."""
        if not self.predicted.any():
            return self
        kept = ~self.predicted
        return replace(
            self,
            rows=self.rows.select(kept),
            box_index=self.box_index[kept],
            tracks=self.tracks[kept],
            predicted=self.predicted[kept],
        )


def read_tracks(path: Path | str, topic: str = '', frame_rate: float = 0.0) -> TrackRows:
    """Read the tracks of a bag, sorted by frame and id; see `read_recorded_tracks`."""
    with open_bag(path) as bag:
        return read_recorded_tracks(bag, topic, frame_rate).rows


def read_recorded_tracks(
    bag: BagReader,
    topic: str = '',
    frame_rate: float = 0.0,
    progress: Callable[[float], None] = lambda _share: None,
    *,
    tentative: bool = False,
) -> RecordedTracks:
    """Read all tracks of a bag.

    A Track2DArray yields the boxes that are `reported`. Those of version 0.1 did not say so: they
    yield the confirmed tracks that were matched in this frame or the one before; all confirmed
    tracks if they are refined already. A Detection2DArray yields the detections with an id.

    Parameters
    ----------
    bag
        Open bag.
    topic
        Topic of the tracks; '' selects the only one, a Track2DArray before a Detection2DArray.
    frame_rate
        Nominal frames per second, for `frame_numbers`; 0 estimates it from the stamps.
    progress
        Called after each message with the share done, 0 to 1.
    tentative
        Read the boxes of tentative tracks as well, if they were published (parameter
        `publish_tentative` of the node).

    Raises
    ------
    InputError
        The bag is damaged; the topic is missing, ambiguous or empty; two messages have the same
        stamp; an id occurs twice in a message or has a box that is not finite.

    """
    connection = _choose_topic(bag, topic)
    where = f'{bag.path}: {connection.topic}'
    layout = _layout(where, connection)
    is_track_array = connection.msgtype == TRACKS_TYPE
    read_tracks_array = partial(read_tracks_message, layout=layout, tentative=tentative)
    read = read_tracks_array if is_track_array else read_detections_message
    messages: list[TracksMessage] = []
    boxes = 0
    for number, (_, _, data) in enumerate(bag.messages([connection]), 1):
        try:
            messages.append(read(data))
            boxes += len(messages[-1].ids)
            _check_size(messages[-1], boxes)
        except MessageError as error:
            raise InputError(f'{where}, message {number}: {error}') from error
        progress(number / max(connection.msgcount, 1))
    if not messages:
        raise InputError(f'{bag.path}: no messages on {connection.topic}')
    if not boxes and any(message.without_id for message in messages):
        raise InputError(f'{where}: no detection has an id; name a topic of tracks')
    stamps = np.array([message.stamp for message in messages], dtype=np.int64)
    _check_stamps(where, stamps)
    numbers = frame_numbers(stamps, frame_rate)
    if numbers.frames.max() > MAX_FRAME:
        raise InputError(
            f'{where}: stamps from {stamps.min() / SECOND:.3f} to {stamps.max() / SECOND:.3f} s '
            f'span more than {MAX_FRAME} frames'
        )
    refined = connection.topic in bag.custom_data.get(REFINED_TOPICS, '').split()
    recorded = _gather(connection, layout, messages, stamps, numbers, refined)
    _check_rows(where, recorded)
    return recorded


def _choose_topic(bag: BagReader, topic: str) -> Connection:
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
    for msgtype in (TRACKS_TYPE, DETECTIONS_TYPE):
        candidates = [c for c in found.values() if c.msgtype == msgtype]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InputError(f'{bag.path}: several topics of tracks, name one: {bag.topics}')
    raise InputError(
        f'{bag.path}: no topic of {TRACKS_TYPE} or {DETECTIONS_TYPE}; topics: {bag.topics}'
    )


def _layout(where: str, connection: Connection) -> np.dtype[np.void]:
    """Return the fields of the tracks of a topic, by its type hash.

    Raises
    ------
    InputError
        The messages have other fields.

    """
    digest = connection.digest
    if connection.msgtype == TRACKS_TYPE and not digest:
        _, digest = message_definition(connection)
    current = ros_types().hash_rihs01(connection.msgtype)
    layouts = {'': TRACK, current: TRACK, TRACKS_HASH_0_1: TRACK_0_1}
    if digest not in layouts:
        raise InputError(f'{where}: a {connection.msgtype} of another version, with other fields')
    return layouts[digest]


@dataclass(frozen=True, slots=True)
class TracksMessage:
    """Tracks of one message, K boxes.

    Attributes
    ----------
    stamp
        Header stamp, nanoseconds.
    ids
        K ids: int of a Track2DArray, str of a Detection2DArray.
    cxcywh
        (K, 4) boxes in pixels: centre x and y, width, height.
    scores, class_ids
        K values each.
    box_index
        (K,) int64 index of each box in the message.
    tracks
        (K,) `TRACK` records; zeros for a Detection2DArray.
    camera_motion
        (3, 3) matrix, pixels of the previous message to pixels of this one; None if unknown.
    without_id
        Number of detections without an id.

    """

    stamp: int
    ids: list[Any]
    cxcywh: FloatArray
    scores: FloatArray
    class_ids: list[str]
    box_index: IntArray
    tracks: npt.NDArray[np.void]
    camera_motion: FloatArray | None = None
    without_id: int = 0


def read_tracks_message(
    data: bytes, layout: np.dtype[np.void] = TRACK, *, tentative: bool = False
) -> TracksMessage:
    """Read the confirmed and lost tracks of a Track2DArray, or the `tentative` ones as well.

    Its tracks have the fields of `layout`.

    Raises
    ------
    MessageError
        The message is truncated or of another type.

    """
    array = read_track_array(data, layout)
    box_index = np.flatnonzero(tentative | (array.tracks['state'] != TENTATIVE))
    tracks = array.tracks[box_index]
    known = array.camera_motion_score > 0 and is_usable(array.camera_motion, _MAX_CAMERA_MOTION)
    return TracksMessage(
        array.header.stamp,
        tracks['id'].tolist(),
        np.concatenate([tracks['center'], tracks['size']], axis=1),
        tracks['score'].astype(np.float64),
        [array.class_ids[index] for index in box_index.tolist()],
        box_index,
        tracks,
        array.camera_motion if known else None,
    )


def read_detections_message(data: bytes) -> TracksMessage:
    """Read the detections of a Detection2DArray that have an id.

    Raises
    ------
    MessageError
        The message is truncated or of another type.

    """
    try:
        reader = Reader(data)
        stamp = reader.header().stamp
        detections = [read_detection(reader) for _ in range(reader.uint())]
    except (struct.error, IndexError) as error:
        raise MessageError(f'detections message of {len(data)} bytes: {error}') from error
    left = len(reader.data) - reader.position
    if not 0 <= left < _PADDING:
        raise MessageError(f'{left} bytes follow the last detection: a message of other fields')
    names = [str(name[:-1], 'utf-8', 'replace') for _, _, _, name in detections]
    box_index = [index for index, name in enumerate(names) if name]
    tracked = [detections[index] for index in box_index]
    boxes = np.array([box for box, _, _, _ in tracked], dtype=np.float64).reshape(-1, 5)
    return TracksMessage(
        stamp,
        [names[index] for index in box_index],
        boxes[:, [0, 1, 3, 4]],
        np.array([score for _, score, _, _ in tracked], dtype=np.float64),
        [class_id for _, _, class_id, _ in tracked],
        np.array(box_index, dtype=np.int64),
        np.zeros(len(box_index), TRACK),
        without_id=len(names) - len(box_index),
    )


def _check_size(message: TracksMessage, boxes: int) -> None:
    """Refuse what would take too much memory.

    Raises
    ------
    MessageError
        A class or an id is too long, or the bag has too many boxes so far.

    """
    if boxes > MAX_BOXES:
        raise MessageError(f'more than {MAX_BOXES} boxes so far')
    texts = {*message.class_ids, *(name for name in message.ids if isinstance(name, str))}
    longest = max(texts, key=len, default='')
    if len(longest) > MAX_TEXT:
        raise MessageError(
            f'a class or id of {len(longest)} characters, at most {MAX_TEXT} are allowed: '
            f'{shorten(longest, 40)!r}'
        )


def _check_stamps(where: str, stamps: IntArray) -> None:
    order = np.argsort(stamps, kind='stable')
    same = np.flatnonzero(np.diff(stamps[order]) == 0)
    if len(same):
        first, second = (order[same[0] : same[0] + 2] + 1).tolist()
        seconds, nanoseconds = divmod(int(stamps[first - 1]), SECOND)
        raise InputError(
            f'{where}: messages {first} and {second} have the same stamp, '
            f'{seconds}.{nanoseconds:09} s, so their frames are unknown'
        )


def _gather(
    connection: Connection,
    layout: np.dtype[np.void],
    messages: list[TracksMessage],
    stamps: IntArray,
    numbers: FrameNumbers,
    refined: bool,
) -> RecordedTracks:
    frames = numbers.frames
    message = np.repeat(np.arange(len(messages)), [len(m.ids) for m in messages])
    cxcywh = np.concatenate([m.cxcywh for m in messages])
    tracks = np.concatenate([m.tracks for m in messages])
    ids = list(chain.from_iterable(m.ids for m in messages))
    labels: list[str] = []
    states = tracks['state'].astype(np.int64)
    if connection.msgtype != TRACKS_TYPE:
        ids, labels = _number_ids(ids)
        states[:] = CONFIRMED
    tlwh = cxcywh.copy()
    with np.errstate(invalid='ignore'):  # infinite boxes are refused later
        tlwh[:, :2] -= tlwh[:, 2:] / 2
    rows = TrackRows(
        frames[message],
        np.array(ids, dtype=np.int64),
        tlwh,
        np.concatenate([m.scores for m in messages]),
        # An object array: a fixed-width one is as wide as the longest name for every box.
        np.array(list(chain.from_iterable(m.class_ids for m in messages)), dtype=np.object_),
        states,
    )
    # Missed by one message at most, even if frames were dropped in between.
    recent = tracks['time_since_update'] <= _frames_since_last(frames)[message]
    recent |= refined
    if connection.msgtype != TRACKS_TYPE or layout == TRACK_0_1:
        tracks['reported'] = recent
    # Tentative tracks were read only if they are wanted. No box that shrank to nothing.
    wanted = (tracks['reported'] > 0) | (states == TENTATIVE)
    chosen = np.flatnonzero(wanted & ~(cxcywh[:, 2:] <= 0).any(axis=1))
    order = chosen[np.lexsort((rows.ids[chosen], rows.frames[chosen]))]
    motions = zip(frames.tolist(), (m.camera_motion for m in messages), strict=True)
    return RecordedTracks(
        connection,
        stamps,
        frames,
        numbers.frame_rate,
        rows.select(order),
        np.concatenate([m.box_index for m in messages])[order],
        tracks[order],
        layout,
        ~recent[order],
        labels,
        {frame: motion for frame, motion in motions if motion is not None},
    )


def _frames_since_last(frames: IntArray) -> IntArray:
    """Return (M,) frames since the previous message, by stamp; 1 for the first."""
    elapsed = np.ones(len(frames), dtype=np.int64)
    order = np.argsort(frames)
    elapsed[order[1:]] = np.diff(frames[order])
    return elapsed


def _number_ids(names: list[str]) -> tuple[list[int], list[str]]:
    """Return ids as numbers, and the labels that they stand for unless all are numbers."""
    labels = list(dict.fromkeys(names))
    if all(_is_number(label) for label in labels):
        return [int(name) for name in names], []
    number = {label: place for place, label in enumerate(labels, 1)}
    return [number[name] for name in names], labels


def _is_number(text: str) -> bool:
    # Leading zeros make 007 and 7 two ids; longer numbers do not fit a MOTChallenge file.
    return text.isascii() and text.isdigit() and len(text) < 16 and str(int(text)) == text


def _check_rows(where: str, recorded: RecordedTracks) -> None:
    rows, labels = recorded.rows, recorded.labels
    same = (np.diff(rows.frames) == 0) & (np.diff(rows.ids) == 0)
    finite = np.isfinite(rows.tlwh).all(axis=1) & np.isfinite(rows.scores)
    for bad, fault in (
        (np.append(same, False), 'occurs twice'),
        (~finite, 'has a box or a score that is not finite'),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            identity = repr(labels[rows.ids[row] - 1]) if labels else rows.ids[row]
            raise InputError(f'{where}, frame {rows.frames[row]}: id {identity} {fault}')
