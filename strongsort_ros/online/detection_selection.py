"""Joins and filters the detections of a frame, and warns of values that are probably mistakes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from strongsort_ros.errors import shorten
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import FloatArray, IntArray

_log = logging.getLogger(__name__)


def join(arrays: Sequence[Detections]) -> Detections:
    """Return the detections of one or more arrays, one after the other."""
    if len(arrays) == 1:
        return arrays[0]
    return Detections(
        np.concatenate([array.tlwh for array in arrays]),
        np.concatenate([array.scores for array in arrays]),
        np.concatenate([array.class_ids for array in arrays]),
    )


def class_names(classes: str) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in classes.split(',') if name.strip()]


def select_classes(detections: Detections, names: list[str]) -> tuple[Detections, IntArray]:
    """Return the detections of some classes, and (M,) their rows in all detections."""
    rows = np.isin(detections.class_ids, names).nonzero()[0]
    selected = Detections(
        detections.tlwh[rows], detections.scores[rows], detections.class_ids[rows]
    )
    return selected, rows


def with_rows(tracks: Tracks, rows: IntArray | None) -> Tracks:
    """Return tracks whose `detection_index` refers to all detections instead of selected rows."""
    if rows is None or not len(rows):
        return tracks
    index = tracks.detection_index
    return replace(tracks, detection_index=np.where(index >= 0, rows[index], -1))


class DetectionChecks:
    """Warns once of each kind of suspicious detections; tracking continues."""

    FRAMES: Final = 30
    """Frames with detections of which none is tracked, before it counts as a mistake."""
    SCORES: Final = 1000
    """Scores of which none is low, before it counts as a detector that leaves them out."""
    LOW: Final = 0.5

    def __init__(self) -> None:
        self._scores = self._boxes = False
        self._without_low = 0
        self.restart()

    def restart(self) -> None:
        """Check again whether any detection is tracked, as after a change of the settings."""
        self._unused_frames = 0
        self._best = -np.inf

    def check(
        self, detections: Detections, selected: Detections, settings: TrackerSettings
    ) -> None:
        """Check the detections of a frame, and those of the selected classes."""
        if not len(detections):
            return
        self._check_values(detections)
        if self._unused_frames < self.FRAMES:
            self._check_use(detections, selected, settings.min_confidence)
        if settings.low_confidence < settings.min_confidence and self._without_low < self.SCORES:
            self._check_low_scores(selected.scores)

    def _check_low_scores(self, scores: FloatArray) -> None:
        low = np.count_nonzero(scores < self.LOW)
        self._without_low = self.SCORES if low else self._without_low + len(scores)
        if not low and self._without_low >= self.SCORES:
            _log.warning(
                'detections: no score below %g in %d detections; let the detector publish scores '
                'from 0.1 on: they continue the tracks of hidden objects (docs/accuracy.md)',
                self.LOW, self._without_low,
            )  # fmt: skip

    def _check_values(self, detections: Detections) -> None:
        scores, sizes = detections.scores, detections.tlwh[:, 2:]
        wrong_scores = scores[(scores < 0) | (scores > 1)]  # not NaN
        if not self._scores and len(wrong_scores):
            self._scores = True
            _log.warning(
                'detections: a score of %g, expected 0 to 1; min_confidence and the measurement '
                'noise assume that range (reported once)', wrong_scores[0],
            )  # fmt: skip
        negative = sizes[(sizes < 0).any(axis=1)]
        if not self._boxes and len(negative):
            self._boxes = True
            width, height = negative[0]
            _log.warning(
                'detections: dropped a box of %g x %g px; size_x and size_y must be positive: '
                'does the detector publish corners? (reported once)', width, height,
            )  # fmt: skip

    def _check_use(
        self, detections: Detections, selected: Detections, min_confidence: float
    ) -> None:
        self._best = float(np.fmax.reduce(selected.scores, initial=self._best))
        if self._best >= min_confidence:
            self._unused_frames = self.FRAMES
            return
        self._unused_frames += 1
        if self._unused_frames < self.FRAMES:
            return
        if np.isfinite(self._best):
            reason = f'their best score is {self._best:g}, min_confidence is {min_confidence:g}'
        else:
            seen = ', '.join(sorted({shorten(repr(name), 40) for name in detections.class_ids[:5]}))
            reason = f'they are of class {seen}; see the parameter classes'
        _log.warning('no detection of the first %d frames is tracked: %s', self.FRAMES, reason)
