"""The tracks of a bag: arrays of all boxes, and where in the bag each of them is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Connection

from strongsort_ros.messages.serialised import SECOND
from strongsort_ros.messages.track_arrays import TRACK, read_track_array
from strongsort_ros.recording.errors import InputError
from strongsort_ros.recording.frame_numbers import FrameNumbers, frame_numbers
from strongsort_ros.recording.raw_bag import RawBag, reading
from strongsort_ros.recording.ros_types import DETECTIONS, TRACKS, ros_types
from strongsort_ros.recording.rows import TrackRows
from strongsort_ros.recording.text_table import MAX_FRAME
from strongsort_ros.tracking.camera_compensation import is_usable
from strongsort_ros.tracking.detections import FloatArray, IntArray
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import TENTATIVE

REFINED: Final = 'strongsort_ros/refined'
"""Key in a bag's metadata of the topic whose tracks were refined: each is meant to be there."""

_MOST_MOTION: Final = TrackerSettings().max_camera_motion


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


def read_recorded_tracks(
    bag: RawBag,
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
    read = _read_track_array if connection.msgtype == TRACKS else _read_detection_array
    messages = []
    for _, _, data in bag.messages([connection]):
        with reading(bag.path):
            messages.append(read(data))
        progress(len(messages) / max(connection.msgcount, 1))
    if not messages:
        raise InputError(f'{bag.path}: no messages on {connection.topic}')
    stamps = np.array([message.stamp for message in messages], dtype=np.int64)
    _check_stamps(bag, connection, stamps)
    numbers = frame_numbers(stamps, frame_rate)
    if numbers.frames.max() > MAX_FRAME:
        raise InputError(
            f'{bag.path}: stamps on {connection.topic} from {stamps.min() / SECOND:.3f} to '
            f'{stamps.max() / SECOND:.3f} s are more than {MAX_FRAME} frames'
        )
    return _gather(bag, connection, messages, stamps, numbers)


@dataclass(frozen=True, slots=True)
class _Message:
    """One message: K boxes, those that are to be reported or may be."""

    stamp: int
    ids: list[Any]
    cxcywh: FloatArray
    scores: FloatArray
    class_ids: list[str]
    place: IntArray
    tracks: npt.NDArray[np.void]
    camera_motion: FloatArray | None = field(default=None)


def _choose(bag: RawBag, topic: str) -> Connection:
    found = {c.topic: c for c in bag.connections}
    if topic:
        if topic not in found:
            raise InputError(f'{bag.path}: no topic {topic} in it; there is: {bag.topics}')
        if found[topic].msgtype not in (TRACKS, DETECTIONS):
            kind = found[topic].msgtype
            raise InputError(f'{bag.path}: {topic} is a {kind}, no {TRACKS} or {DETECTIONS}')
        return found[topic]
    for kind in (TRACKS, DETECTIONS):
        candidates = [c for c in found.values() if c.msgtype == kind]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InputError(f'{bag.path}: several topics of tracks, name one of: {bag.topics}')
    raise InputError(f'{bag.path}: no topic of {TRACKS} or {DETECTIONS}; there is: {bag.topics}')


def _read_track_array(data: bytes) -> _Message:
    array = read_track_array(data)
    confirmed = np.flatnonzero(array.tracks['state'] != TENTATIVE)
    tracks = array.tracks[confirmed]
    known = array.camera_motion_score > 0 and is_usable(array.camera_motion, _MOST_MOTION)
    return _Message(
        array.header.stamp,
        tracks['id'].tolist(),
        np.concatenate([tracks['center'], tracks['size']], axis=1),
        tracks['score'].astype(np.float64),
        [array.class_ids[place] for place in confirmed.tolist()],
        confirmed,
        tracks,
        array.camera_motion if known else None,
    )


def _read_detection_array(data: bytes) -> _Message:
    array: Any = ros_types().deserialize_cdr(data, DETECTIONS)
    place = [number for number, detection in enumerate(array.detections) if detection.id]
    tracked = [array.detections[number] for number in place]
    boxes = [
        (d.bbox.center.position.x, d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y)
        for d in tracked
    ]
    best = [max((r.hypothesis for r in d.results), key=_score, default=None) for d in tracked]
    return _Message(
        array.header.stamp.sec * SECOND + array.header.stamp.nanosec,
        [detection.id for detection in tracked],
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array([b.score if b else 1.0 for b in best], dtype=np.float64),
        [b.class_id if b else '' for b in best],
        np.array(place, dtype=np.int64),
        np.zeros(len(place), TRACK),
    )


def _score(hypothesis: Any) -> float:
    return float(hypothesis.score)


def _check_stamps(bag: RawBag, connection: Connection, stamps: IntArray) -> None:
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
    bag: RawBag,
    connection: Connection,
    messages: list[_Message],
    stamps: IntArray,
    numbers: FrameNumbers,
) -> RecordedTracks:
    frames = numbers.frames
    counts = [len(message.ids) for message in messages]
    message = np.repeat(np.arange(len(messages)), counts)
    cxcywh = np.concatenate([m.cxcywh for m in messages])
    tracks = np.concatenate([m.tracks for m in messages])
    named = list(chain.from_iterable(m.ids for m in messages))
    ids, labels = (named, []) if connection.msgtype == TRACKS else _numbers(named)
    tlwh = cxcywh.copy()
    with np.errstate(invalid='ignore'):  # what is at infinity is refused below
        tlwh[:, :2] -= tlwh[:, 2:] / 2
    rows = TrackRows(
        frames[message],
        np.array(ids, dtype=np.int64),
        tlwh,
        np.concatenate([m.scores for m in messages]),
        np.array(list(chain.from_iterable(m.class_ids for m in messages)), dtype=np.str_),
    )
    # As the tracker does: a box that was missed once, however many frames were dropped, is
    # reported, and one that shrank to nothing is not.
    recent = tracks['time_since_update'] <= _elapsed(frames)[message]
    recent |= bag.custom_data.get(REFINED) == connection.topic
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


def _check_rows(bag: RawBag, connection: Connection, rows: TrackRows, labels: list[str]) -> None:
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
