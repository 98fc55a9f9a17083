"""Tracks of one message, whatever its type."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import Reader
from strongsort_ros.messages.detection2d_array import POSE_BYTES, best_hypothesis
from strongsort_ros.messages.track2d_array import TRACK, read_track_array
from strongsort_ros.tracking.camera_compensation import is_usable
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import TENTATIVE
from strongsort_ros.types import FloatArray, IntArray

_PADDING: Final = 4  # a message may be filled up to a multiple of it
_MOST_MOTION: Final = TrackerSettings().max_camera_motion


@dataclass(frozen=True, slots=True)
class TracksMessage:
    """What one message says.

    Attributes
    ----------
    stamp
        Of its header, nanoseconds.
    ids
        K: numbers of a Track2DArray, texts of a Detection2DArray.
    cxcywh
        (K, 4) boxes in pixels: centre x and y, width, height.
    scores, class_ids
        K of each.
    place
        (K,) int64: which of the message's boxes each is.
    tracks
        (K,) of `TRACK`; all 0 for a Detection2DArray.
    camera_motion
        (3, 3), pixels of the message before to pixels of this one; None: not known.
    others
        How many detections have no id.

    """

    stamp: int
    ids: list[Any]
    cxcywh: FloatArray
    scores: FloatArray
    class_ids: list[str]
    place: IntArray
    tracks: npt.NDArray[np.void]
    camera_motion: FloatArray | None = None
    others: int = 0


def read_tracks_message(data: bytes) -> TracksMessage:
    """Read the tracks of a Track2DArray but for the tentative ones.

    Raises
    ------
    MessageError
        The bytes are no such message.

    """
    array = read_track_array(data)
    confirmed = np.flatnonzero(array.tracks['state'] != TENTATIVE)
    tracks = array.tracks[confirmed]
    known = array.camera_motion_score > 0 and is_usable(array.camera_motion, _MOST_MOTION)
    return TracksMessage(
        array.header.stamp,
        tracks['id'].tolist(),
        np.concatenate([tracks['center'], tracks['size']], axis=1),
        tracks['score'].astype(np.float64),
        [array.class_ids[place] for place in confirmed.tolist()],
        confirmed,
        tracks,
        array.camera_motion if known else None,
    )


def read_detections_message(data: bytes) -> TracksMessage:
    """Read the detections of a Detection2DArray that have an id.

    The best hypothesis is the one that the tracker takes, see `read_detections`.

    Raises
    ------
    MessageError
        The bytes are no such message.

    """
    try:
        reader = Reader(data)
        stamp = reader.header().stamp
        rows = [_read_detection(reader) for _ in range(reader.uint())]
    except (struct.error, IndexError) as error:
        raise MessageError(f'detections message of {len(data)} bytes: {error}') from error
    left = len(reader.data) - reader.position
    if not 0 <= left < _PADDING:
        raise MessageError(f'{left} bytes are left over: a message of other fields')
    place = [number for number, row in enumerate(rows) if row.id]
    tracked = [rows[number] for number in place]
    boxes = np.array([row.box for row in tracked], dtype=np.float64).reshape(-1, 5)
    return TracksMessage(
        stamp,
        [row.id for row in tracked],
        boxes[:, [0, 1, 3, 4]],
        np.array([row.score for row in tracked], dtype=np.float64),
        [row.class_id for row in tracked],
        np.array(place, dtype=np.int64),
        np.zeros(len(place), TRACK),
        others=len(rows) - len(place),
    )


class _Detection(NamedTuple):
    box: tuple[float, ...]
    score: float
    class_id: str
    id: str


def _read_detection(reader: Reader) -> _Detection:
    reader.skip_header()
    names, scores = [], []
    for _ in range(reader.uint()):
        names.append(reader.string())
        scores.append(reader.double())
        reader.position += POSE_BYTES
    box, identity = reader.box(), reader.string()
    if not names:
        return _Detection(box, 1.0, '', identity)
    best = best_hypothesis(scores)
    return _Detection(box, scores[best], names[best], identity)
