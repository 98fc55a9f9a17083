"""Who was followed by which track, and where the identity switched, as CLEAR counts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.evaluation.scores import ScoredSequence, preprocess
from strongsort_ros.types import BoolArray, FloatArray, IntArray

UNMATCHED = int(np.iinfo(np.int64).min)
"""Stands for a track where a person was followed by none."""

_LEAST_OVERLAP = 0.5 - np.finfo(float).eps  # IoU, as TrackEval asks for it


@dataclass(frozen=True, slots=True)
class TrackMatches:
    """True persons over time, row i of every array belonging to one person in one frame.

    Attributes
    ----------
    people
        (N,) int64 true ids, ascending.
    frames
        (N,) int64, ascending for each person.
    tracks
        (N,) int64 ids of the tracks that followed, or `UNMATCHED`.
    switched
        (N,) bool: the person is followed by another track than when last followed.

    """

    people: IntArray
    frames: IntArray
    tracks: IntArray
    switched: BoolArray

    def __len__(self) -> int:
        return len(self.people)

    def of(self, person: int) -> TrackMatches:
        """Return the rows of one person, views of these arrays."""
        low, high = np.searchsorted(self.people, (person, person + 1))
        rows = slice(int(low), int(high))
        return TrackMatches(
            self.people[rows], self.frames[rows], self.tracks[rows], self.switched[rows]
        )


def match_to_ground_truth(sequence: ScoredSequence) -> TrackMatches:
    """Match true persons to tracks frame by frame.

    The rule is CLEAR's (Bernardin and Stiefelhagen, 2008), as TrackEval has it and after its
    preprocessing: boxes overlap (IoU) by half at least, what was matched in the frame before
    stays, and the rest takes the pairs of largest overlap. So the number of switches is IDSW.
    """
    data = preprocess(sequence)
    truth = sequence.ground_truth
    names = np.unique(truth.ids[_scored(sequence)])
    frames, people, tracks = [], [], []
    before = np.full(len(names), UNMATCHED)
    for index, (ids, rows) in enumerate(
        zip(data['gt_ids'], data['tracker_confidences'], strict=True)
    ):
        if not len(ids):
            continue
        here = sequence.tracks.ids[rows.astype(np.int64)]
        followed = np.full(len(ids), UNMATCHED)
        if len(here):
            persons, columns = _match(data['similarity_scores'][index], before[ids], here)
            followed[persons] = here[columns]
            # A frame without any track is skipped by TrackEval: what was matched before it stays.
            before[:] = UNMATCHED
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


def _following(
    frames: list[IntArray], people: list[IntArray], tracks: list[IntArray]
) -> TrackMatches:
    if not frames:
        none = np.empty(0, dtype=np.int64)
        return TrackMatches(none, none, none, np.empty(0, dtype=bool))
    number, frame, track = (np.concatenate(parts) for parts in (people, frames, tracks))
    order = np.lexsort((frame, number))
    number, frame, track = number[order], frame[order], track[order]
    switched = np.zeros(len(order), dtype=bool)
    followed = np.flatnonzero(track != UNMATCHED)
    same_person = number[followed[1:]] == number[followed[:-1]]
    other_track = track[followed[1:]] != track[followed[:-1]]
    switched[followed[1:]] = same_person & other_track
    return TrackMatches(number, frame, track, switched)


@dataclass(frozen=True, slots=True)
class Switch:
    """A true person is followed by another track than when last followed.

    Attributes
    ----------
    sequence
        Its name.
    person
        True id.
    last_frame, old
        When the person was last followed by the track before, and that track's id.
    frame, new
        When another track first follows, and its id.
    frames_kept
        Frames in which the old track had followed the person.
    frames_lost
        Frames in which others then follow, until the old one is back or to the end.

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
        """Frames whose identity is wrong, whichever of the two tracks is called the right one.

        A short wrong track before or after a long right one harms little; an identity that was
        known for long and is lost for long harms most.
        """
        return min(self.frames_kept, self.frames_lost)


def find_switches(name: str, following: TrackMatches) -> list[Switch]:
    """Return the switches of a sequence, by person and frame."""
    people = np.unique(following.people[following.switched])
    return [s for person in people.tolist() for s in _of_person(name, person, following)]


def _of_person(name: str, person: int, following: TrackMatches) -> Iterator[Switch]:
    mine = following.of(person)
    followed = mine.tracks != UNMATCHED
    tracks, frames = mine.tracks[followed], mine.frames[followed]
    for i in np.flatnonzero(mine.switched[followed]).tolist():
        old = tracks[i - 1]
        back = np.flatnonzero(tracks[i:] == old)
        yield Switch(
            name, person,
            last_frame=int(frames[i - 1]), old=int(old), frame=int(frames[i]), new=int(tracks[i]),
            frames_kept=int(np.count_nonzero(tracks[:i] == old)),
            frames_lost=int(back[0]) if len(back) else len(tracks) - i,
        )  # fmt: skip


def worst_first(switches: Iterable[Switch]) -> list[Switch]:
    """Return switches by harm, then by the longer of their two parts, then by time."""
    return sorted(
        switches,
        key=lambda s: (-s.harm, -max(s.frames_kept, s.frames_lost), s.sequence, s.frame, s.person),
    )
