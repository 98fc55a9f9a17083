"""All live tracks as rows of two matrices, oldest first; it grows by doubling."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.tracks import TENTATIVE
from strongsort_ros.types import BoolArray, FloatArray, IntArray

# Columns of the matrix of floats ...
_MEAN, _COVARIANCE, _SCORE = slice(0, 8), slice(8, 20), 20
_FLOATS = 21
# ... and of the matrix of integers.
_ID, _STATE, _AGE, _HITS, _SINCE, _FIRST_SEEN, _CLASS, _DETECTION, _SLOT = range(9)
_INTEGERS = 9


class Rows:
    """Some tracks: named columns, as views, of a matrix of floats and one of integers."""

    __slots__ = ('floats', 'integers')

    def __init__(self, floats: FloatArray, integers: IntArray) -> None:
        self.floats = floats
        self.integers = integers

    def __len__(self) -> int:
        return len(self.integers)

    @property
    def mean(self) -> FloatArray:
        """State (N, 8): x, y, a, h and their velocities."""
        return self.floats[:, _MEAN]

    @property
    def covariance(self) -> FloatArray:
        """Covariance (N, 12) as `kalman_filter` lays it out."""
        return self.floats[:, _COVARIANCE]

    @property
    def score(self) -> FloatArray:
        """Confidence (N,) of the last matched detection."""
        return self.floats[:, _SCORE]

    @property
    def id(self) -> IntArray:
        """Identity (N,)."""
        return self.integers[:, _ID]

    @property
    def state(self) -> IntArray:
        """TENTATIVE or CONFIRMED (N,); that a track is LOST is seen by its last match."""
        return self.integers[:, _STATE]

    @property
    def age(self) -> IntArray:
        """Frames (N,) since birth, which is the first."""
        return self.integers[:, _AGE]

    @property
    def hits(self) -> IntArray:
        """Matched detections (N,)."""
        return self.integers[:, _HITS]

    @property
    def time_since_update(self) -> IntArray:
        """Frames (N,) since the last matched detection."""
        return self.integers[:, _SINCE]

    @property
    def first_seen(self) -> IntArray:
        """Stamp (N,) of the frame of birth."""
        return self.integers[:, _FIRST_SEEN]

    @property
    def class_code(self) -> IntArray:
        """Number (N,) of the class of the last matched detection."""
        return self.integers[:, _CLASS]

    @property
    def detection_index(self) -> IntArray:
        """Caller's row (N,) of the detection matched in this frame, or -1."""
        return self.integers[:, _DETECTION]

    @property
    def slot(self) -> IntArray:
        """Place (N,) in the gallery."""
        return self.integers[:, _SLOT]

    def take(self, rows: IntArray) -> Rows:
        """Return a copy of some rows."""
        return Rows(self.floats.take(rows, axis=0), self.integers.take(rows, axis=0))


class TrackTable:
    """The live tracks; `rows` are views of them, valid until the table changes its length."""

    def __init__(self) -> None:
        self._floats: FloatArray = np.zeros((64, _FLOATS))
        self._integers: IntArray = np.zeros((64, _INTEGERS), dtype=np.int64)
        self.rows = Rows(self._floats[:0], self._integers[:0])

    def __len__(self) -> int:
        return len(self.rows)

    # Views that are copied or pickled are no views any more: they are made again.

    def __getstate__(self) -> tuple[FloatArray, IntArray]:
        return self.rows.floats, self.rows.integers

    def __setstate__(self, state: tuple[FloatArray, IntArray]) -> None:
        self.__init__()  # type: ignore[misc]
        born = self.append(len(state[0]))
        born.floats[:], born.integers[:] = state

    def write(self, rows: IntArray, changed: Rows) -> None:
        """Write back rows that were taken and changed."""
        self._floats[rows] = changed.floats
        self._integers[rows] = changed.integers

    def keep(self, which: BoolArray) -> None:
        """Keep some rows, in their order, and drop the others."""
        kept = self.rows.take(which.nonzero()[0])
        n = len(kept)
        self._resize(n)
        self._floats[:n] = kept.floats
        self._integers[:n] = kept.integers

    def append(self, count: int) -> Rows:
        """Return `count` new rows, all zero: tentative tracks without an identity."""
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
        """Drop all rows."""
        self._resize(0)

    def _resize(self, count: int) -> None:
        self.rows = Rows(self._floats[:count], self._integers[:count])
