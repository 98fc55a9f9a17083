"""Detections of a frame's messages: joined, checked, and chosen by class."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from strongsort_ros.errors import shorten
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import IntArray

_log = logging.getLogger(__name__)


def join(parts: Sequence[Detections]) -> Detections:
    """Return the detections of one or more arrays, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Detections(
        np.concatenate([part.tlwh for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.class_ids for part in parts]),
    )


class ClassFilter:
    """Keep detections of some classes only.

    Parameters
    ----------
    classes
        Names, separated by commas; '': all classes.

    """

    def __init__(self, classes: str) -> None:
        self.names = [name.strip() for name in classes.split(',') if name.strip()]

    def choose(self, detections: Detections) -> tuple[Detections, IntArray | None]:
        """Return the detections to track, and (M,) their rows; None: all."""
        if not self.names:
            return detections, None
        rows = np.isin(detections.class_ids, self.names).nonzero()[0]
        kept = Detections(
            detections.tlwh[rows], detections.scores[rows], detections.class_ids[rows]
        )
        return kept, rows


class UnusedDetections:
    """Warn once if no detection of the first frames is tracked: other classes, or low scores."""

    FRAMES: Final = 30
    """Frames with detections after which that is likely to be a mistake."""

    def __init__(self) -> None:
        self._frames = 0
        self._best = -np.inf

    def check(self, detections: Detections, chosen: Detections, min_confidence: float) -> None:
        """Look at the detections of a frame, and at those of the chosen classes."""
        if self._frames >= self.FRAMES or not len(detections):
            return
        self._best = float(np.fmax.reduce(chosen.scores, initial=self._best))
        if self._best >= min_confidence:
            self._frames = self.FRAMES
            return
        self._frames += 1
        if self._frames < self.FRAMES:
            return
        if np.isfinite(self._best):
            reason = f'their best score is {self._best:g}, min_confidence is {min_confidence:g}'
        else:
            seen = ', '.join(sorted({shorten(repr(name), 40) for name in detections.class_ids[:5]}))
            reason = f'they are of class {seen}; see the parameter classes'
        _log.warning('no detection of the first %d frames is tracked: %s', self.FRAMES, reason)


def with_rows(tracks: Tracks, rows: IntArray | None) -> Tracks:
    """Return tracks whose `detection_index` counts all detections, not those that were chosen."""
    if rows is None or not len(rows):
        return tracks
    index = tracks.detection_index
    return replace(tracks, detection_index=np.where(index >= 0, rows[index], -1))


class OddValues:
    """Warn once of scores outside 0 to 1, and once of boxes with a negative width or height."""

    def __init__(self) -> None:
        self._scores = self._boxes = False

    def check(self, detections: Detections) -> None:
        """Look at the detections of a frame."""
        if not len(detections):
            return
        scores, sizes = detections.scores, detections.tlwh[:, 2:]
        odd_scores = scores[(scores < 0) | (scores > 1)]  # NaN is neither
        if not self._scores and len(odd_scores):
            self._scores = True
            _log.warning(
                'detections: a score of %g, expected 0 to 1; min_confidence and the noise of the '
                'filter assume that (reported once)', odd_scores[0],
            )  # fmt: skip
        negative = sizes[(sizes < 0).any(axis=1)]
        if not self._boxes and len(negative):
            self._boxes = True
            width, height = negative[0]
            _log.warning(
                'detections: a box of %g x %g px is left out; size_x and size_y must be positive: '
                'were corners written into them? (reported once)', width, height,
            )  # fmt: skip
