"""Messages of a bag with other tracks in them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.bags.copy import Rewrite
from strongsort_ros.bags.reader import LIBRARY_ERRORS
from strongsort_ros.bags.tracks import RecordedTracks
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE, ros_types
from strongsort_ros.bags.writer import detection_array
from strongsort_ros.errors import MessageError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.messages.track2d_array import read_track_array, write_track_array
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import SECOND, IntArray


def rewrite_tracks(
    recorded: RecordedTracks, rows: TrackRows, source: IntArray, tracks: npt.NDArray[np.void]
) -> Rewrite:
    """Return what writes the messages of `recorded` with other tracks; headers stay.

    A Track2DArray gets the rows of its frame, all else of it stays. In a Detection2DArray the
    boxes and ids of detections change; those without an id stay, a row of no source is appended.

    Parameters
    ----------
    recorded
        What the messages hold.
    rows
        K boxes, sorted by frame.
    source
        (K,) int64: rows of `recorded` that they were, -1: none.
    tracks
        (K,) of `TRACK`, for a Track2DArray.

    """
    low = np.searchsorted(rows.frames, recorded.frames)
    high = np.searchsorted(rows.frames, recorded.frames, side='right')

    number_of = {stamp: number for number, stamp in enumerate(recorded.stamps.tolist())}

    def rewrite_track_array(data: bytes) -> bytes:
        number = number_of[read_header(data).stamp]
        part = slice(low[number], high[number])
        array = dataclasses.replace(
            read_track_array(data), tracks=tracks[part], class_ids=rows.class_ids[part].tolist()
        )
        return write_track_array(array)

    def rewrite_detection_array(data: bytes) -> bytes:
        number = number_of[read_header(data).stamp]
        part = slice(low[number], high[number])
        return _rewrite_detections(recorded, number, rows.select(part), source[part], data)

    is_track_array = recorded.connection.msgtype == TRACKS_TYPE
    return rewrite_track_array if is_track_array else rewrite_detection_array


def _rewrite_detections(
    recorded: RecordedTracks, number: int, rows: TrackRows, source: IntArray, data: bytes
) -> bytes:
    types = ros_types()
    try:
        array: Any = types.deserialize_cdr(data, DETECTIONS_TYPE)
    except LIBRARY_ERRORS as error:
        raise MessageError(f'detections message of {len(data)} bytes: {error}') from error
    before = slice(*np.searchsorted(recorded.rows.frames, recorded.frames[number] + np.arange(2)))
    was_track = set(recorded.place[before].tolist())
    kept = source >= 0
    row_of = dict(zip(recorded.place[source[kept]].tolist(), np.flatnonzero(kept), strict=True))
    centres = rows.tlwh[:, :2] + rows.tlwh[:, 2:] / 2
    detections = []
    for place, detection in enumerate(array.detections):
        if place in row_of:
            row = row_of[place]
            position = detection.bbox.center.position
            position.x, position.y = centres[row].tolist()
            detection.bbox.size_x, detection.bbox.size_y = rows.tlwh[row, 2:].tolist()
            detection.id = _label(recorded, int(rows.ids[row]))
        elif place in was_track:
            continue  # its box went to another one of the same identity
        detections.append(detection)
    new = rows.select(~kept)
    stamp = array.header.stamp.sec * SECOND + array.header.stamp.nanosec
    boxes = Detections(new.tlwh, new.scores, new.class_ids)
    appended = detection_array(types, stamp, array.header.frame_id, boxes).detections
    for detection, identity in zip(appended, new.ids.tolist(), strict=True):
        detection.id = _label(recorded, identity)
    array.detections = [*detections, *appended]
    return bytes(types.serialize_cdr(array, DETECTIONS_TYPE))


def _label(recorded: RecordedTracks, identity: int) -> str:
    return recorded.labels[identity - 1] if recorded.labels else str(identity)
