"""Matches of true persons with tracks, and identity switches, by the rules of CLEAR."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.evaluation.scores import ScoredSequence, preprocess
from strongsort_ros.types import BoolArray, FloatArray, IntArray

UNMATCHED = int(np.iinfo(np.int64).min)
"""Track id of a person whom no track matches."""

_MIN_OVERLAP = 0.5 - np.finfo(float).eps  # IoU, as in TrackEval


@dataclass(frozen=True, slots=True)
class TrackMatches:
    """Matches over time: row i of every array is one person in one frame.

    Attributes
    ----------
    people
        (N,) int64 true ids, ascending.
    frames
        (N,) int64, ascending for each person.
    tracks
        (N,) int64 ids of the matched tracks, or `UNMATCHED`.
    switched
        (N,) bool: the track differs from the last one that matched the person.
    boxes
        (F,) int64: number of boxes of tracks in each frame of the sequence.

    """

    people: IntArray
    frames: IntArray
    tracks: IntArray
    switched: BoolArray
    boxes: IntArray

    def __len__(self) -> int:
        return len(self.people)

    def of(self, person: int) -> TrackMatches:
        """Return the rows of one person, as views of these arrays."""
        low, high = np.searchsorted(self.people, (person, person + 1))
        rows = slice(int(low), int(high))
        return TrackMatches(
            self.people[rows], self.frames[rows], self.tracks[rows], self.switched[rows],
            self.boxes,
        )  # fmt: skip

    def errors(self, frames: range) -> tuple[IntArray, IntArray]:
        """Return the number of misses and of false positives in each frame of the sequence."""
        matched = self.tracks != UNMATCHED
        hits, misses = (
            np.bincount(self.frames[rows] - frames.start, minlength=len(frames))
            for rows in (matched, ~matched)
        )
        return misses, self.boxes - hits


def match_to_ground_truth(sequence: ScoredSequence) -> TrackMatches:
    """Match true persons to tracks frame by frame.

    The rule is that of CLEAR (Bernardin and Stiefelhagen, 2008) as implemented by TrackEval, after
    its preprocessing: boxes match at an IoU of at least 0.5, pairs of the frame before are kept,
    and the others are assigned by largest overlap. The number of switches equals IDSW.
    """
    data = preprocess(sequence)
    truth = sequence.ground_truth
    names = np.unique(truth.ids[_scored(sequence)])  # TrackEval renumbers them in this order
    frames, people, tracks = [], [], []
    before = np.full(len(names), UNMATCHED)
    for index, (ids, rows) in enumerate(
        zip(data['gt_ids'], data['tracker_confidences'], strict=True)
    ):
        if not len(ids):
            continue
        track_ids = sequence.tracks.ids[rows.astype(np.int64)]
        matched = np.full(len(ids), UNMATCHED)
        if len(track_ids):
            persons, columns = _match(data['similarity_scores'][index], before[ids], track_ids)
            matched[persons] = track_ids[columns]
            # TrackEval skips frames without any track: the matches before them are kept.
            before[:] = UNMATCHED
            before[ids] = matched
        frames.append(np.full(len(ids), sequence.frames.start + index))
        people.append(names[ids])
        tracks.append(matched)
    boxes = np.array([len(rows) for rows in data['tracker_confidences']], dtype=np.int64)
    return _in_order(frames, people, tracks, boxes)


def _scored(sequence: ScoredSequence) -> BoolArray:
    """Return a mask of the true boxes that TrackEval scores."""
    truth, frames = sequence.ground_truth, sequence.frames
    inside = (truth.frames >= frames.start) & (truth.frames < frames.stop)
    scored: BoolArray = inside & truth.considered & (truth.classes == 1)
    return scored


def _match(overlap: FloatArray, before: IntArray, track_ids: IntArray) -> tuple[IntArray, IntArray]:
    """Return the persons and tracks of the matches, given the tracks of the frame before."""
    gain = overlap + 1000 * (before[:, None] == track_ids[None, :])
    gain[overlap < _MIN_OVERLAP] = 0
    rows, columns = linear_sum_assignment(gain, maximize=True)
    matched = gain[rows, columns] > 0
    return rows[matched], columns[matched]


def _in_order(
    frames: list[IntArray], people: list[IntArray], tracks: list[IntArray], boxes: IntArray
) -> TrackMatches:
    if not frames:
        none = np.empty(0, dtype=np.int64)
        return TrackMatches(none, none, none, np.empty(0, dtype=bool), boxes)
    person, frame, track = (np.concatenate(parts) for parts in (people, frames, tracks))
    order = np.lexsort((frame, person))
    person, frame, track = person[order], frame[order], track[order]
    switched = np.zeros(len(order), dtype=bool)
    matched = np.flatnonzero(track != UNMATCHED)
    same_person = person[matched[1:]] == person[matched[:-1]]
    other_track = track[matched[1:]] != track[matched[:-1]]
    switched[matched[1:]] = same_person & other_track
    return TrackMatches(person, frame, track, switched, boxes)


@dataclass(frozen=True, slots=True)
class Switch:
    """Identity switch: another track matches a person than before.

    Attributes
    ----------
    sequence
        Name of the sequence.
    person
        True id.
    last_frame, old
        Last frame of the old track, and its id.
    frame, new
        First frame of the new track, and its id.
    frames_kept
        Number of frames in which the old track matched the person until then.
    frames_lost
        Number of frames in which other tracks match then, until the old one returns or to the end.

    """

    sequence: str
    person: int
    last_frame: int
    old: int
    frame: int
    new: int
    frames_kept: int
    frames_lost: int

    @property
    def harm(self) -> int:
        """Number of frames with a wrong identity, if the longer part is taken for the right one.

        A short wrong track before or after a long one does little harm; an identity that is kept
        for long and then lost for long does most.
        """
        return min(self.frames_kept, self.frames_lost)


def find_switches(name: str, matches: TrackMatches) -> list[Switch]:
    """Return the switches of a sequence, by person and frame."""
    people = np.unique(matches.people[matches.switched])
    return [
        switch
        for person in people.tolist()
        for switch in _person_switches(name, person, matches.of(person))
    ]


def _person_switches(name: str, person: int, matches: TrackMatches) -> Iterator[Switch]:
    matched = matches.tracks != UNMATCHED
    tracks, frames = matches.tracks[matched], matches.frames[matched]
    for i in np.flatnonzero(matches.switched[matched]).tolist():
        old = tracks[i - 1]
        back = np.flatnonzero(tracks[i:] == old)
        yield Switch(
            name, person,
            last_frame=int(frames[i - 1]), old=int(old), frame=int(frames[i]), new=int(tracks[i]),
            frames_kept=int(np.count_nonzero(tracks[:i] == old)),
            frames_lost=int(back[0]) if len(back) else len(tracks) - i,
        )  # fmt: skip


def worst_first(switches: Iterable[Switch]) -> list[Switch]:
    """Return the switches sorted by harm, then by their longer part, then by frame."""
    return sorted(
        switches,
        key=lambda s: (-s.harm, -max(s.frames_kept, s.frames_lost), s.sequence, s.frame, s.person),
    )
