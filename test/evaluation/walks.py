"""People who walk side by side, and tracks of them."""

from __future__ import annotations

import numpy as np

from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.types import IntArray


def walk(people: int = 3, frames: int = 20) -> GroundTruth:
    """Return people who walk side by side."""
    frame = np.repeat(np.arange(1, frames + 1), people)
    ids = np.tile(np.arange(1, people + 1), frames)
    tlwh = np.column_stack([100 * ids + 2.0 * frame, 50.0 * ids, 0 * ids + 40, 0 * ids + 90])
    n = len(ids)
    ones = np.ones(n, dtype=np.int64)
    return GroundTruth(frame, ids, tlwh.astype(float), ones.astype(bool), ones, np.ones(n))


def as_tracks(truth: GroundTruth) -> TrackRows:
    """Return tracks that are the truth."""
    n = len(truth)
    return TrackRows(truth.frames, truth.ids, truth.tlwh, np.ones(n), np.full(n, 'person'))


def renamed(tracks: TrackRows, ids: IntArray) -> TrackRows:
    """Return the same boxes with other ids."""
    return TrackRows(tracks.frames, ids, tracks.tlwh, tracks.scores, tracks.class_ids)


def exchanged(name: str = 'walk', at: int = 10, frames: int = 20) -> ScoredSequence:
    """Return two people and tracks that exchange their ids after a frame."""
    truth = walk(2, frames)
    ids = np.where(truth.frames > at, 3 - truth.ids, truth.ids)
    tracks = renamed(as_tracks(truth), ids)
    return ScoredSequence(name, truth, tracks, range(1, frames + 1))
