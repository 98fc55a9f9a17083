"""Identity switches, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from strongsort_ros.evaluation.following import NOBODY, Following


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


def find_switches(name: str, following: Following) -> list[Switch]:
    """Return the switches of a sequence, by person and frame."""
    people = np.unique(following.people[following.switched])
    return [s for person in people.tolist() for s in _of_person(name, person, following)]


def _of_person(name: str, person: int, following: Following) -> Iterator[Switch]:
    mine = following.of(person)
    followed = mine.tracks != NOBODY
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
