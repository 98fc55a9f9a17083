"""Table of live tracks: rows of two matrices, oldest first, which grow by doubling."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.tracks import TENTATIVE
from strongsort_ros.types import BoolArray, FloatArray, IntArray

# Columns of the matrix of floats ...
_MEAN, _COVARIANCE, _INNOVATION = slice(0, 8), slice(8, 20), slice(20, 24)
_SCORE, _SCORE_SUM, _PREDICTABILITY = 24, 25, 26
_FLOATS = 27
# ... and of the matrix of integers.
_ID, _STATE, _AGE, _HITS, _SINCE, _FIRST_SEEN, _CLASS, _DETECTION, _SLOT, _REPORTED = range(10)
_INTEGERS = 10


class Rows:
    """Tracks as named columns, which are views of a float and an integer matrix."""

    __slots__ = ('floats', 'integers')

    def __init__(self, floats: FloatArray, integers: IntArray) -> None:
        self.floats = floats
        self.integers = integers

    def __len__(self) -> int:
        return len(self.integers)

    @property
    def mean(self) -> FloatArray:
        """(N, 8) centre x, centre y, aspect, height, and their velocities."""
        return self.floats[:, _MEAN]

    @property
    def covariance(self) -> FloatArray:
        """(N, 12) covariance in the layout of `kalman_filter`."""
        return self.floats[:, _COVARIANCE]

    @property
    def score(self) -> FloatArray:
        """(N,) score of the last matched detection."""
        return self.floats[:, _SCORE]

    @property
    def score_sum(self) -> FloatArray:
        """(N,) sum of the scores of the matched detections; those of low score do not count."""
        return self.floats[:, _SCORE_SUM]

    @property
    def innovation(self) -> FloatArray:
        """(N, 4) innovation of the last match, as `AdaptiveNoise` takes it; 0: not known."""
        return self.floats[:, _INNOVATION]

    @property
    def predictability(self) -> FloatArray:
        """(N,) moving average of the IoU of predicted boxes and their matched detections."""
        return self.floats[:, _PREDICTABILITY]

    @property
    def id(self) -> IntArray:
        """(N,) track ids."""
        return self.integers[:, _ID]

    @property
    def state(self) -> IntArray:
        """(N,) TENTATIVE or CONFIRMED; a track is LOST if its time_since_update is above 0."""
        return self.integers[:, _STATE]

    @property
    def age(self) -> IntArray:
        """(N,) frames since the first detection, its own included."""
        return self.integers[:, _AGE]

    @property
    def hits(self) -> IntArray:
        """(N,) number of matched detections."""
        return self.integers[:, _HITS]

    @property
    def time_since_update(self) -> IntArray:
        """(N,) frames since the last matched detection."""
        return self.integers[:, _SINCE]

    @property
    def first_seen(self) -> IntArray:
        """(N,) stamp of the frame of the first detection."""
        return self.integers[:, _FIRST_SEEN]

    @property
    def class_code(self) -> IntArray:
        """(N,) number of the class of the last matched detection."""
        return self.integers[:, _CLASS]

    @property
    def detection_index(self) -> IntArray:
        """(N,) row, in the caller's arrays, of the detection matched in this frame, or -1."""
        return self.integers[:, _DETECTION]

    @property
    def slot(self) -> IntArray:
        """(N,) slot in the gallery."""
        return self.integers[:, _SLOT]

    @property
    def reported(self) -> IntArray:
        """(N,) 1 if the result of the last frame has the track, otherwise 0."""
        return self.integers[:, _REPORTED]

    def take(self, rows: IntArray) -> Rows:
        """Return a copy of some rows."""
        return Rows(self.floats.take(rows, axis=0), self.integers.take(rows, axis=0))


class TrackTable:
    """The live tracks; `rows` are views of them, valid until the number of tracks changes."""

    def __init__(self) -> None:
        self._floats: FloatArray = np.zeros((64, _FLOATS))
        self._integers: IntArray = np.zeros((64, _INTEGERS), dtype=np.int64)
        self.rows = Rows(self._floats[:0], self._integers[:0])

    def __len__(self) -> int:
        return len(self.rows)

    # A copied or pickled view is not a view any more, so a copy creates its own.

    def __getstate__(self) -> tuple[FloatArray, IntArray]:
        return self.rows.floats, self.rows.integers

    def __setstate__(self, state: tuple[FloatArray, IntArray]) -> None:
        self.__init__()  # type: ignore[misc]
        new = self.append(len(state[0]))
        new.floats[:], new.integers[:] = state

    def write(self, rows: IntArray, changed: Rows) -> None:
        """Write changed copies of rows back."""
        self._floats[rows] = changed.floats
        self._integers[rows] = changed.integers

    def keep(self, which: BoolArray) -> None:
        """Keep some rows, in their order, and delete the others."""
        kept = self.rows.take(which.nonzero()[0])
        n = len(kept)
        self._resize(n)
        self._floats[:n] = kept.floats
        self._integers[:n] = kept.integers

    def append(self, count: int) -> Rows:
        """Return `count` new rows of zeros: tentative tracks without an id."""
        start = len(self)
        if start + count > len(self._integers):
            more = max(len(self._integers), count)
            self._floats = np.pad(self._floats, ((0, more), (0, 0)))
            self._integers = np.pad(self._integers, ((0, more), (0, 0)))
        self._resize(start + count)
        self._floats[start : start + count] = 0.0
        self._integers[start : start + count] = TENTATIVE
        return Rows(self.rows.floats[start:], self.rows.integers[start:])

    def clear(self) -> None:
        """Delete all rows."""
        self._resize(0)

    def _resize(self, count: int) -> None:
        self.rows = Rows(self._floats[:count], self._integers[:count])
