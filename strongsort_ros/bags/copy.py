"""Copy a bag with other tracks in the messages of one topic, everything else byte for byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Connection

from strongsort_ros.bags.reader import LIBRARY_ERRORS, BagReader
from strongsort_ros.bags.tracks import RecordedTracks
from strongsort_ros.bags.types import DETECTIONS_TYPE, REFINED_TOPICS, TRACKS_TYPE, ros_types
from strongsort_ros.bags.writer import add_connections, open_writer
from strongsort_ros.errors import InputError, MessageError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.messages.cdr import Header, read_header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.messages.track2d_array import read_track_array, write_track_array
from strongsort_ros.types import IntArray

Rewrite = Callable[[bytes], bytes]
"""Serialised message -> serialised message to write instead."""


def copy_bag(
    bag: BagReader,
    output: Path,
    changed: Connection,
    rewrite: Rewrite,
    progress: Callable[[float], None],
) -> None:
    """Copy a bag message by message with its storage, compression, times, types and QoS.

    Parameters
    ----------
    bag
        Open bag. If it is split into several files, the copy has one.
    output
        Folder of the copy; it must not exist.
    changed
        Topic of `bag` whose messages are rewritten; the copy's metadata marks it as refined.
    rewrite
        Makes the new messages of that topic.
    progress
        Called after each message with the share done, 0 to 1.

    Raises
    ------
    InputError
        The bag is damaged.
    OSError
        The copy cannot be written.

    """
    total = sum(connection.msgcount for connection in bag.connections) or 1
    refined = {*bag.custom_data.get(REFINED_TOPICS, '').split(), changed.topic}
    custom_data = {**bag.custom_data, REFINED_TOPICS: ' '.join(sorted(refined))}
    with open_writer(output, bag.plugin, bag.compression, custom_data) as writer:
        copies = add_connections(bag.connections, writer)
        for number, (connection, time, data) in enumerate(bag.messages(), 1):
            if connection.id == changed.id:
                try:
                    data = rewrite(data)
                except MessageError as error:
                    raise InputError(f'{bag.path}: {changed.topic}: {error}') from error
            writer.write(copies[connection.id], time, data)
            progress(number / total)


def rewrite_tracks(
    recorded: RecordedTracks, rows: TrackRows, source: IntArray, tracks: npt.NDArray[np.void]
) -> Rewrite:
    """Return a function that replaces the tracks in the messages of `recorded`.

    A Track2DArray gets the tracks of its frame and keeps its other fields. In a Detection2DArray,
    detections get their new boxes and ids, detections without an id stay, and boxes without a
    source are appended.

    Parameters
    ----------
    recorded
        Tracks as they were read.
    rows
        K new boxes, sorted by frame.
    source
        (K,) int64 row of `recorded` that each box was, -1 for an interpolated one.
    tracks
        (K,) `TRACK` records of the new boxes, for a Track2DArray.

    """
    message_of = {stamp: message for message, stamp in enumerate(recorded.stamps.tolist())}
    low = np.searchsorted(rows.frames, recorded.frames)
    high = np.searchsorted(rows.frames, recorded.frames, side='right')
    layout = recorded.layout

    def rewrite(data: bytes) -> bytes:
        header = read_header(data)
        message = message_of[header.stamp]
        part = slice(low[message], high[message])
        if recorded.connection.msgtype == TRACKS_TYPE:
            class_ids = rows.class_ids[part].tolist()
            return write_track_array(
                dataclasses.replace(
                    read_track_array(data, layout), tracks=tracks[part], class_ids=class_ids
                ),
                layout,
            )
        return _rewrite_detections(recorded, message, rows.select(part), source[part], header, data)

    return rewrite


def _rewrite_detections(
    recorded: RecordedTracks,
    message: int,
    rows: TrackRows,
    source: IntArray,
    header: Header,
    data: bytes,
) -> bytes:
    array = _deserialise(data)
    frame = recorded.frames[message]
    before = slice(*np.searchsorted(recorded.rows.frames, (frame, frame + 1)))
    was_track = set(recorded.box_index[before].tolist())
    kept = source >= 0
    row_of = dict(zip(recorded.box_index[source[kept]].tolist(), np.flatnonzero(kept), strict=True))
    cxcywh = np.concatenate([rows.tlwh[:, :2] + rows.tlwh[:, 2:] / 2, rows.tlwh[:, 2:]], axis=1)
    names = [recorded.labels[n - 1] if recorded.labels else str(n) for n in rows.ids.tolist()]
    detections = []
    for index, detection in enumerate(array.detections):
        if index in row_of:
            row = row_of[index]
            box, position = detection.bbox, detection.bbox.center.position
            position.x, position.y, box.size_x, box.size_y = cxcywh[row].tolist()
            detection.id = names[row]
        elif index in was_track:
            continue  # linking kept another box of this track in this frame
        detections.append(detection)
    added = _deserialise(
        write_detection_array(
            header,
            [name for name, keep in zip(names, kept, strict=True) if not keep],
            rows.class_ids[~kept].tolist(),
            rows.scores[~kept].tolist(),
            cxcywh[~kept],
        )
    )
    array.detections = [*detections, *added.detections]
    return bytes(ros_types().serialize_cdr(array, DETECTIONS_TYPE))


def _deserialise(data: bytes) -> Any:
    try:
        return ros_types().deserialize_cdr(data, DETECTIONS_TYPE)
    except LIBRARY_ERRORS as error:
        raise MessageError(f'detections message of {len(data)} bytes: {error}') from error
