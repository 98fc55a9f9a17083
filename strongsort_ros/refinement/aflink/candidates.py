"""Candidate pairs of tracklets, and their rows as input of the published network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.types import FloatArray, IntArray

LENGTH: Final = 30
"""Rows of a tracklet that the networks use."""

CameraMotions = Mapping[int, npt.ArrayLike]
"""Frame -> (3, 3) camera motion, pixels of the frame before -> pixels of this frame."""

# Pairs tested at once in the search: bounds memory, does not affect results.
_CHUNK = 1_000_000
_EPSILON = 1e-5
# Smallest determinant of composed motions; float64 underflows at 1e-308.
_SMALLEST_POSE = 1e-100


@dataclass(frozen=True, slots=True)
class Tracklets:
    """Tracklets of a recording: their rows (N,), sorted by id and frame.

    Attributes
    ----------
    order
        (N,) index of each row in the input.
    frames, tlwh
        (N,) int64 frame numbers; (N, 4) float64 boxes in pixels.
    classes
        (N,) int64 code of the class of each row.
    starts, stops
        (T,) int64; tracklet t has rows starts[t] to stops[t] - 1.
    ids
        (T,) int64 ids of the tracklets.

    """

    order: IntArray
    frames: IntArray
    tlwh: FloatArray
    classes: IntArray
    starts: IntArray
    stops: IntArray
    ids: IntArray

    @classmethod
    def gather(
        cls, frames: IntArray, ids: IntArray, tlwh: FloatArray, class_ids: npt.NDArray[Any]
    ) -> Tracklets:
        """Return the tracklets of rows in any order."""
        order = np.lexsort((frames, ids))
        found, starts, counts = np.unique(ids[order], return_index=True, return_counts=True)
        classes = np.unique(class_ids, return_inverse=True)[1][order]
        return cls(
            order, frames[order], tlwh[order], classes, starts.astype(np.int64), starts + counts,
            found,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def corners(self) -> FloatArray:
        """(N, 2) top-left corners in pixels."""
        return self.tlwh[:, :2]


class CameraPath:
    """Camera pose in every frame, composed of the motions since the first frame.

    Parameters
    ----------
    motions
        Camera motions; the camera does not move in frames without one.

    Raises
    ------
    InputError
        A motion is not a finite 3 x 3 matrix or not invertible; the message names its frame.

    """

    def __init__(self, motions: CameraMotions) -> None:
        self._frames = np.array(sorted(motions), dtype=np.int64)
        self._poses = np.tile(np.eye(3), (len(motions) + 1, 1, 1))
        for place, frame in enumerate(self._frames.tolist()):
            motion = np.asarray(motions[frame], dtype=np.float64)
            if motion.shape != (3, 3) or not np.isfinite(motion).all():
                raise InputError(f'camera_motion: frame {frame}: not a finite 3 x 3 matrix')
            if abs(np.linalg.det(motion[:2, :2])) < 1e-6:
                raise InputError(f'camera_motion: frame {frame}: the matrix is not invertible')
            self._poses[place + 1, :2] = motion[:2] @ self._poses[place]
            if not abs(np.linalg.det(self._poses[place + 1, :2, :2])) > _SMALLEST_POSE:
                raise InputError(
                    f'camera_motion: frame {frame}: the motions up to here are not invertible'
                )

    def move(self, points: FloatArray, frames: IntArray, to: IntArray) -> FloatArray:
        """Transform points (..., 2) from the images `frames` (...) to the images `to` (...)."""
        poses = self._poses[np.searchsorted(self._frames, frames, side='right')]
        wanted = self._poses[np.searchsorted(self._frames, to, side='right')]
        offset = points - poses[..., :2, 2]
        fixed = np.linalg.solve(poses[..., :2, :2], offset[..., None])
        moved: FloatArray = (wanted[..., :2, :2] @ fixed)[..., 0] + wanted[..., :2, 2]
        return moved


def find_candidates(
    tracklets: Tracklets, gap: tuple[int, int], distance: float, camera: CameraPath | None = None
) -> tuple[IntArray, IntArray]:
    """Return the pairs of tracklets that may be one object: (K,) earlier and (K,) later ones.

    The later tracklet has the same class and starts `gap[0]` to `gap[1] - 1` frames after the end
    of the earlier, at most `distance` pixels away. With tracklets sorted by class and first frame,
    the later ones of each are neighbours, so that memory grows with the candidates only.
    """
    first, last = tracklets.starts, tracklets.stops - 1
    starts = _keys(tracklets, first, gap)
    by_start = np.argsort(starts, kind='stable')
    # Links lead forward in this order even where tracklets overlap, so that no chain is a cycle.
    rank = np.empty(len(tracklets), dtype=np.int64)
    rank[by_start] = np.arange(len(tracklets))
    ends = _keys(tracklets, last, gap)
    low, high = np.searchsorted(starts[by_start], (ends + gap[0], ends + gap[1]))
    found = [
        _near(tracklets, i[rank[i] < rank[j]], j[rank[i] < rank[j]], distance, camera)
        for i, places in _ranges(low, high)
        for j in (by_start[places],)
    ]
    earlier, later = zip(*found, strict=True) if found else ((), ())
    none = [np.empty(0, dtype=np.int64)]
    return np.concatenate([*earlier, *none]), np.concatenate([*later, *none])


def _keys(tracklets: Tracklets, rows: IntArray, gap: tuple[int, int]) -> IntArray:
    """Return frames shifted by class, so that classes are further apart than any gap."""
    length = int(np.ptp(tracklets.frames)) if len(tracklets.frames) else 0
    apart = length + abs(gap[0]) + abs(gap[1]) + 1
    keys: IntArray = tracklets.frames[rows] + tracklets.classes[rows] * apart
    return keys


def _ranges(low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (i, j) with all j in low[i]..high[i] - 1 of every i, a bounded number at a time."""
    ends = np.cumsum(high - low)
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side='right')))
        counts = (high - low)[start:stop]
        first = np.repeat(low[start:stop] - (ends[start:stop] - counts - before), counts)
        yield np.repeat(np.arange(start, stop), counts), first + np.arange(len(first))
        start = stop


def _near(
    tracklets: Tracklets, i: IntArray, j: IntArray, distance: float, camera: CameraPath | None
) -> tuple[IntArray, IntArray]:
    end, start = tracklets.stops[i] - 1, tracklets.starts[j]
    left = tracklets.corners[end]
    if camera is not None:
        left = camera.move(left, tracklets.frames[end], tracklets.frames[start])
    apart = np.linalg.norm(left - tracklets.corners[start], axis=1)
    near = apart <= distance
    return i[near], j[near]


def pair_rows(
    tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the input of the published network: two (K, 30, 3) of frame, x and y, normalised.

    These are the last 30 rows of the earlier tracklet and the first 30 of the later, padded with
    zeros before the former and after the latter. With camera motion, all rows of a pair are
    transformed to the image in which the later tracklet starts.
    """
    steps = np.arange(LENGTH)
    back = tracklets.stops[earlier, None] - LENGTH + steps
    ahead = tracklets.starts[later, None] + steps
    meeting = tracklets.frames[tracklets.starts[later]]
    return normalise(
        _rows(tracklets, back, back >= tracklets.starts[earlier, None], meeting, camera),
        _rows(tracklets, ahead, ahead < tracklets.stops[later, None], meeting, camera),
    )


def _rows(
    tracklets: Tracklets,
    places: IntArray,
    there: npt.NDArray[np.bool_],
    meeting: IntArray,
    camera: CameraPath | None,
) -> FloatArray:
    rows = np.where(there, places, 0)
    frames, corners = tracklets.frames[rows], tracklets.corners[rows]
    if camera is not None:
        corners = camera.move(corners, frames, np.broadcast_to(meeting[:, None], frames.shape))
    seen = np.concatenate([frames[..., None], corners], axis=-1)
    return np.where(there[..., None], seen, 0.0)


def normalise(
    earlier: FloatArray, later: FloatArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Scale every column of each pair (K, 30, 3), both tracklets together, to [-1, 1]."""
    low = np.minimum(earlier.min(axis=1), later.min(axis=1))[:, None]
    high = np.maximum(earlier.max(axis=1), later.max(axis=1))[:, None]
    middle, half = (high + low) / 2, (high - low) / 2 + _EPSILON
    first: FloatArray = (earlier - middle) / half
    second: FloatArray = (later - middle) / half
    return first.astype(np.float32), second.astype(np.float32)
