"""Which track each detection continues: first by appearance, then by position."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.admission import Observed
from strongsort_ros.tracking.assignment import Pairs, assign
from strongsort_ros.tracking.boxes import iou, xyah_to_xyxy
from strongsort_ros.tracking.detections import BoolArray, IntArray
from strongsort_ros.tracking.gallery import Gallery
from strongsort_ros.tracking.kalman_filter import KalmanFilter
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.track_table import Rows
from strongsort_ros.tracking.tracks import CONFIRMED

Matches = tuple[IntArray, IntArray]
"""Rows of tracks (K,) and of observed detections (K,), in the same order."""


def associate(
    tracks: Rows,
    observed: Observed,
    gallery: Gallery,
    kalman: KalmanFilter,
    settings: TrackerSettings,
    frames: int,
) -> Matches:
    """Match predicted tracks and a frame's detections.

    Parameters
    ----------
    tracks
        All live tracks, predicted to this frame.
    observed
        The frame's detections.
    gallery, kalman, settings
        Of the tracker.
    frames
        Frames since the previous one: 1 unless some were dropped. A track's
        `time_since_update` equals it when it was matched in the previous frame.

    """
    confirmed = tracks.state == CONFIRMED
    by_appearance = _by_appearance(tracks, confirmed, observed, gallery, kalman, settings)
    track_free = np.ones(len(tracks), dtype=bool)
    detection_free = np.ones(len(observed), dtype=bool)
    track_free[by_appearance[0]] = False
    detection_free[by_appearance[1]] = False
    # Who was lost for longer is found again by appearance only, where there is any to judge by.
    eligible = track_free & (~confirmed | (tracks.time_since_update == frames))
    if observed.embeddings is None:
        eligible = track_free
    elif gallery.unknown_count:
        eligible |= track_free & ~gallery.known(tracks.slot)
    by_position = _by_position(
        tracks, eligible.nonzero()[0], observed, detection_free.nonzero()[0], settings
    )
    return (
        np.concatenate([by_appearance[0], by_position[0]]),
        np.concatenate([by_appearance[1], by_position[1]]),
    )


def _by_appearance(
    tracks: Rows,
    confirmed: BoolArray,
    observed: Observed,
    gallery: Gallery,
    kalman: KalmanFilter,
    settings: TrackerSettings,
) -> Matches:
    rows = confirmed.nonzero()[0]
    if observed.embeddings is None or len(rows) == 0 or len(observed) == 0:
        return _NO_MATCH
    chosen = tracks.take(rows)
    gate = kalman.mahalanobis(chosen.mean, chosen.covariance, observed.xyah)
    pairs = _pairs_where(gate <= settings.gating_threshold)
    similarity = gallery.cosine_similarity(observed.embeddings)
    costs = 1.0 - similarity[chosen.slot[pairs.rows], pairs.columns].astype(np.float64)
    if settings.motion_cost:
        motion = gate[pairs.rows, pairs.columns]
        costs = settings.motion_lambda * costs + (1.0 - settings.motion_lambda) * motion
    threshold = float(settings.max_cosine_distance)
    possible = costs <= threshold
    if gallery.unknown_count:
        possible &= gallery.known(chosen.slot)[pairs.rows]
    if observed.embedded is not None:
        possible &= observed.embedded[pairs.columns]
    pairs = _same_class(Pairs(pairs.rows, pairs.columns, costs).select(possible), chosen, observed,
                        settings)  # fmt: skip
    shape = (len(rows), len(observed))
    if settings.cascade:
        matches = _cascade(pairs, shape, chosen.time_since_update, settings)
    else:
        matches = assign(pairs, shape, threshold)
    return rows[matches[0]], matches[1]


def _cascade(
    pairs: Pairs,
    shape: tuple[int, int],
    time_since_update: IntArray,
    settings: TrackerSettings,
) -> Matches:
    """Match recently seen tracks first: one assignment for each time since the last match."""
    level_of = time_since_update[pairs.rows]
    free = np.ones(shape[1], dtype=bool)
    found = [_NO_MATCH]
    for level in np.unique(level_of[level_of <= settings.max_age]):
        here = pairs.select((level_of == level) & free[pairs.columns])
        matches = assign(here, shape, float(settings.max_cosine_distance))
        free[matches[1]] = False
        found.append(matches)
    return np.concatenate([m[0] for m in found]), np.concatenate([m[1] for m in found])


def _by_position(
    tracks: Rows,
    rows: IntArray,
    observed: Observed,
    columns: IntArray,
    settings: TrackerSettings,
) -> Matches:
    if len(rows) == 0 or len(columns) == 0:
        return _NO_MATCH
    predicted = xyah_to_xyxy(tracks.floats[rows, :4])
    distance = 1.0 - iou(predicted, xyah_to_xyxy(observed.xyah[columns]))
    pairs = _pairs_where(distance <= settings.max_iou_distance)
    pairs = Pairs(rows[pairs.rows], columns[pairs.columns], distance[pairs.rows, pairs.columns])
    pairs = _same_class(pairs, tracks, observed, settings)
    return assign(pairs, (len(tracks), len(observed)), settings.max_iou_distance)


def _pairs_where(possible: BoolArray) -> Pairs:
    """Return the pairs of a (rows, columns) mask, without costs."""
    # Of the flat mask, as np.nonzero of a matrix is several times slower.
    flat = possible.ravel().nonzero()[0]
    rows, columns = np.divmod(flat, possible.shape[1])
    return Pairs(rows, columns, np.empty(0))


def _same_class(pairs: Pairs, tracks: Rows, observed: Observed, settings: TrackerSettings) -> Pairs:
    if settings.class_agnostic:
        return pairs
    same = tracks.class_code[pairs.rows] == observed.class_codes[pairs.columns]
    return pairs if same.all() else pairs.select(same)


_NONE: IntArray = np.empty(0, dtype=np.int64)
_NO_MATCH: Matches = (_NONE, _NONE)
