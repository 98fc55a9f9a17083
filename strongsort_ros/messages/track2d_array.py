"""Read and write serialised strongsort_ros/Track2DArray messages as a structure of arrays.

The encoding is plain CDR as in `cdr`. The length of a track's class name decides where its other
fields lie; all tracks with the same layout are read and written in one NumPy operation.
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
from strongsort_ros.messages.cdr import HEADER_BYTES, Header, Reader, write_header
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import SECOND, FloatArray, Matrix

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
        ('reported', 'u1'),
    ]
)
"""Fields of a Track2D without its class; `center`, `theta` and `size` are its `bbox`."""

_NAMES: Final = TRACK.names or ()
_AFTER_STATE: Final = _NAMES[_NAMES.index('state') + 1 :]

TRACK_0_1: Final = np.dtype([(name, TRACK[name]) for name in _NAMES if name != 'reported'])
"""Fields of a Track2D of version 0.1."""

_CLASS_AT = 8  # bytes from the start of a track to its class name: its id and the name's length


@dataclass(frozen=True, slots=True)
class TrackArray:
    """Contents of a strongsort_ros/Track2DArray.

    Attributes
    ----------
    header
        Header of the detections.
    tracks
        (N,) structured array of type `TRACK`.
    class_ids
        N class names.
    camera_motion
        (3, 3) float64: pixels of the previous frame -> pixels of the current frame.
    camera_motion_score
        Confidence in it; 0: not known.

    """

    header: Header
    tracks: npt.NDArray[np.void]
    class_ids: Sequence[str]
    camera_motion: FloatArray
    camera_motion_score: float


def write_tracks(
    header: Header, tracks: Tracks, camera_motion: Matrix, camera_motion_score: float, rate: float
) -> bytes:
    """Return the serialised Track2DArray of a frame.

    Parameters
    ----------
    header
        Header of the detections; it becomes the message's.
    tracks
        Tracks in pixels, with velocities in pixels a nominal frame.
    camera_motion, camera_motion_score
        Motion from the previous image to this one, and the confidence in it.
    rate
        Nominal frames a second; converts velocities to pixels a second.

    """
    rows = np.zeros(len(tracks), TRACK)
    rows['id'] = tracks.ids
    rows['score'] = tracks.scores
    rows['state'] = tracks.states
    rows['center'] = tracks.mean[:, :2]
    rows['size'] = tracks.tlwh[:, 2:]
    rows['bbox_covariance'][:, ::5] = tracks.variance[:, :4]
    rows['velocity'] = tracks.mean[:, 4:6] * rate
    rows['age'] = tracks.age
    rows['hits'] = tracks.hits
    rows['time_since_update'] = tracks.time_since_update
    rows['first_seen']['sec'], rows['first_seen']['nanosec'] = divmod(tracks.first_seen, SECOND)
    rows['detection_index'] = tracks.detection_index
    rows['reported'] = tracks.reported
    return write_track_array(
        TrackArray(header, rows, tracks.class_ids.tolist(), camera_motion, camera_motion_score)
    )


def read_track_array(message: bytes | memoryview, layout: np.dtype[np.void] = TRACK) -> TrackArray:
    """Read a serialised Track2DArray.

    Parameters
    ----------
    message
        Serialised message.
    layout
        Fields of its tracks, `TRACK` or `TRACK_0_1`; those that it lacks are 0.

    Raises
    ------
    MessageError
        The message is truncated or not a Track2DArray.

    """
    try:
        reader = Reader(message)
        header = reader.header()
        tracks, class_ids = _read_tracks(reader, layout)
        at = (reader.position + 7) & ~7
        motion = np.frombuffer(reader.data, f'{reader.order}f8', 9, at).astype(np.float64)
        (score,) = struct.unpack_from(f'{reader.order}f', reader.data, at + 72)
    except (struct.error, IndexError, ValueError) as error:
        raise MessageError(f'tracks message of {len(message)} bytes: {error}') from error
    return TrackArray(header, tracks, class_ids, motion.reshape(3, 3), score)


def write_track_array(array: TrackArray, layout: np.dtype[np.void] = TRACK) -> bytes:
    """Return a serialised Track2DArray whose tracks have the fields of `layout`."""
    head = write_header(array.header, len(array.tracks))
    pieces = _write_tracks(array.tracks, array.class_ids, len(head) - HEADER_BYTES, layout)
    body = b''.join((head, *pieces))
    motion = np.asarray(array.camera_motion, '<f8').tobytes()
    score = struct.pack('<f', array.camera_motion_score)
    return b''.join((body, bytes((HEADER_BYTES - len(body)) % 8), motion, score))


def _read_tracks(
    reader: Reader, layout: np.dtype[np.void]
) -> tuple[npt.NDArray[np.void], list[str]]:
    count, data, numbers = reader.uint(), reader.data, _bytes_after_state(layout)
    if count * numbers > len(data):
        raise MessageError(f'message of {len(data)} bytes cannot hold {count} tracks')
    places, class_ids = [], []
    for _ in range(count):
        start = (reader.position + 3) & ~3
        reader.uint()
        class_ids.append(reader.string())
        places.append(_Place.of(start, reader.position, numbers))
        reader.position = places[-1].end
    if reader.position > len(data):
        raise MessageError(f'message ends {reader.position - len(data)} bytes too early')
    tracks = np.zeros(count, TRACK)
    for kind, rows in _alike(places).items():
        together = b''.join(data[places[row].start : places[row].end] for row in rows)
        records = np.frombuffer(together, _record(layout, *kind, reader.order))
        for name in layout.names or ():
            tracks[name][rows] = records[name]
    return tracks, class_ids


def _write_tracks(
    tracks: npt.NDArray[np.void], class_ids: Sequence[str], start: int, layout: np.dtype[np.void]
) -> Iterable[bytes]:
    """Return the bytes of every track; `start` is the position of the first in the message."""
    texts = [text.encode() for text in class_ids]
    places, numbers = [], _bytes_after_state(layout)
    for text in texts:
        places.append(_Place.of(start, start + _CLASS_AT + len(text) + 1, numbers))
        start = places[-1].end
    pieces = [b''] * len(texts)
    for kind, rows in _alike(places).items():
        record = _record(layout, *kind, '<')
        records = np.zeros(len(rows), record)
        for name in layout.names or ():
            records[name] = tracks[name][rows]
        records['length'] = [len(texts[row]) + 1 for row in rows]
        records['class'] = [texts[row] for row in rows]
        together, size = records.tobytes(), record.itemsize
        for number, row in enumerate(rows):
            pieces[row] = together[number * size : (number + 1) * size]
    return pieces


class _Place(NamedTuple):
    """Positions in the message: start of a track, its score, its box, and its padded end."""

    start: int
    score: int
    box: int
    end: int

    @classmethod
    def of(cls, start: int, after_class: int, numbers: int) -> _Place:
        """Return the positions by the start, the end of the class and the bytes after the state."""
        score = (after_class + 3) & ~3
        box = (score + 5 + 7) & ~7
        return cls(start, score, box, box + numbers)


def _alike(places: Sequence[_Place]) -> dict[tuple[int, int], list[int]]:
    """Return rows by layout: the offsets of score and box from the start of a track."""
    rows: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, place in enumerate(places):
        rows[place.score - place.start, place.box - place.start].append(row)
    return rows


def _bytes_after_state(layout: np.dtype[np.void]) -> int:
    """Return the bytes from the box of a track to its end, where the next one can start."""
    names = layout.names or ()
    return (sum(TRACK[name].itemsize for name in _AFTER_STATE if name in names) + 3) & ~3


@lru_cache(512)  # bounded: the input chooses the lengths
def _record(layout: np.dtype[np.void], score: int, box: int, order: str) -> np.dtype[np.void]:
    """Return the type of a track in a message, given the offsets of its score and its box."""
    at = {'length': 4, 'class': _CLASS_AT, 'id': 0, 'score': score, 'state': score + 4}
    kinds: dict[str, Any] = {'length': np.dtype('u4'), 'class': np.dtype(f'S{score - _CLASS_AT}')}
    end = box
    for name in layout.names or ():
        kinds[name] = TRACK[name]
        if name not in at:
            at[name] = end
            end += TRACK[name].itemsize
    described: Any = {
        'names': list(kinds),
        'formats': list(kinds.values()),
        'offsets': [at[name] for name in kinds],
        'itemsize': box + _bytes_after_state(layout),
    }
    record: np.dtype[np.void] = np.dtype(described).newbyteorder(order)
    return record
