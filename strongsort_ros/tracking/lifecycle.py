"""When tracks are confirmed, deleted and reported."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strongsort_ros.settings import ParameterSpec, check_value
from strongsort_ros.tracking.boxes import area, iou, xyah_to_xyxy
from strongsort_ros.tracking.recent_values import RecentValues
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.track_table import Rows
from strongsort_ros.tracking.tracks import CONFIRMED
from strongsort_ros.types import BoolArray, FloatArray, IntArray

_ENOUGH: Final = 30
"""Scores from which, and new ones after which, their quantiles are taken."""
_FRAME_RATE: Final = ParameterSpec('', low=0.0)
_MOST_FRAMES: Final = 240.0
"""Frames per second above which times count as at this rate: stamps that are a nanosecond apart
must not keep lost tracks for ever.
"""
_EARLY_HITS: Final = 2
_STEADY: Final = 0.7
"""Mean IoU of predicted and detected boxes from which few matches confirm a track. With less, boxes
are so noisy that tracks break and begin anew.
"""
_SMOOTHING: Final = 0.98
_ALONE: Final = 0.3
"""IoU with confirmed tracks up to which a detection is of another object."""
_LONG_SEEN: Final = 20
"""Fewest matches of a track that is kept for `max_lost_time`. Shorter ones are often false boxes,
and their few embeddings do not tell who comes back.
"""
_COAST_INSIDE: Final = 0.8
"""Share of a predicted box that lies in the image if the track is reported."""
_COAST_OVERLAP: Final = 0.5
"""IoU with a track that is matched above which a predicted box is not reported: it is likely to be
the same object under a new id.
"""


class TrackLifecycle:
    """Decides when tracks are confirmed, deleted and reported; times in seconds become frames here.

    Parameters
    ----------
    settings
        Settings of the tracker.
    frame_rate
        Frames per second.

    Attributes
    ----------
    confidences
        Whether all scores were at most 1. Some detectors give other numbers, such as margins, which
        say nothing about the noise of a box or its probability; the rules on scores are then off.
    confirms_sooner
        Whether fewer than `n_init` matches can confirm a track.
    max_age
        Frames without a match after which a confirmed track is deleted.
    image_size
        Width and height in pixels; unless they were set, estimated from the boxes so far.

    """

    def __init__(self, settings: TrackerSettings, frame_rate: float) -> None:
        self.image_size = 0.0, 0.0
        self._size_known = False
        self.confidences = True
        self._scores = RecentValues(_ENOUGH)
        self._overlap = 0.0
        self.configure(settings, frame_rate)

    def configure(self, settings: TrackerSettings, frame_rate: float) -> None:
        """Use other settings, or another frame rate.

        Raises
        ------
        SettingError
            The frame rate is not a number of at least 0.

        """
        check_value('frame_rate', frame_rate, _FRAME_RATE, 'float')
        rate = min(frame_rate, _MOST_FRAMES)
        self._settings = settings
        self.max_age = max(settings.max_age, round(settings.max_lost_time * rate))
        self.confirms_sooner = min(settings.early_confirmation, settings.instant_confirmation) < 1
        self._coast_frames = round(settings.coast_time * rate)

    def set_image_size(self, width: int, height: int) -> None:
        """Set the size of the image, pixels."""
        self._size_known = True
        self.image_size = float(width), float(height)

    def observe(self, xyxy: FloatArray, scores: FloatArray) -> None:
        """Note the boxes (N, 4) and the descending scores (N,) of a frame's detections."""
        if len(scores) == 0:
            return
        if scores[0] > 1.0:  # they descend
            self.confidences = False
        if self.confirms_sooner:
            self._scores.add(scores)
        if self._coast_frames and not self._size_known:
            # Boxes of people at the border reach beyond it; their centres do not.
            width, height = self.image_size
            width = max(width, float((xyxy[:, 0] + xyxy[:, 2]).max()) / 2)
            self.image_size = width, max(height, float(xyxy[:, 3].max()))

    def note_overlap(self, mean: float) -> None:
        """Note the mean IoU of predicted and detected boxes of a frame's matches."""
        if self._overlap == 0:
            self._overlap = mean
        self._overlap += (1 - _SMOOTHING) * (mean - self._overlap)

    def confirms(self, hits: IntArray, score_sum: FloatArray) -> BoolArray:
        """Return which tracks have enough matches, by number (N,) and sum of their scores (N,)."""
        confirmed: BoolArray = hits >= self._settings.n_init
        candidates = ~confirmed & (hits >= _EARLY_HITS)
        if np.count_nonzero(candidates):
            usual = self._quantile(self._settings.early_confirmation)
            confirmed |= candidates & (score_sum >= usual * hits)
        return confirmed

    def confirms_at_once(self, xyxy: FloatArray, scores: FloatArray, tracks: Rows) -> BoolArray:
        """Return which detections (N,) confirm their new tracks, given the live tracks."""
        if self._settings.n_init == 1:
            return np.ones(len(scores), dtype=bool)
        confirmed: BoolArray = scores >= self._quantile(self._settings.instant_confirmation)
        candidates = confirmed.nonzero()[0]
        if len(candidates):
            others = xyah_to_xyxy(tracks.mean[tracks.state == CONFIRMED])
            overlap = iou(xyxy[candidates], others).max(axis=1, initial=0.0)
            confirmed[candidates] = overlap <= _ALONE
        return confirmed

    def _quantile(self, share: float) -> float:
        """Return a quantile of recent scores; infinity where few matches must not confirm."""
        ascending = self._scores.ascending()
        if share >= 1 or not len(ascending) or not self.confidences or self._overlap < _STEADY:
            return math.inf
        return float(ascending[int(share * (len(ascending) - 1))])

    def ended(self, tracks: Rows, has_gallery: BoolArray) -> BoolArray:
        """Return which tracks end: new ones without a match, and those lost for too long.

        New are tentative tracks, and those confirmed by fewer than `n_init` matches: if they were
        kept while lost, the false boxes of a detector would pile up. After `max_age` frames of the
        settings only appearance can find a track again, so one without a gallery ends then, and
        so does one with few matches.
        """
        missed = tracks.time_since_update > 0
        new = (tracks.state != CONFIRMED) | (tracks.hits < self._settings.n_init)
        lasting = has_gallery & (tracks.hits >= _LONG_SEEN)
        limit = np.where(lasting, self.max_age, self._settings.max_age)
        ended: BoolArray = (missed & new) | (tracks.time_since_update > limit)
        return ended

    def reported(self, tracks: Rows, frames: int) -> BoolArray:
        """Return which tracks are reported after a frame, `frames` after the one before.

        As published, those are the confirmed ones that were matched in this frame or in the one
        before. Predicted boxes of others are reported for `coast_time` if the track was
        predictable, lies in the image and does not coincide with one that was matched.
        """
        since = tracks.time_since_update
        confirmed = tracks.state == CONFIRMED
        reported: BoolArray = confirmed & (since <= frames)
        if self._coast_frames <= frames:
            return reported
        candidates = confirmed & ~reported & (since <= self._coast_frames)
        if not np.count_nonzero(candidates):
            return reported
        candidates &= tracks.hits >= self._settings.coast_hits
        candidates &= tracks.predictability >= self._settings.min_predictability
        rows = candidates.nonzero()[0]
        if len(rows) == 0:
            return reported
        xyxy = xyah_to_xyxy(tracks.mean)
        boxes = xyxy[rows]
        width, height = self.image_size
        left, top, right, bottom = boxes.T
        inside = np.minimum(right, width) - np.maximum(left, 0)
        inside *= np.maximum(np.minimum(bottom, height) - np.maximum(top, 0), 0)
        visible = inside >= _COAST_INSIDE * area(boxes)
        overlap = iou(boxes, xyxy[confirmed & (since == 0)]).max(axis=1, initial=0.0)
        reported[rows] = visible & (overlap <= _COAST_OVERLAP)
        return reported
