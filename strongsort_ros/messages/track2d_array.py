"""A strongsort_ros/Track2DArray as a structure of arrays, and both as serialised bytes.

The same plain CDR as in `serialised`. A track is as long as its class, and whatever comes after
the class begins where the alignment puts it; tracks of one length are read and written together.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import (
    HEADER_BYTES,
    Header,
    Reader,
    write_header,
)
from strongsort_ros.types import FloatArray

TRACK: Final = np.dtype(
    [
        ('id', 'u4'),
        ('score', 'f4'),
        ('state', 'u1'),
        ('center', 'f8', 2),
        ('theta', 'f8'),
        ('size', 'f8', 2),
        ('bbox_covariance', 'f8', 16),
        ('velocity', 'f8', 2),
        ('age', 'u4'),
        ('hits', 'u4'),
        ('time_since_update', 'u4'),
        ('first_seen', [('sec', 'i4'), ('nanosec', 'u4')]),
        ('detection_index', 'i4'),
    ]
)
"""A Track2D but for its class; `center`, `theta` and `size` are its bbox."""

_NAMES: Final = TRACK.names or ()

_CLASS_AT = 8  # bytes from the start of a track: after its id and the length of its class
_NUMBERS_BYTES = 8 * 23 + 4 * 6  # from its box to its end


@dataclass(frozen=True, slots=True)
class TrackArray:
    """What strongsort_ros/Track2DArray says.

    Attributes
    ----------
    header
        Of the detections.
    tracks
        (N,) of `TRACK`.
    class_ids
        N texts.
    camera_motion
        (3, 3) float64: pixels of the previous frame to pixels of this one.
    camera_motion_score
        0: not known.

    """

    header: Header
    tracks: npt.NDArray[np.void]
    class_ids: Sequence[str]
    camera_motion: FloatArray
    camera_motion_score: float


def read_track_array(message: bytes | memoryview) -> TrackArray:
    """Read a serialised Track2DArray.

    Raises
    ------
    MessageError
        The bytes are no such message.

    """
    try:
        reader = Reader(message)
        header = reader.header()
        tracks, class_ids = _read_tracks(reader)
        at = (reader.position + 7) & ~7
        motion = np.frombuffer(reader.data, f'{reader.order}f8', 9, at).astype(np.float64)
        (score,) = struct.unpack_from(f'{reader.order}f', reader.data, at + 72)
    except (struct.error, IndexError, ValueError) as error:
        raise MessageError(f'tracks message of {len(message)} bytes: {error}') from error
    return TrackArray(header, tracks, class_ids, motion.reshape(3, 3), score)


def write_track_array(array: TrackArray) -> bytes:
    """Return the serialised Track2DArray."""
    head = write_header(array.header, len(array.tracks))
    pieces = _write_tracks(array.tracks, array.class_ids, len(head) - HEADER_BYTES)
    body = b''.join((head, *pieces))
    motion = np.asarray(array.camera_motion, '<f8').tobytes()
    score = struct.pack('<f', array.camera_motion_score)
    return b''.join((body, bytes((HEADER_BYTES - len(body)) % 8), motion, score))


def _read_tracks(reader: Reader) -> tuple[npt.NDArray[np.void], list[str]]:
    count, data = reader.uint(), reader.data
    if count * _NUMBERS_BYTES > len(data):
        raise MessageError(f'message of {len(data)} bytes cannot hold {count} tracks')
    places, class_ids = [], []
    for _ in range(count):
        start = (reader.position + 3) & ~3
        reader.uint()
        class_ids.append(reader.string())
        places.append(_Place.of(start, reader.position))
        reader.position = places[-1].end
    if reader.position > len(data):
        raise MessageError(f'message ends {reader.position - len(data)} bytes too early')
    tracks = np.empty(count, TRACK)
    for kind, rows in _alike(places).items():
        together = b''.join(data[places[row].start : places[row].end] for row in rows)
        records = np.frombuffer(together, _layout(*kind, reader.order))
        for name in _NAMES:
            tracks[name][rows] = records[name]
    return tracks, class_ids


def _write_tracks(
    tracks: npt.NDArray[np.void], class_ids: Sequence[str], start: int
) -> Iterable[bytes]:
    """Return the bytes of every track; `start` is where the first one lies in the message."""
    texts = [text.encode() for text in class_ids]
    places = []
    for text in texts:
        places.append(_Place.of(start, start + _CLASS_AT + len(text) + 1))
        start = places[-1].end
    pieces = [b''] * len(texts)
    for kind, rows in _alike(places).items():
        layout = _layout(*kind, '<')
        records = np.zeros(len(rows), layout)
        for name in _NAMES:
            records[name] = tracks[name][rows]
        records['length'] = [len(texts[row]) + 1 for row in rows]
        records['class'] = [texts[row] for row in rows]
        together, size = records.tobytes(), layout.itemsize
        for number, row in enumerate(rows):
            pieces[row] = together[number * size : (number + 1) * size]
    return pieces


class _Place(NamedTuple):
    """Where a track lies in a message, and in it what follows its class."""

    start: int
    score: int
    box: int
    end: int

    @classmethod
    def of(cls, start: int, after_class: int) -> _Place:
        """Return the place of a track that starts here, and its class ends there."""
        score = (after_class + 3) & ~3
        box = (score + 5 + 7) & ~7
        return cls(start, score, box, box + _NUMBERS_BYTES)


def _alike(places: Sequence[_Place]) -> dict[tuple[int, int], list[int]]:
    """Return rows by layout: where score and box are, from the start of the track."""
    rows: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, place in enumerate(places):
        rows[place.score - place.start, place.box - place.start].append(row)
    return rows


@lru_cache(512)  # messages choose the lengths
def _layout(score: int, box: int, order: str) -> np.dtype[np.void]:
    """Return a track as it lies in a message: score and box begin so many bytes after it."""
    at = {'length': 4, 'class': _CLASS_AT, 'id': 0, 'score': score, 'state': score + 4}
    kinds: dict[str, Any] = {'length': np.dtype('u4'), 'class': np.dtype(f'S{score - _CLASS_AT}')}
    end = box
    for name in _NAMES:
        kinds[name] = TRACK[name]
        if name not in at:
            at[name] = end
            end += TRACK[name].itemsize
    described: Any = {
        'names': list(kinds),
        'formats': list(kinds.values()),
        'offsets': [at[name] for name in kinds],
        'itemsize': end,
    }
    layout: np.dtype[np.void] = np.dtype(described).newbyteorder(order)
    return layout
