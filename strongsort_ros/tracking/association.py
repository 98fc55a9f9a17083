"""Which track each detection continues: first by appearance, then by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongsort_ros.tracking.assignment import Pairs, assign
from strongsort_ros.tracking.boxes import iou, xyah_to_xyxy
from strongsort_ros.tracking.detection_filter import FilteredDetections
from strongsort_ros.tracking.gallery import Gallery
from strongsort_ros.tracking.kalman_filter import KalmanFilter
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.track_table import Rows
from strongsort_ros.tracking.tracks import CONFIRMED
from strongsort_ros.types import IntArray

Matches = tuple[IntArray, IntArray]
"""Rows of tracks (K,) and of observed detections (K,), in the same order."""

_NONE: IntArray = np.empty(0, dtype=np.int64)
_NO_MATCH: Matches = (_NONE, _NONE)


@dataclass(frozen=True, slots=True)
class Associator:
    """Matches predicted tracks with a frame's detections, by what the tracker knows of both."""

    settings: TrackerSettings
    kalman: KalmanFilter
    gallery: Gallery

    def match(self, tracks: Rows, observed: FilteredDetections, frames: int) -> Matches:
        """Return which tracks and detections belong together.

        Parameters
        ----------
        tracks
            All live tracks, predicted to this frame.
        observed
            The frame's detections.
        frames
            Frames since the previous one: 1 unless some were dropped. A track's
            `time_since_update` equals it when it was matched in the previous frame.

        """
        confirmed = tracks.state == CONFIRMED
        recognisable = confirmed & self.gallery.known(tracks.slot)
        first = self._by_appearance(tracks, recognisable.nonzero()[0], observed)
        track_free = np.ones(len(tracks), dtype=bool)
        detection_free = np.ones(len(observed), dtype=bool)
        track_free[first[0]] = False
        detection_free[first[1]] = False
        # Who was lost for longer is found again by appearance only, if there is any to judge by.
        if observed.embeddings is not None:
            recent = tracks.time_since_update == frames
            track_free &= ~recognisable | recent
        rows, columns = track_free.nonzero()[0], detection_free.nonzero()[0]
        if len(rows) == 0 or len(columns) == 0:
            return first
        second = self._by_position(tracks, rows, observed, columns)
        return _join([first, second])

    def _by_appearance(self, tracks: Rows, rows: IntArray, observed: FilteredDetections) -> Matches:
        """Match confirmed tracks: within the gate, by embeddings and perhaps motion."""
        if observed.embeddings is None or len(rows) == 0 or len(observed) == 0:
            return _NO_MATCH
        chosen, settings = tracks.take(rows), self.settings
        gate = self.kalman.mahalanobis(chosen.mean, chosen.covariance, observed.xyah)
        # By places in the flat matrix, as that takes a fraction of the time; below, too.
        within = (gate <= settings.gating_threshold).ravel().nonzero()[0]
        near, columns = np.divmod(within, len(observed))
        slots = chosen.slot[near]
        similarity = self.gallery.cosine_similarity(slots, columns, observed.embeddings)
        costs = np.subtract(1.0, similarity, dtype=np.float64)
        if settings.motion_cost:
            costs *= settings.motion_lambda
            costs += (1.0 - settings.motion_lambda) * gate.take(within)
        threshold = float(settings.max_cosine_distance)
        possible = costs <= threshold
        if observed.has_embedding is not None:
            possible &= observed.has_embedding[columns]
        if not settings.class_agnostic:
            possible &= chosen.class_code[near] == observed.class_codes[columns]
        pairs = Pairs(near, columns, costs).select(possible)
        if settings.cascade:
            matched, found = self._cascade(pairs, len(observed), chosen.time_since_update)
        else:
            matched, found = assign(pairs, (len(rows), len(observed)), threshold)
        return rows[matched], found

    def _cascade(self, pairs: Pairs, detections: int, time_since_update: IntArray) -> Matches:
        """Match recently seen tracks first: an assignment for each time since the last match."""
        threshold = float(self.settings.max_cosine_distance)
        level_of = time_since_update[pairs.rows]
        free = np.ones(detections, dtype=bool)
        found = [_NO_MATCH]
        for level in np.unique(level_of[level_of <= self.settings.max_age]):
            here = pairs.select((level_of == level) & free[pairs.columns])
            matches = assign(here, (len(time_since_update), detections), threshold)
            free[matches[1]] = False
            found.append(matches)
        return _join(found)

    def _by_position(
        self, tracks: Rows, rows: IntArray, observed: FilteredDetections, columns: IntArray
    ) -> Matches:
        """Match some tracks and detections by how much their boxes overlap."""
        predicted = xyah_to_xyxy(tracks.mean[rows])
        distance = 1.0 - iou(predicted, xyah_to_xyxy(observed.xyah[columns]))
        threshold = self.settings.max_iou_distance
        possible = distance <= threshold
        if not self.settings.class_agnostic:
            possible &= tracks.class_code[rows, None] == observed.class_codes[columns]
        near = possible.ravel().nonzero()[0]
        row, column = np.divmod(near, len(columns))
        pairs = Pairs(row, column, distance.take(near))
        row, column = assign(pairs, distance.shape, threshold)
        return rows[row], columns[column]


def _join(matches: list[Matches]) -> Matches:
    rows, columns = zip(*matches, strict=True)
    return np.concatenate(rows), np.concatenate(columns)
