"""Synthetic bags of tracks for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.bags.types import TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter, Storage
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.messages.track2d_array import TRACK, TrackArray, write_track_array
from strongsort_ros.tracking.tracks import CONFIRMED, LOST
from strongsort_ros.types import SECOND

RATE = 10
START = 1_700_000_000 * SECOND
"""Stamp of frame 0."""


def stamp(frame: int, start: int = START) -> int:
    """Return the stamp of a frame, nanoseconds."""
    return start + frame * SECOND // RATE


def track(identity: int, x: float, **fields: Any) -> npt.NDArray[np.void]:
    """Return the fields of a reported, confirmed track, 20 x 40 pixels around (x, 50)."""
    row = np.zeros((), TRACK)
    row['id'], row['center'], row['size'] = identity, (x, 50), (20, 40)
    row['score'], row['state'], row['hits'], row['age'] = 0.5, CONFIRMED, 1, 1
    row['reported'] = 1
    for name, value in fields.items():
        row[name] = value
    return row


def lost(identity: int, x: float, missed: int = 1, **fields: Any) -> npt.NDArray[np.void]:
    """Return the fields of a track that was missed in the last `missed` frames.

    It is reported in the first of them, as by the published presets.
    """
    fields = {'reported': missed == 1, **fields}
    return track(identity, x, state=LOST, time_since_update=missed, detection_index=-1, **fields)


def track_array(
    frame: int,
    tracks: Sequence[npt.NDArray[np.void]],
    class_ids: Sequence[str] | None = None,
    motion: npt.ArrayLike | None = None,
    start: int = START,
) -> bytes:
    """Return a serialised Track2DArray; the class is person by default."""
    head = Header(*divmod(stamp(frame, start), SECOND), 'camera')
    rows = np.array(list(tracks), TRACK)
    classes = ['person'] * len(rows) if class_ids is None else class_ids
    matrix = np.eye(3) if motion is None else np.asarray(motion, dtype=np.float64)
    return write_track_array(TrackArray(head, rows, classes, matrix, float(motion is not None)))


def write_messages(
    path: Path,
    messages: Mapping[int, bytes],
    storage: Storage = 'mcap',
    topic: str = '/tracks',
    msgtype: str = TRACKS_TYPE,
) -> Path:
    """Return a bag of messages by frame, each a tenth of a second after its stamp."""
    with BagWriter(path, storage) as bag:
        for frame, message in messages.items():
            bag.write_serialized(topic, msgtype, stamp(frame) + SECOND // 10, message)
    return path


def walk(frames: Sequence[int], identity: int, x: float = 0.0) -> dict[int, bytes]:
    """Return messages of one track that moves 2 px a frame and is matched in each."""
    return {
        frame: track_array(
            frame,
            [track(identity, x + 2 * frame, age=frame - frames[0] + 1, hits=number,
                   first_seen=divmod(stamp(frames[0]), SECOND), detection_index=0)],
        )
        for number, frame in enumerate(frames, 1)
    }  # fmt: skip


def detections(frame: int, boxes: Mapping[str, tuple[float, float, float, float]]) -> bytes:
    """Return a serialised Detection2DArray of boxes left, top, width, height by id."""
    cxcywh = np.array(list(boxes.values()), dtype=np.float64).reshape(-1, 4)
    cxcywh[:, :2] += cxcywh[:, 2:] / 2
    head = Header(*divmod(stamp(frame), SECOND), 'camera')
    names, count = [name.strip() for name in boxes], len(boxes)
    return write_detection_array(head, names, ['person'] * count, [0.5] * count, cxcywh)


def digests(folder: Path) -> dict[str, str]:
    """Return the hashes of all files in a folder, or of one file."""
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob('*') if p.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
