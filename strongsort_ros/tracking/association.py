"""Association of tracks with detections: by appearance, then by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongsort_ros.tracking.appearance_limits import AppearanceLimits
from strongsort_ros.tracking.assignment import Pairs, assign
from strongsort_ros.tracking.boxes import iou, paired_iou
from strongsort_ros.tracking.detection_filter import FilteredDetections
from strongsort_ros.tracking.gallery import Gallery
from strongsort_ros.tracking.kalman_filter import KalmanFilter
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.track_table import Rows
from strongsort_ros.tracking.tracks import CONFIRMED
from strongsort_ros.types import BoolArray, FloatArray, IntArray

Matches = tuple[IntArray, IntArray]
"""Row numbers of K tracks and of the K detections matched with them."""

_NONE: IntArray = np.empty(0, dtype=np.int64)
_NO_MATCH: Matches = (_NONE, _NONE)


@dataclass(frozen=True, slots=True)
class Associator:
    """The two matching stages of StrongSORT."""

    settings: TrackerSettings
    kalman: KalmanFilter
    gallery: Gallery
    limits: AppearanceLimits

    def match(
        self, tracks: Rows, predicted: FloatArray, detections: FilteredDetections, frames: int
    ) -> Matches:
        """Match tracks with detections.

        Parameters
        ----------
        tracks
            All live tracks, predicted to this frame.
        predicted
            (N, 4) their boxes, xyxy.
        detections
            Detections of the frame.
        frames
            Frames since the previous one, more than 1 if frames were dropped; a track that was
            matched in the previous frame has this `time_since_update`.

        """
        confirmed = tracks.state == CONFIRMED
        has_gallery = confirmed & self.gallery.known(tracks.slot)
        first = self._by_appearance(tracks, has_gallery.nonzero()[0], predicted, detections, frames)
        track_free = np.ones(len(tracks), dtype=bool)
        detection_free = np.ones(len(detections), dtype=bool)
        track_free[first[0]] = False
        detection_free[first[1]] = False
        # Tracks missed for more than one frame are matched by appearance only, where embeddings
        # exist.
        if detections.embeddings is not None:
            recent = tracks.time_since_update == frames
            track_free &= ~has_gallery | recent
        if self.settings.max_lost_time > 0:
            track_free &= tracks.time_since_update <= self.settings.max_age
        rows, columns = track_free.nonzero()[0], detection_free.nonzero()[0]
        if len(rows) == 0 or len(columns) == 0:
            return first
        second = self._by_position(
            tracks, rows, predicted, detections, columns, self.settings.max_iou_distance
        )
        return _join([first, second])

    def match_low(
        self,
        tracks: Rows,
        predicted: FloatArray,
        low: FilteredDetections,
        matched: IntArray,
        frames: int,
    ) -> Matches:
        """Match confirmed tracks that were seen in the frame before with detections of low score.

        Such detections are mostly of hidden objects (ByteTrack, arXiv 2110.06864, section 3).
        Without a gallery nothing shows later that a track has followed a wrong box, so such tracks
        wait for a detection of high score.

        Parameters
        ----------
        tracks, predicted
            As of `match`.
        low
            Detections of low score.
        matched
            Row numbers of tracks that are matched already.
        frames
            As of `match`.

        """
        free = (tracks.state == CONFIRMED) & (tracks.time_since_update == frames)
        free &= self.gallery.known(tracks.slot)
        free[matched] = False
        rows = free.nonzero()[0]
        if len(rows) == 0:
            return _NO_MATCH
        columns = np.arange(len(low))
        threshold = self.settings.low_iou_distance
        return self._by_position(tracks, rows, predicted, low, columns, threshold)

    def _by_appearance(
        self,
        tracks: Rows,
        rows: IntArray,
        predicted: FloatArray,
        detections: FilteredDetections,
        frames: int,
    ) -> Matches:
        """Match confirmed tracks inside the gate by cosine distance, and motion with MC."""
        if detections.embeddings is None or len(rows) == 0 or len(detections) == 0:
            return _NO_MATCH
        chosen, settings = tracks.take(rows), self.settings
        gate = self.kalman.mahalanobis(chosen.mean, chosen.covariance, detections.xyah)
        # Indices of the flat matrix are several times as fast as nonzero() of the matrix.
        within = (gate <= settings.gating_threshold).ravel().nonzero()[0]
        near, columns = np.divmod(within, len(detections))
        similarity = self.gallery.cosine_similarity(
            chosen.slot[near], columns, detections.embeddings
        )
        distance = np.subtract(1.0, similarity, dtype=np.float64)
        possible = np.ones(len(near), dtype=bool)
        if detections.has_embedding is not None:
            possible &= detections.has_embedding[columns]
        if not settings.class_agnostic:
            possible &= chosen.class_code[near] == detections.class_codes[columns]
        costs = distance
        if settings.motion_cost:
            costs = settings.motion_lambda * distance
            costs += (1.0 - settings.motion_lambda) * gate.take(within)
        threshold = float(settings.max_cosine_distance)
        if settings.iou_weight > 0 or settings.adaptive_distance:
            overlap = paired_iou(predicted, detections.xyxy, rows[near], columns)
            if settings.adaptive_distance:
                recent = (chosen.time_since_update == frames)[near]
                self.limits.learn(distance, overlap, near, columns, recent & possible)
                threshold = self.limits.match(threshold)
            weight = settings.iou_weight * (chosen.predictability >= settings.min_predictability)
            costs = costs + weight[near] * (1.0 - overlap)
        if settings.late_margin > 0:
            late = chosen.time_since_update > settings.max_age
            possible &= ~late[near] | (distance <= threshold - settings.late_margin)
        pairs = Pairs(near, columns, costs).select(possible & (costs <= threshold))
        if settings.cascade:
            matched, found = self._cascade(
                pairs, len(detections), chosen.time_since_update, threshold
            )
        else:
            matched, found = assign(pairs, (len(rows), len(detections)), threshold)
        return rows[matched], found

    def _cascade(
        self, pairs: Pairs, count: int, time_since_update: IntArray, threshold: float
    ) -> Matches:
        """Match recently seen tracks first: one assignment per `time_since_update`."""
        level_of = time_since_update[pairs.rows]
        free = np.ones(count, dtype=bool)
        found = [_NO_MATCH]
        for level in np.unique(level_of[level_of <= self.settings.max_age]):
            here = pairs.select((level_of == level) & free[pairs.columns])
            matches = assign(here, (len(time_since_update), count), threshold)
            free[matches[1]] = False
            found.append(matches)
        return _join(found)

    def _by_position(
        self,
        tracks: Rows,
        rows: IntArray,
        predicted: FloatArray,
        detections: FilteredDetections,
        columns: IntArray,
        threshold: float,
    ) -> Matches:
        """Match some tracks and detections by the IoU of their boxes."""
        distance = 1.0 - iou(predicted[rows], detections.xyxy[columns])
        feasible = distance <= threshold
        if not self.settings.class_agnostic:
            feasible &= tracks.class_code[rows, None] == detections.class_codes[columns]
        near = feasible.ravel().nonzero()[0]
        row, column = np.divmod(near, len(columns))
        pairs = Pairs(row, column, distance.take(near))
        if self.settings.appearance_veto and detections.embeddings is not None and len(near):
            alike = self._looks_alike(tracks, rows[row], detections, columns[column], pairs.costs)
            pairs = pairs.select(alike)
        row, column = assign(pairs, distance.shape, threshold)
        return rows[row], columns[column]

    def _looks_alike(
        self,
        tracks: Rows,
        rows: IntArray,
        detections: FilteredDetections,
        columns: IntArray,
        iou_distance: FloatArray,
    ) -> BoolArray:
        """Return for K pairs whether appearance allows a match; it does where it is not known."""
        assert detections.embeddings is not None
        slots = tracks.slot[rows]
        alike = np.ones(len(rows), dtype=bool)
        has_both = self.gallery.known(slots)
        if detections.has_embedding is not None:
            has_both &= detections.has_embedding[columns]
        known = has_both.nonzero()[0]
        if len(known) == 0:
            return alike
        rows, columns = rows[known], columns[known]
        similarity = self.gallery.cosine_similarity(slots[known], columns, detections.embeddings)
        distance = np.subtract(1.0, similarity, dtype=np.float64)
        if self.settings.adaptive_distance:
            # Confirmed tracks have been learnt from already.
            tentative = tracks.state[rows] != CONFIRMED
            self.limits.learn(distance, 1.0 - iou_distance[known], rows, columns, tentative)
        alike[known] = distance <= self.limits.veto(float(self.settings.max_cosine_distance))
        return alike


def _join(matches: list[Matches]) -> Matches:
    rows, columns = zip(*matches, strict=True)
    return np.concatenate(rows), np.concatenate(columns)
