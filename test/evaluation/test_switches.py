"""Identity switches: what each tells, and which is worst."""

from __future__ import annotations

import numpy as np

from strongsort_ros.evaluation.matching import (
    Switch,
    find_switches,
    match_to_ground_truth,
    worst_first,
)
from strongsort_ros.evaluation.scores import ScoredSequence
from test.evaluation.walks import as_tracks, exchanged, renamed, walk


def switches_of(*ids: int) -> list[Switch]:
    """Return the switches of one person who is followed by these tracks, frame by frame."""
    truth = walk(1, len(ids))
    tracks = renamed(as_tracks(truth), np.array(ids))
    return find_switches(
        'one', match_to_ground_truth(ScoredSequence('one', truth, tracks, range(1, len(ids) + 1)))
    )


def test_an_exchange() -> None:
    """Both people lose their tracks at one frame."""
    sequence = exchanged('walk', at=15, frames=20)
    found = find_switches('walk', match_to_ground_truth(sequence))
    assert [(s.person, s.last_frame, s.old, s.frame, s.new) for s in found] == [
        (1, 15, 1, 16, 2),
        (2, 15, 2, 16, 1),
    ]
    assert {(s.frames_kept, s.frames_lost, s.harm) for s in found} == {(15, 5, 5)}


def test_there_and_back() -> None:
    """A track that returns is lost only meanwhile, and it counts what it followed before."""
    first, second, third = switches_of(1, 1, 1, 2, 2, 1, 1, 3, 3, 3, 3)
    assert (first.frames_kept, first.frames_lost) == (3, 2)
    assert (second.old, second.frames_kept, second.frames_lost) == (2, 2, 6)
    assert (third.frames_kept, third.frames_lost) == (5, 4)
    assert worst_first([first, second, third]) == [third, second, first]


def test_no_switch() -> None:
    """One track all along is none."""
    assert switches_of(4, 4, 4) == []
