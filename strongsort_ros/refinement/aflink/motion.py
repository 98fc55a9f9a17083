"""AFLink from how objects move: links over long gaps, told from a few numbers of each pair.

A tracker ends a track only after its object was hidden for `max_age` frames, so pieces of one
object are further apart in time than the published network looks. From where a piece ended and
how it moved follows where the object may appear again, and from where the next one began and
moved, where it came from; both are measured in heights of the box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from strongsort_ros.refinement.aflink.candidates import LENGTH, CameraPath, Tracklets
from strongsort_ros.refinement.settings import LinkWindow
from strongsort_ros.reid.checkpoint import as_float64, check_shapes
from strongsort_ros.types import FloatArray, IntArray

MAX_AGE: Final = 30
"""Frames that an object can be hidden for without its track ending: the tracker's default."""

FEATURES: Final = 8
HIDDEN: Final = 16
# Rows at an end whose mean is where it is.
_TIP: Final = 5
# Frames squared: pulls velocities of a few rows to 0; half for a track of 13 rows.
_STILL: Final = 200.0
# Heights, added before the logarithm: smaller errors are all the same.
_CLOSE: Final = 0.1


_EXPECTED: Final = {
    'mean': np.empty(FEATURES),
    'deviation': np.empty(FEATURES),
    'hidden.weight': np.empty((HIDDEN, FEATURES)),
    'hidden.bias': np.empty(HIDDEN),
    'output.weight': np.empty((1, HIDDEN)),
    'output.bias': np.empty(1),
}


class MotionLinker:
    """Says of pairs of tracklets how likely they are of one object, from how they move.

    A network with one hidden layer on `pair_features`, in NumPy.

    Parameters
    ----------
    parameters
        Name -> array or tensor of the network (`aflink_motion_training.MotionNetwork`).
    path
        Their file, for errors.

    Raises
    ------
    ExtractorError
        The parameters are those of another network.

    """

    window: Final = LinkWindow(min_gap=MAX_AGE + 1, max_gap=101, max_distance=300.0, max_cost=0.7)
    prefer_more_links: Final = False

    def __init__(self, parameters: Mapping[str, Any], path: Path) -> None:
        check_shapes(parameters, _EXPECTED, 'MotionNetwork', path)
        self._parameters = {name: as_float64(value) for name, value in parameters.items()}

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""
        return self.score(pair_features(tracklets, earlier, later, camera))

    def score(self, features: FloatArray) -> FloatArray:
        """Return (K,) 1 - P(same object) of (K, 8) features of pairs."""
        p = self._parameters
        normed = (features - p['mean']) / p['deviation']
        hidden = np.tanh(normed @ p['hidden.weight'].T + p['hidden.bias'])
        logits = (hidden @ p['output.weight'].T + p['output.bias'])[:, 0]
        costs: FloatArray = 1 - expit(logits)
        return costs


def pair_features(
    tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None = None
) -> FloatArray:
    """Return (K, 8) of pairs (K,) of tracklets, from the last rows of one and the first of other.

    Logarithms of: the distance between that end and that start; how far the start is from where
    the earlier was going; how far the end is from where the later came from; the distance up
    and down, all in heights; the frames between; the ratio of the heights, larger over smaller;
    how many rows, 30 at most, are known of either. Camera motion is undone.
    """
    first, i = np.unique(earlier, return_inverse=True)
    second, j = np.unique(later, return_inverse=True)
    ends, starts = _ends(tracklets, first, camera), _starts(tracklets, second, camera)
    frames, there = ends.frames[i], ends.places[i]
    meeting, here = starts.frames[j], starts.places[j]
    if camera is not None:
        there = camera.move(there, frames, meeting)
    gap = meeting - frames
    heights = np.stack([ends.heights[i], starts.heights[j]])
    scale = heights.mean(axis=0)
    apart = here - there
    errors = np.stack([
        np.linalg.norm(apart, axis=1),
        np.linalg.norm(apart - ends.velocities[i] * gap[:, None], axis=1),
        np.linalg.norm(apart - starts.velocities[j] * gap[:, None], axis=1),
        np.abs(apart[:, 1]),
    ])  # fmt: skip
    return np.column_stack([
        np.log(errors / scale + _CLOSE).T,
        np.log(np.maximum(gap, 1)),
        np.log(heights.max(axis=0) / heights.min(axis=0)),
        np.log(ends.counts[i]),
        np.log(starts.counts[j]),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Tips:
    """One end of each of some tracklets.

    Attributes
    ----------
    frames
        (T,) number of its frame.
    places, heights
        (T, 2) middle of the bottom of the box; (T,) at least 1: px.
    velocities
        (T, 2) px a frame.
    counts
        (T,) rows that this is known from.

    """

    frames: IntArray
    places: FloatArray
    heights: FloatArray
    velocities: FloatArray
    counts: IntArray


def _ends(tracklets: Tracklets, which: IntArray, camera: CameraPath | None) -> _Tips:
    rows = tracklets.stops[which, None] - 1 - np.arange(LENGTH)
    return _tips(tracklets, rows, rows >= tracklets.starts[which, None], camera)


def _starts(tracklets: Tracklets, which: IntArray, camera: CameraPath | None) -> _Tips:
    rows = tracklets.starts[which, None] + np.arange(LENGTH)
    return _tips(tracklets, rows, rows < tracklets.stops[which, None], camera)


def _tips(
    tracklets: Tracklets, rows: IntArray, there: npt.NDArray[np.bool_], camera: CameraPath | None
) -> _Tips:
    """Return the ends whose rows (T, 30), from the last one inwards, are those that are there."""
    rows = np.where(there, rows, rows[:, :1])
    frames, boxes = tracklets.frames[rows], tracklets.tlwh[rows]
    last = frames[:, :1]
    feet = boxes[..., :2] + boxes[..., 2:] * np.array([0.5, 1.0])
    if camera is not None:
        feet = camera.move(feet, frames, np.broadcast_to(last, frames.shape))
    times = (frames - last).astype(np.float64)
    # Least squares, with some rows of a still object more.
    centred = times - _mean(times, there)[:, None]
    centred[~there] = 0.0
    velocities = np.einsum('tr,trc->tc', centred, feet - _mean(feet, there)[:, None])
    velocities /= (centred**2).sum(axis=1)[:, None] + _STILL
    tip = there & (np.arange(LENGTH) < _TIP)
    places = _mean(feet, tip) - velocities * _mean(times, tip)[:, None]
    heights = np.maximum(_mean(boxes[..., 3], tip), 1.0)
    return _Tips(last[:, 0], places, heights, velocities, there.sum(axis=1))


def _mean(values: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the mean over axis 1 of those that are there."""
    weights = there / there.sum(axis=1, keepdims=True)
    mean: FloatArray = np.einsum('tr...,tr->t...', values, weights)
    return mean
