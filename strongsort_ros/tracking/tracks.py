"""What the tracker says after a frame, as a structure of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from strongsort_ros.types import BoolArray, FloatArray, IntArray, NameArray

TENTATIVE, CONFIRMED, LOST = 0, 1, 2
"""States of a track; LOST is a confirmed track that was not matched in this frame."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks after one frame; row i of every array belongs to track i, in the order of ids.

    Attributes
    ----------
    ids
        (N,) int64, from 1, never used twice by a tracker.
    class_ids
        (N,) str (an array of objects), of the last matched detection.
    scores
        (N,) float64, of the last matched detection.
    states
        (N,) int64: TENTATIVE, CONFIRMED or LOST.
    mean
        (N, 8) float64: cx, cy, a = w/h, h and their velocities per nominal frame, filtered.
    variance
        (N, 8) float64: diagonal of the covariance of `mean`. Position and velocity of one
        coordinate are correlated, the four coordinates are not.
    age, hits, time_since_update
        (N,) int64: frames since birth (at birth 0), matched detections, frames since the last one.
    first_seen
        (N,) int64: the `stamp` given with the frame of birth.
    detection_index
        (N,) int64: row of the matched detection in the caller's array, -1 when predicted only.
    rejected
        How many detections of the frame were not used, or not fully, by reason.

    """

    ids: IntArray
    class_ids: NameArray
    scores: FloatArray
    states: IntArray
    mean: FloatArray
    variance: FloatArray
    age: IntArray
    hits: IntArray
    time_since_update: IntArray
    first_seen: IntArray
    detection_index: IntArray
    rejected: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tlwh(self) -> FloatArray:
        """Filtered boxes, (N, 4) pixels: left, top, width, height."""
        boxes = np.empty((len(self.ids), 4))
        height = self.mean[:, 3]
        np.multiply(self.mean[:, 2], height, out=boxes[:, 2])
        boxes[:, 3] = height
        boxes[:, :2] = self.mean[:, :2] - boxes[:, 2:] / 2
        return boxes

    def select(self, rows: BoolArray | IntArray) -> Tracks:
        """Return some of the tracks: a mask or row numbers."""
        return Tracks(
            self.ids[rows], self.class_ids[rows], self.scores[rows], self.states[rows],
            self.mean[rows], self.variance[rows], self.age[rows], self.hits[rows],
            self.time_since_update[rows], self.first_seen[rows], self.detection_index[rows],
            self.rejected,
        )  # fmt: skip
