"""Who was followed by which track, and where the identity switched, as CLEAR counts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.evaluation.preprocessing import ScoredSequence, preprocess
from strongsort_ros.tracking.detections import BoolArray, FloatArray, IntArray

NOBODY = int(np.iinfo(np.int64).min)
"""Stands for a track where a person was followed by none."""

_LEAST_OVERLAP = 0.5 - np.finfo(float).eps  # IoU, as TrackEval asks for it


@dataclass(frozen=True, slots=True)
class Following:
    """True persons over time, row i of every array belonging to one person in one frame.

    Attributes
    ----------
    people
        (N,) int64 true ids, ascending.
    frames
        (N,) int64, ascending for each person.
    tracks
        (N,) int64 ids of the tracks that followed, or `NOBODY`.
    switched
        (N,) bool: the person is followed by another track than when last followed.

    """

    people: IntArray
    frames: IntArray
    tracks: IntArray
    switched: BoolArray

    def __len__(self) -> int:
        return len(self.people)

    def of(self, person: int) -> Following:
        """Return the rows of one person, views of these arrays."""
        low, high = np.searchsorted(self.people, (person, person + 1))
        rows = slice(int(low), int(high))
        return Following(
            self.people[rows], self.frames[rows], self.tracks[rows], self.switched[rows]
        )


def follow(sequence: ScoredSequence) -> Following:
    """Match true persons to tracks frame by frame.

    The rule is CLEAR's (Bernardin and Stiefelhagen, 2008), as TrackEval has it and after its
    preprocessing: boxes overlap (IoU) by half at least, what was matched in the frame before
    stays, and the rest takes the pairs of largest overlap. So the number of switches is IDSW.
    """
    data = preprocess(sequence)
    truth = sequence.ground_truth
    names = np.unique(truth.ids[_scored(sequence)])
    frames, people, tracks = [], [], []
    before = np.full(len(names), NOBODY)
    for index, (ids, rows) in enumerate(
        zip(data['gt_ids'], data['tracker_confidences'], strict=True)
    ):
        if not len(ids):
            continue
        here = sequence.tracks.ids[rows.astype(np.int64)]
        followed = np.full(len(ids), NOBODY)
        if len(here):
            persons, columns = _match(data['similarity_scores'][index], before[ids], here)
            followed[persons] = here[columns]
            # A frame without any track is skipped by TrackEval: what was matched before it stays.
            before[:] = NOBODY
            before[ids] = followed
        frames.append(np.full(len(ids), sequence.frames.start + index))
        people.append(names[ids])
        tracks.append(followed)
    return _following(frames, people, tracks)


def _scored(sequence: ScoredSequence) -> BoolArray:
    """Return which true boxes TrackEval scores."""
    truth, frames = sequence.ground_truth, sequence.frames
    inside = (truth.frames >= frames.start) & (truth.frames < frames.stop)
    scored: BoolArray = inside & truth.considered & (truth.classes == 1)
    return scored


def _match(overlap: FloatArray, before: IntArray, here: IntArray) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the matches; `before` are the tracks of the frame before."""
    gain = overlap + 1000 * (before[:, None] == here[None, :])
    gain[overlap < _LEAST_OVERLAP] = 0
    rows, columns = linear_sum_assignment(gain, maximize=True)
    matched = gain[rows, columns] > 0
    return rows[matched], columns[matched]


def _following(frames: list[IntArray], people: list[IntArray], tracks: list[IntArray]) -> Following:
    if not frames:
        none = np.empty(0, dtype=np.int64)
        return Following(none, none, none, np.empty(0, dtype=bool))
    number, frame, track = (np.concatenate(parts) for parts in (people, frames, tracks))
    order = np.lexsort((frame, number))
    number, frame, track = number[order], frame[order], track[order]
    switched = np.zeros(len(order), dtype=bool)
    followed = np.flatnonzero(track != NOBODY)
    same_person = number[followed[1:]] == number[followed[:-1]]
    other_track = track[followed[1:]] != track[followed[:-1]]
    switched[followed[1:]] = same_person & other_track
    return Following(number, frame, track, switched)
