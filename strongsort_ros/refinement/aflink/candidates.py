"""Pairs of tracklets that may be one object, and what AFLink's network sees of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.types import FloatArray, IntArray

LENGTH: Final = 30
"""Rows of a tracklet that the network sees."""

CameraMotions = Mapping[int, npt.ArrayLike]
"""Frame -> (3, 3) motion of the image, in pixels, from the frame before."""

# Pairs looked at together while candidates are searched: bounds memory, not results.
_CHUNK = 1_000_000
_EPSILON = 1e-5
# Determinant of many motions together; numbers of 64 bits end at 1e-308.
_SMALLEST_POSE = 1e-100


@dataclass(frozen=True, slots=True)
class Tracklets:
    """Tracks of a recording: rows (N,) sorted by id and frame, and where each tracklet lies.

    Attributes
    ----------
    order
        (N,) number of the row in what was given.
    frames, tlwh
        (N,) int64; (N, 4) float64 boxes in pixels.
    classes
        (N,) int64 code of the class of each row.
    starts, stops
        (T,) int64: tracklet t has the rows starts[t]..stops[t] - 1.
    ids
        (T,) int64.

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
        """Sort the rows of a recording, given in any order."""
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
        """(N, 2) top left corners in pixels."""
        return self.tlwh[:, :2]


class CameraPath:
    """Where the camera looked in every frame: the motions since the first, put together.

    Parameters
    ----------
    motions
        Frames that are not there have no motion.

    Raises
    ------
    InputError
        A motion is not 3 x 3 finite numbers, or cannot be undone; the message names its frame.

    """

    def __init__(self, motions: CameraMotions) -> None:
        self._frames = np.array(sorted(motions), dtype=np.int64)
        self._poses = np.tile(np.eye(3), (len(motions) + 1, 1, 1))
        for place, frame in enumerate(self._frames.tolist()):
            motion = np.asarray(motions[frame], dtype=np.float64)
            if motion.shape != (3, 3) or not np.isfinite(motion).all():
                raise InputError(f'camera_motion: frame {frame}: not 3 x 3 finite numbers')
            if abs(np.linalg.det(motion[:2, :2])) < 1e-6:
                raise InputError(f'camera_motion: frame {frame}: a motion that cannot be undone')
            self._poses[place + 1, :2] = motion[:2] @ self._poses[place]
            if not abs(np.linalg.det(self._poses[place + 1, :2, :2])) > _SMALLEST_POSE:
                raise InputError(
                    f'camera_motion: frame {frame}: the motions up to here cannot be undone'
                )

    def move(self, points: FloatArray, frames: IntArray, to: IntArray) -> FloatArray:
        """Return (..., 2) points of images `frames` (...) as images `to` (...) show them."""
        poses = self._poses[np.searchsorted(self._frames, frames, side='right')]
        wanted = self._poses[np.searchsorted(self._frames, to, side='right')]
        offset = points - poses[..., :2, 2]
        still = np.linalg.solve(poses[..., :2, :2], offset[..., None])
        moved: FloatArray = (wanted[..., :2, :2] @ still)[..., 0] + wanted[..., :2, 2]
        return moved


def find_candidates(
    tracklets: Tracklets, gap: tuple[int, int], distance: float, camera: CameraPath | None = None
) -> tuple[IntArray, IntArray]:
    """Return (K,) earlier and (K,) later tracklets that may be one object.

    The later one starts `gap[0]` to `gap[1] - 1` frames after the end of the earlier, at most
    `distance` pixels away, in the same class. Tracklets are sorted by class and first frame, so
    those that start in time are neighbours; memory grows with the candidates.
    """
    first, last = tracklets.starts, tracklets.stops - 1
    starts = _keys(tracklets, first, gap)
    by_start = np.argsort(starts, kind='stable')
    # A link leads on in this order, however far tracklets may overlap: no chain is a ring.
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
    """Return frames, those of different classes further apart than any gap."""
    length = int(np.ptp(tracklets.frames)) if len(tracklets.frames) else 0
    apart = length + abs(gap[0]) + abs(gap[1]) + 1
    keys: IntArray = tracklets.frames[rows] + tracklets.classes[rows] * apart
    return keys


def _ranges(low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (i, places), for every i all of low[i]..high[i] - 1, a bounded number at a time."""
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
    """Return what the network sees of pairs: two (K, 30, 3) of frame, x and y, normalised.

    The last rows of the earlier and the first of the later; where there are less, zeros stand
    before the former and behind the latter. Camera motion is undone: all rows of a pair are as
    the image shows them in which the later one starts.
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
    """Bring every column of each pair (K, 30, 3) to [-1, 1], both tracklets together."""
    low = np.minimum(earlier.min(axis=1), later.min(axis=1))[:, None]
    high = np.maximum(earlier.max(axis=1), later.max(axis=1))[:, None]
    middle, half = (high + low) / 2, (high - low) / 2 + _EPSILON
    first: FloatArray = (earlier - middle) / half
    second: FloatArray = (later - middle) / half
    return first.astype(np.float32), second.astype(np.float32)
