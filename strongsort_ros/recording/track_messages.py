"""Tracks of one message, whatever its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.messages.serialised import SECOND
from strongsort_ros.messages.track_arrays import TRACK, read_track_array
from strongsort_ros.recording.ros_types import DETECTIONS, ros_types
from strongsort_ros.tracking.camera_compensation import is_usable
from strongsort_ros.tracking.detections import FloatArray, IntArray
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import TENTATIVE

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
    """Read the detections of a Detection2DArray that have an id."""
    array: Any = ros_types().deserialize_cdr(data, DETECTIONS)
    place = [number for number, detection in enumerate(array.detections) if detection.id]
    tracked = [array.detections[number] for number in place]
    boxes = [
        (d.bbox.center.position.x, d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y)
        for d in tracked
    ]
    best = [max((r.hypothesis for r in d.results), key=_score, default=None) for d in tracked]
    return TracksMessage(
        array.header.stamp.sec * SECOND + array.header.stamp.nanosec,
        [detection.id for detection in tracked],
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array([b.score if b else 1.0 for b in best], dtype=np.float64),
        [b.class_id if b else '' for b in best],
        np.array(place, dtype=np.int64),
        np.zeros(len(place), TRACK),
        others=len(array.detections) - len(place),
    )


def _score(hypothesis: Any) -> float:
    return float(hypothesis.score)
