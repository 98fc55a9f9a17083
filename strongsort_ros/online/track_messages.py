"""What the tracker answers to a frame, as serialised messages."""

from __future__ import annotations

import numpy as np

from strongsort_ros.camera_motion import CameraMotion
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.messages.track2d_array import TRACK, TrackArray
from strongsort_ros.tracking.tracks import CONFIRMED, Tracks
from strongsort_ros.types import SECOND


def track_array(header: Header, tracks: Tracks, motion: CameraMotion, rate: float) -> TrackArray:
    """Return the Track2DArray of a frame.

    Parameters
    ----------
    header
        Of the detections; it becomes the message's.
    tracks
        In pixels; velocities in pixels a nominal frame.
    motion
        From the previous image to this one.
    rate
        Nominal frames a second, which make velocities pixels a second.

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
    return TrackArray(header, rows, tracks.class_ids.tolist(), motion.matrix, motion.score)


def tracked_detections(header: Header, tracks: Tracks) -> bytes:
    """Return a Detection2DArray of confirmed tracks that are seen in this frame.

    The boxes are the filtered ones; `id` is the track's number.
    """
    seen = tracks.select((tracks.states == CONFIRMED) & (tracks.detection_index >= 0))
    boxes = np.concatenate((seen.mean[:, :2], seen.tlwh[:, 2:]), axis=1)
    return write_detection_array(
        header, list(map(str, seen.ids.tolist())), seen.class_ids.tolist(), seen.scores.tolist(),
        boxes,
    )  # fmt: skip
