"""Tracks after one frame, as a structure of arrays."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from strongsort_ros.adapters import to_supervision, with_tracker_ids
from strongsort_ros.types import BoolArray, FloatArray, IntArray, NameArray

TENTATIVE, CONFIRMED, LOST = 0, 1, 2
"""States of a track. LOST: confirmed, but not matched in this frame."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks after one frame; row i of every array belongs to track i, in ascending order of ids.

    Attributes
    ----------
    ids
        (N,) int64, from 1; a tracker never uses an id twice, not even after a reset.
    class_ids
        (N,) str (objects): class of the last matched detection.
    scores
        (N,) float64: score of the last matched detection.
    states
        (N,) int64: TENTATIVE, CONFIRMED or LOST.
    mean
        (N, 8) float64, filtered: centre x, centre y, aspect w/h, height, and the velocity of each
        per nominal frame.
    variance
        (N, 8) float64: diagonal of the covariance of `mean`. Position and velocity of the same
        coordinate are correlated; different coordinates are not.
    age, hits, time_since_update
        (N,) int64: frames since the first detection, its own included; matched detections; frames
        since the last matched detection.
    first_seen
        (N,) int64: stamp of the frame of the first detection, as given to the tracker.
    detection_index
        (N,) int64: row of the matched detection in the caller's arrays; -1: none in this frame.
    reported
        (N,) bool: whether `Tracker.update` returns the track in this frame.
    rejected
        Number of the frame's detections that were not used, or only without their embedding, by
        reason.
    selected_from
        The tracks that these were selected from; None: these are not a selection.

    Examples
    --------
    >>> from strongsort_ros import Detections, Tracker, TrackerSettings
    >>> tracker = Tracker(TrackerSettings(n_init=1))
    >>> tracks = tracker.update(Detections([[10, 20, 40, 80]], [0.9], ['person']))
    >>> tracks.ids.tolist(), tracks.class_ids.tolist(), tracks.xyxy.tolist()
    ([1], ['person'], [[10.0, 20.0, 50.0, 100.0]])

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
    reported: BoolArray
    rejected: Mapping[str, int] = field(default_factory=dict)
    selected_from: Tracks | None = field(default=None, repr=False)

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

    @property
    def xyxy(self) -> FloatArray:
        """Filtered boxes, (N, 4) pixels: left, top, right, bottom."""
        boxes = self.tlwh
        boxes[:, 2:] += boxes[:, :2]
        return boxes

    @property
    def all(self) -> Tracks:
        """All live tracks of the frame, tentative and lost ones included."""
        return self if self.selected_from is None else self.selected_from

    def select(self, rows: BoolArray | IntArray) -> Tracks:
        """Return some of the tracks, by a mask or row numbers; their `all` stays the same."""
        if rows.dtype == np.bool_:
            rows = rows.nonzero()[0]
        columns = [column[rows] for column in _columns(self)]
        return Tracks(*[*columns, self.rejected, self.all])

    def to_supervision(self, names: Sequence[str] | Mapping[int, str] | None = None) -> Any:
        """Return the tracks as `supervision.Detections`.

        Parameters
        ----------
        names
            Names of classes by number, such as a detector's `names`. None: the classes were given
            as numbers, so their texts are digits.

        Returns
        -------
        detections
            `xyxy` (N, 4) pixels, `confidence` (N,), `class_id` (N,) and `tracker_id` (N,) integers;
            with `names` also `data['class_name']` (N,).

        Raises
        ------
        InputError
            A class is neither a number nor one of `names`.
        MissingPackageError
            The package supervision is not installed.

        """
        return to_supervision(self.xyxy, self.scores, self.class_ids.tolist(), self.ids, names)

    def assign_ids(self, detections: Any) -> Any:
        """Return a copy of the frame's `supervision.Detections` with `tracker_id` set.

        Parameters
        ----------
        detections
            What the tracker was given in this frame.

        Returns
        -------
        detections
            The same in the same order, with its boxes, masks and data; `tracker_id` is -1 for
            detections without one of these tracks.

        Raises
        ------
        InputError
            They are not `supervision.Detections`, or fewer than were tracked.

        """
        return with_tracker_ids(detections, self.ids, self.detection_index)


_columns = operator.attrgetter(
    *(f.name for f in dataclasses.fields(Tracks) if f.name not in ('rejected', 'selected_from'))
)
"""Return the arrays of `Tracks`, in the order of its constructor."""
