"""Tracks to ROS messages, and detections from them.

Messages are filled, not made: making the objects of 60 tracks takes longer than tracking them.
A writer's message is valid until its next call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.messages.serialised import SECOND, Header, boxes_to_tlwh
from strongsort_ros.msg import Track2D, Track2DArray
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import CONFIRMED, Tracks


class TracksWriter:
    """Fills a Track2DArray."""

    def __init__(self) -> None:
        self._message = Track2DArray()
        self._pool: list[tuple[Any, ...]] = []

    def write(self, header: Header, tracks: Tracks, motion: CameraMotion, rate: float) -> Any:
        """Return a Track2DArray.

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
        n = len(tracks)
        while len(self._pool) < n:
            self._pool.append(_new_track())
        columns = (
            tracks.ids, tracks.class_ids, tracks.scores, tracks.states, tracks.mean[:, :2],
            tracks.tlwh[:, 2:], tracks.mean[:, 4:6] * rate, tracks.age, tracks.hits,
            tracks.time_since_update, tracks.first_seen, tracks.detection_index,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        variances = tracks.variance[:, :4]
        for pooled, variance, row in zip(self._pool, variances, rows, strict=False):
            track, box, centre, diagonal, velocity, born = pooled
            diagonal[:] = variance
            (
                track.id, track.class_id, track.score, track.state, (centre.x, centre.y),
                (box.size_x, box.size_y), (velocity.x, velocity.y), track.age, track.hits,
                track.time_since_update, first_seen, track.detection_index,
            ) = row  # fmt: skip
            born.sec, born.nanosec = divmod(first_seen, SECOND)
        message = self._message
        _set_header(message.header, header)
        message.tracks = [pooled[0] for pooled in self._pool[:n]]
        message.camera_motion = motion.matrix.ravel()
        message.camera_motion_score = float(motion.score)
        return message


def _new_track() -> tuple[Any, ...]:
    """Return a track and the parts of it that are filled; its covariance is diagonal."""
    track = Track2D()
    box, diagonal = track.bbox, track.bbox_covariance[::5]
    return track, box, box.center.position, diagonal, track.velocity, track.first_seen


class DetectionsWriter:
    """Fills a Detection2DArray with confirmed tracks that are seen in this frame."""

    def __init__(self) -> None:
        self._message = Detection2DArray()
        self._pool: list[tuple[Any, ...]] = []

    def write(self, header: Header, tracks: Tracks) -> Any:
        """Return a Detection2DArray: the filtered boxes, with the track's number as `id`."""
        seen = tracks.select((tracks.states == CONFIRMED) & (tracks.detection_index >= 0))
        message = self._message
        _set_header(message.header, header)
        while len(self._pool) < len(seen):
            self._pool.append(_new_detection(message.header))
        columns = seen.ids, seen.class_ids, seen.scores, seen.mean[:, :2], seen.tlwh[:, 2:]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for (detection, hypothesis, box, centre), row in zip(self._pool, rows, strict=False):
            (
                number, hypothesis.class_id, hypothesis.score,
                (centre.x, centre.y), (box.size_x, box.size_y),
            ) = row  # fmt: skip
            detection.id = str(number)
        message.detections = [pooled[0] for pooled in self._pool[: len(seen)]]
        return message


def _new_detection(header: Any) -> tuple[Any, ...]:
    detection, hypothesis = Detection2D(), ObjectHypothesisWithPose()
    detection.header = header
    detection.results = [hypothesis]
    return detection, hypothesis.hypothesis, detection.bbox, detection.bbox.center.position


def _set_header(target: Any, header: Header) -> None:
    target.stamp.sec, target.stamp.nanosec = header.seconds, header.nanoseconds
    target.frame_id = header.frame_id


def detections_from_message(message: Any) -> Detections:
    """Return the detections of a Detection2DArray; means the same as `read_detections`."""
    if not message.detections:
        return Detections.empty()
    boxes, scores, class_ids = [], [], []
    for detection in message.detections:
        box, best_score, best_class = detection.bbox, 1.0, ''
        centre = box.center.position
        boxes.append((centre.x, centre.y, 0.0, box.size_x, box.size_y))
        for number, result in enumerate(detection.results):
            score = result.hypothesis.score
            if number == 0 or score > best_score or math.isnan(best_score):
                best_score, best_class = score, result.hypothesis.class_id
        scores.append(best_score)
        class_ids.append(best_class)
    return Detections(boxes_to_tlwh(boxes), np.array(scores), np.array(class_ids))
