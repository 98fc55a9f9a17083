"""Boxes of a whole recording, as structures of arrays in the order of frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import BoolArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class DetectionRows:
    """What a detector saw, row i of every array belonging to detection i.

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
        (N, D) float32, or None where the file has none.

    """

    frames: IntArray
    tlwh: FloatArray
    scores: FloatArray
    class_ids: npt.NDArray[Any]
    embeddings: Float32Array | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: BoolArray) -> DetectionRows:
        """Return some of the rows: a mask."""
        embeddings = None if self.embeddings is None else self.embeddings[rows]
        return DetectionRows(
            self.frames[rows], self.tlwh[rows], self.scores[rows], self.class_ids[rows], embeddings
        )

    def with_embeddings(self, embeddings: Float32Array) -> DetectionRows:
        """Return the same rows with these embeddings; arrays are shared, not copied."""
        return DetectionRows(self.frames, self.tlwh, self.scores, self.class_ids, embeddings)

    @property
    def frame_range(self) -> range:
        """Every frame number from the first to the last, those without detections too."""
        return range(int(self.frames[0]), int(self.frames[-1]) + 1) if len(self) else range(0)

    def at(self, frame: int) -> Detections:
        """Return one frame's detections, views of these arrays; none: an empty frame."""
        low, high = np.searchsorted(self.frames, (frame, frame + 1))
        rows = slice(int(low), int(high))
        embeddings = None if self.embeddings is None else self.embeddings[rows]
        return Detections(self.tlwh[rows], self.scores[rows], self.class_ids[rows], embeddings)


@dataclass(frozen=True, slots=True)
class TrackRows:
    """Tracks of a recording, row i of every array belonging to one box of a track.

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

    """

    frames: IntArray
    ids: IntArray
    tlwh: FloatArray
    scores: FloatArray
    class_ids: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: BoolArray | IntArray | slice) -> TrackRows:
        """Return some of the rows: a mask, row numbers or a slice."""
        return TrackRows(
            self.frames[rows], self.ids[rows], self.tlwh[rows],
            self.scores[rows], self.class_ids[rows],
        )  # fmt: skip

    def at(self, frame: int) -> TrackRows:
        """Return the rows of one frame, views of these arrays."""
        low, high = np.searchsorted(self.frames, (frame, frame + 1))
        return self.select(slice(int(low), int(high)))

    @classmethod
    def empty(cls) -> TrackRows:
        """Return a recording without tracks."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.str_))

    @classmethod
    def collect(cls, tracked: Iterable[tuple[int, Tracks]]) -> TrackRows:
        """Gather the tracker's answers, given as (frame, tracks) in the order of frames."""
        answers = [(frame, tracks) for frame, tracks in tracked if len(tracks)]
        if not answers:
            return cls.empty()
        return cls(
            np.repeat([frame for frame, _ in answers], [len(tracks) for _, tracks in answers]),
            np.concatenate([tracks.ids for _, tracks in answers]),
            np.concatenate([tracks.tlwh for _, tracks in answers]),
            np.concatenate([tracks.scores for _, tracks in answers]),
            np.concatenate([tracks.class_ids for _, tracks in answers]),
        )


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """True boxes of a sequence, row i of every array belonging to one box.

    Attributes
    ----------
    frames, ids, tlwh
        As in `TrackRows`.
    considered
        (N,) bool: false where the benchmark says that a box is not scored.
    classes
        (N,) int64, MOTChallenge's classes 1..13; 1 is a pedestrian.
    visibility
        (N,) float64 in [0, 1]; 1 where the file does not say.

    """

    frames: IntArray
    ids: IntArray
    tlwh: FloatArray
    considered: BoolArray
    classes: IntArray
    visibility: FloatArray

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def empty(cls) -> GroundTruth:
        """Return the truth where none is known."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty((0, 4)), np.empty(0, dtype=bool), none, np.empty(0))

    def select(self, rows: BoolArray | IntArray) -> GroundTruth:
        """Return some of the rows: a mask or row numbers."""
        return GroundTruth(
            self.frames[rows], self.ids[rows], self.tlwh[rows],
            self.considered[rows], self.classes[rows], self.visibility[rows],
        )  # fmt: skip
