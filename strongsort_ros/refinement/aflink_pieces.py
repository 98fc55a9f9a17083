"""Pieces of true tracks, as a tracker would leave them, to train AFLink's motion network on."""

from __future__ import annotations

from typing import Final

import numpy as np

from strongsort_ros.recording.rows import GroundTruth
from strongsort_ros.refinement.aflink_motion import MAX_AGE, MotionLinker, pair_features
from strongsort_ros.refinement.aflink_pairs import Tracklets, candidates
from strongsort_ros.tracking.detections import BoolArray, FloatArray, IntArray

_MIN_ROWS: Final = 2
# A person is detected from about this share of them on that is visible; drawn anew each time.
_VISIBLE: Final = (0.1, 0.45)
# In heights: how far boxes of a detector are off, each by itself and all of a piece together.
_JITTER: Final = 0.015
_BIAS: Final = np.array([0.04, 0.04, 0.04, 0.08])

Samples = tuple[FloatArray, BoolArray, FloatArray]
"""(K, 8) features of pairs, (K,) whether they are one object, (K,) what they weigh."""


def broken_tracks(truth: GroundTruth, rng: np.random.Generator) -> tuple[Tracklets, IntArray]:
    """Return the tracks of a recording, broken where people are hidden, and whose they are.

    Parameters
    ----------
    truth
        Boxes of people with their visibility.
    rng
        Draws how well people have to be seen, and errors of the boxes.

    """
    order = np.lexsort((truth.frames, truth.ids))
    truth = truth.select(order[truth.visibility[order] >= rng.uniform(*_VISIBLE)])
    breaks = (np.diff(truth.ids) != 0) | (np.diff(truth.frames) > MAX_AGE)
    pieces = np.concatenate([np.zeros(min(len(truth), 1), dtype=np.int64), np.cumsum(breaks)])
    long_enough = np.bincount(pieces)[pieces] >= _MIN_ROWS
    truth, pieces = truth.select(long_enough), pieces[long_enough]
    heights = truth.tlwh[:, 3:]
    bias = rng.normal(0.0, _BIAS, (pieces.max(initial=0) + 1, 4))[pieces]
    errors = (bias + rng.normal(0.0, _JITTER, truth.tlwh.shape)) * heights
    classes = np.zeros(len(truth), dtype=np.int64)
    tracklets = Tracklets.gather(truth.frames, pieces, truth.tlwh + errors, classes)
    return tracklets, truth.ids[tracklets.order][tracklets.starts]


def piece_pairs(truths: list[GroundTruth], rng: np.random.Generator, count: int) -> Samples:
    """Return the pairs to learn from, of every recording broken `count` times.

    Those that linking looks at, and those of shorter gaps: near by in time and space, and never
    one object, as a tracker would not have let go of it.

    A pair weighs the square root of the rows of its shorter tracklet: longer ones matter more to
    the scores, but not in proportion, as their boxes are not independent.
    """
    parts = [_pairs(*broken_tracks(truth, rng)) for truth in truths for _ in range(count)]
    features, same, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features, same, weights


def _pairs(tracklets: Tracklets, people: IntArray) -> Samples:
    window = MotionLinker.window
    earlier, later = candidates(tracklets, (1, window.max_gap), window.max_distance)
    rows = tracklets.stops - tracklets.starts
    return (
        pair_features(tracklets, earlier, later),
        people[earlier] == people[later],
        np.sqrt(np.minimum(rows[earlier], rows[later])),
    )
