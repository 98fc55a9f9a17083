"""AFLink over long gaps: a small network on motion features of each pair of tracklets.

A tracker ends a track only after its object was hidden for `max_age` frames, so that tracklets of
one object are further apart in time than the published network considers. The position and velocity
at the end of the earlier tracklet predict where the object appears again, and those at the start of
the later one where it came from. Errors of both predictions are measured in box heights.
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
"""Frames that an object can be hidden without its track ending: default of the tracker."""

FEATURES: Final = 8
HIDDEN: Final = 16
# Rows at an end whose mean is its position.
_POSITION_ROWS: Final = 5
# Frames squared: regularisation that shrinks velocities from few rows, by half at 13 rows.
_RIDGE: Final = 200.0
# Box heights, added before the logarithm: smaller errors make no difference.
_MIN_ERROR: Final = 0.1


_EXPECTED: Final = {
    'mean': np.empty(FEATURES),
    'deviation': np.empty(FEATURES),
    'hidden.weight': np.empty((HIDDEN, FEATURES)),
    'hidden.bias': np.empty(HIDDEN),
    'output.weight': np.empty((1, HIDDEN)),
    'output.bias': np.empty(1),
}


class MotionLinker:
    """Motion network: one hidden layer on `pair_features`, in NumPy.

    Parameters
    ----------
    parameters
        Name -> array or tensor of the network (`motion_training.MotionNetwork`).
    path
        File of the parameters, named in errors.

    Raises
    ------
    ExtractorError
        The parameters belong to another network.

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
    """Return (K, 8) features of pairs (K,) of tracklets.

    They are logarithms of: the distance between the end of the earlier tracklet and the start of
    the later; the distance of the start from its prediction by the earlier tracklet; the distance
    of the end from its prediction by the later; the vertical distance (these four in box heights);
    the gap in frames; the ratio of the heights, larger over smaller; the number of rows used of
    each tracklet, at most 30. Camera motion is compensated.
    """
    first, i = np.unique(earlier, return_inverse=True)
    second, j = np.unique(later, return_inverse=True)
    ends = _end_states(tracklets, first, camera, last=True)
    starts = _end_states(tracklets, second, camera, last=False)
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
        np.log(errors / scale + _MIN_ERROR).T,
        np.log(np.maximum(gap, 1)),
        np.log(heights.max(axis=0) / heights.min(axis=0)),
        np.log(ends.counts[i]),
        np.log(starts.counts[j]),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class _EndStates:
    """State at one end of T tracklets.

    Attributes
    ----------
    frames
        (T,) frame number.
    places, heights
        (T, 2) bottom centre of the box and (T,) its height, at least 1, in pixels.
    velocities
        (T, 2) pixels per frame.
    counts
        (T,) number of rows that the state is estimated from.

    """

    frames: IntArray
    places: FloatArray
    heights: FloatArray
    velocities: FloatArray
    counts: IntArray


def _end_states(
    tracklets: Tracklets, which: IntArray, camera: CameraPath | None, *, last: bool
) -> _EndStates:
    """Return the states of the last or first ends of tracklets, from at most 30 rows."""
    low, high = tracklets.starts[which, None], tracklets.stops[which, None] - 1
    # Outermost first.
    rows = high - np.arange(LENGTH) if last else low + np.arange(LENGTH)
    there = (low <= rows) & (rows <= high)
    rows = np.where(there, rows, rows[:, :1])
    frames, boxes = tracklets.frames[rows], tracklets.tlwh[rows]
    end = frames[:, :1]
    feet = boxes[..., :2] + boxes[..., 2:] * np.array([0.5, 1.0])
    if camera is not None:
        feet = camera.move(feet, frames, np.broadcast_to(end, frames.shape))
    times = (frames - end).astype(np.float64)
    # Least squares, regularised towards 0.
    centred = times - _mean(times, there)[:, None]
    centred[~there] = 0.0
    velocities = np.einsum('tr,trc->tc', centred, feet - _mean(feet, there)[:, None])
    velocities /= (centred**2).sum(axis=1)[:, None] + _RIDGE
    outermost = there & (np.arange(LENGTH) < _POSITION_ROWS)
    places = _mean(feet, outermost) - velocities * _mean(times, outermost)[:, None]
    heights = np.maximum(_mean(boxes[..., 3], outermost), 1.0)
    return _EndStates(end[:, 0], places, heights, velocities, there.sum(axis=1))


def _mean(values: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the mean over axis 1 where `there` is true."""
    weights = there / there.sum(axis=1, keepdims=True)
    mean: FloatArray = np.einsum('tr...,tr->t...', values, weights)
    return mean
