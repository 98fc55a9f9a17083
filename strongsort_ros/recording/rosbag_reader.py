"""Tracks back out of a rosbag2, sqlite3 or mcap, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection

from strongsort_ros.recording.errors import InputError
from strongsort_ros.recording.frame_numbers import frame_numbers
from strongsort_ros.recording.ros_types import DETECTIONS, TRACKS, ros_types
from strongsort_ros.recording.rosbag_writer import Storage
from strongsort_ros.recording.rows import TrackRows
from strongsort_ros.tracking.tracks import TENTATIVE


@contextmanager
def open_bag(path: Path | str) -> Iterator[AnyReader]:
    """Give a reader of a bag.

    Raises
    ------
    InputError
        There is no such bag, or it is empty, cut short, or of another form.

    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path}: there is no such bag')
    with _reading(path):
        reader = AnyReader([path], default_typestore=ros_types())
        reader.open()
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _reading(path: Path | str) -> Iterator[None]:
    """Make one clear error of whatever the library stumbles over inside."""
    try:
        yield
    # A broken file makes the library fail in many ways: struct, YAML, SQLite, assertions.
    except Exception as error:
        raise InputError(f'{path}: not a readable bag: {error or type(error).__name__}') from error


def raw_messages(
    path: Path | str, reader: AnyReader, connections: list[Connection]
) -> Iterator[tuple[Connection, int, bytes]]:
    """Yield connection, time in the bag (nanoseconds) and serialised message, by time.

    Raises
    ------
    InputError
        The bag `path` cannot be read on.

    """
    messages = reader.messages(connections)
    while True:
        with _reading(path):
            message = next(messages, None)
        if message is None:
            return
        yield message


def storage_of(path: Path | str) -> Storage:
    """Return the storage of a bag that can be read."""
    path = Path(path)
    files = path.iterdir() if path.is_dir() else [path]
    return 'sqlite3' if any('.db3' in file.suffixes for file in files) else 'mcap'


def read_tracks(path: Path | str, topic: str = '', frame_rate: float = 0.0) -> TrackRows:
    """Read the tracks of a bag, sorted by frame and id.

    From a Track2DArray come the rows that the published program would write: tracks confirmed
    and missed for a frame at most. From a Detection2DArray come the detections that have an id.

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
        The bag cannot be read, the topic is not in it or not the only one, or an id is no
        number or twice in a frame.

    """
    with open_bag(path) as reader:
        connection = _choose(path, reader.connections, topic)
        columns = _track_columns if connection.msgtype == TRACKS else _detection_columns
        with _reading(path):
            messages = [
                reader.deserialize(data, connection.msgtype)
                for _, _, data in reader.messages([connection])
            ]
    return _rows(path, messages, columns, frame_rate)


def _choose(path: Path | str, connections: list[Connection], topic: str) -> Connection:
    candidates = [c for c in connections if c.msgtype in (TRACKS, DETECTIONS)]
    if topic:
        candidates = [c for c in candidates if c.topic == topic]
    elif any(c.msgtype == TRACKS for c in candidates):
        candidates = [c for c in candidates if c.msgtype == TRACKS]
    if len(candidates) == 1:
        return candidates[0]
    there = ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in connections)) or 'nothing'
    wanted = f'topic {topic} of tracks' if topic else 'single topic of tracks'
    raise InputError(f'{path}: no {wanted}; name one of what is there: {there}')


Columns = tuple[list[int], list[list[float]], list[float], list[str]]


def _rows(
    path: Path | str,
    messages: list[Any],
    columns: Callable[[Path | str, Any], Columns],
    frame_rate: float,
) -> TrackRows:
    stamps = np.array(
        [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages], dtype=np.int64
    )
    numbers = frame_numbers(stamps, frame_rate).frames
    frames, ids, boxes, scores, class_ids = [], [], [], [], []
    for number, message in zip(numbers.tolist(), messages, strict=True):
        one_ids, one_boxes, one_scores, one_classes = columns(path, message)
        frames += [number] * len(one_ids)
        ids += one_ids
        boxes += one_boxes
        scores += one_scores
        class_ids += one_classes
    tlwh = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    tlwh[:, :2] -= tlwh[:, 2:] / 2
    order = np.lexsort((ids, frames))
    rows = TrackRows(
        np.array(frames, dtype=np.int64)[order],
        np.array(ids, dtype=np.int64)[order],
        tlwh[order],
        np.array(scores, dtype=np.float64)[order],
        np.array(class_ids, dtype=np.str_)[order],
    )
    again = (np.diff(rows.frames) == 0) & (np.diff(rows.ids) == 0)
    if again.any():
        row = int(np.argmax(again))
        raise InputError(f'{path}: id {rows.ids[row]} is twice in frame {rows.frames[row]}')
    return rows


def _box(bbox: Any) -> list[float]:
    return [bbox.center.position.x, bbox.center.position.y, bbox.size_x, bbox.size_y]


def _track_columns(_path: Path | str, message: Any) -> Columns:
    tracks = [t for t in message.tracks if t.state != TENTATIVE and t.time_since_update <= 1]
    return (
        [t.id for t in tracks],
        [_box(t.bbox) for t in tracks],
        [t.score for t in tracks],
        [t.class_id for t in tracks],
    )


def _detection_columns(path: Path | str, message: Any) -> Columns:
    tracked = [d for d in message.detections if d.id]
    try:
        ids = [int(d.id) for d in tracked]
    except ValueError as error:
        raise InputError(f'{path}: an id of a detection is not a number: {error}') from error
    best = [max((r.hypothesis for r in d.results), key=_score, default=None) for d in tracked]
    return (
        ids,
        [_box(d.bbox) for d in tracked],
        [b.score if b else 1.0 for b in best],
        [b.class_id if b else '' for b in best],
    )


def _score(hypothesis: Any) -> float:
    return float(hypothesis.score)
