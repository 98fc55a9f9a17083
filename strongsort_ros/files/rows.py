"""Detections, tracks and ground truth of a recording as structures of arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import LOST, TENTATIVE, Tracks
from strongsort_ros.types import BoolArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class _Rows:
    """Arrays of equal length; row i of every array belongs to the same box."""

    frames: IntArray

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: BoolArray | IntArray | slice) -> Self:
        """Return the rows of a mask, of row numbers or of a slice."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen = {name: array[rows] for name, array in arrays.items() if array is not None}
        return replace(self, **chosen)

    def rows_of(self, frame: int) -> slice:
        """Return the rows of a frame, where frames are ascending."""
        low, high = np.searchsorted(self.frames, (frame, frame + 1))
        return slice(int(low), int(high))


@dataclass(frozen=True, slots=True)
class DetectionRows(_Rows):
    """Detections of a recording; row i of every array belongs to detection i.

    Attributes
    ----------
    frames
        (N,) int64 frame numbers, ascending.
    tlwh
        (N, 4) float64 pixels.
    scores
        (N,) float64.
    class_ids
        (N,) array of str.
    embeddings
        (N, D) float32, or None if the file has none.

    """

    tlwh: FloatArray
    scores: FloatArray
    class_ids: npt.NDArray[Any]
    embeddings: Float32Array | None = None

    @property
    def frame_range(self) -> range:
        """Frame numbers from the first to the last, including frames without detections."""
        return range(int(self.frames[0]), int(self.frames[-1]) + 1) if len(self) else range(0)

    def at(self, frame: int) -> Detections:
        """Return the detections of a frame, possibly none, as views of these arrays."""
        rows = self.rows_of(frame)
        embeddings = None if self.embeddings is None else self.embeddings[rows]
        return Detections(self.tlwh[rows], self.scores[rows], self.class_ids[rows], embeddings)


@dataclass(frozen=True, slots=True)
class TrackRows(_Rows):
    """Tracks of a recording; row i of every array belongs to one box of a track.

    Attributes
    ----------
    frames
        (N,) int64 frame numbers, ascending.
    ids
        (N,) int64, each at most once in a frame.
    tlwh
        (N, 4) float64 pixels.
    scores
        (N,) float64.
    class_ids
        (N,) array of str.
    states
        (N,) int64 TENTATIVE, CONFIRMED or LOST, as the tracker had them; None: not known.

    """

    ids: IntArray
    tlwh: FloatArray
    scores: FloatArray
    class_ids: npt.NDArray[Any]
    states: IntArray | None = None

    @property
    def reported(self) -> BoolArray:
        """(N,) mask of the boxes that the tracker reports: those of confirmed tracks."""
        if self.states is None:
            return np.ones(len(self), dtype=bool)
        reported: BoolArray = self.states != TENTATIVE
        return reported

    @property
    def measured(self) -> BoolArray:
        """(N,) mask of the boxes with a detection, of tracks that are confirmed at some time.

        Without states, all boxes count as measured.
        """
        if self.states is None:
            return np.ones(len(self), dtype=bool)
        confirmed = self.ids[self.reported]
        measured: BoolArray = (self.states != LOST) & np.isin(self.ids, confirmed)
        return measured

    def at(self, frame: int) -> TrackRows:
        """Return the rows of a frame as views of these arrays."""
        return self.select(self.rows_of(frame))

    @classmethod
    def empty(cls) -> TrackRows:
        """Return a recording without tracks."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.str_))

    @classmethod
    def collect(cls, tracked: Iterable[tuple[int, Tracks]]) -> TrackRows:
        """Concatenate the tracks of frames, given as (frame, tracks) in the order of frames."""
        found = [(frame, tracks) for frame, tracks in tracked if len(tracks)]
        if not found:
            return cls.empty()
        return cls(
            np.repeat([frame for frame, _ in found], [len(tracks) for _, tracks in found]),
            np.concatenate([tracks.ids for _, tracks in found]),
            np.concatenate([tracks.tlwh for _, tracks in found]),
            np.concatenate([tracks.scores for _, tracks in found]),
            np.concatenate([tracks.class_ids for _, tracks in found]),
            np.concatenate([tracks.states for _, tracks in found]),
        )


@dataclass(frozen=True, slots=True)
class GroundTruth(_Rows):
    """Ground truth of a sequence; row i of every array belongs to one box.

    Attributes
    ----------
    frames, ids, tlwh
        As in `TrackRows`.
    considered
        (N,) bool: false for boxes that the benchmark does not score.
    classes
        (N,) int64, MOTChallenge's classes 1..13; 1 is a pedestrian.
    visibility
        (N,) float64 in [0, 1]; 1 if the file has none.

    """

    ids: IntArray
    tlwh: FloatArray
    considered: BoolArray
    classes: IntArray
    visibility: FloatArray

    @classmethod
    def empty(cls) -> GroundTruth:
        """Return ground truth without boxes."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty((0, 4)), np.empty(0, dtype=bool), none, np.empty(0))
