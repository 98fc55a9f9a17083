"""Matches and identity switches agree with TrackEval's counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.evaluation.matching import (
    UNMATCHED,
    Switch,
    find_switches,
    match_to_ground_truth,
    worst_first,
)
from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth, TrackRows
from test.evaluation.walks import as_tracks, exchanged, renamed, walk


@pytest.mark.parametrize('switches', ['deepsort', 'strongsort', 'strongsort_aflink_gsi'])
def test_agrees_with_trackeval(data_dir: Path, switches: str) -> None:
    """Switches, misses and boxes equal TrackEval's counts, on every sequence."""
    pairs = load_sequences(data_dir / 'mot17', data_dir / 'golden' / switches, second_half=True)
    for pair in pairs:
        scores, found = score([pair]).combined, match_to_ground_truth(pair)
        assert np.count_nonzero(found.switched) == scores.idsw
        assert np.count_nonzero(found.tracks == UNMATCHED) == scores.misses
        misses, false = found.errors(pair.frames)
        assert (misses.sum(), false.sum()) == (scores.misses, scores.false_positives)
        assert (len(found), len(np.unique(found.people))) == (scores.true_boxes, scores.true_ids)


def test_ids_are_those_of_the_files() -> None:
    """TrackEval renumbers ids; matches have the ids and frames of the files."""
    truth = walk(3)
    truth = GroundTruth(
        truth.frames, truth.ids * 1000, truth.tlwh, truth.considered, truth.classes,
        truth.visibility,
    )  # fmt: skip
    tracks = renamed(as_tracks(truth), truth.ids * 7 + 2**40)
    found = match_to_ground_truth(ScoredSequence('walk', truth, tracks, range(5, 15)))
    assert found.people.tolist() == np.repeat([1000, 2000, 3000], 10).tolist()
    assert found.frames.tolist() == [*range(5, 15)] * 3
    assert (found.tracks == found.people * 7 + 2**40).all()
    assert found.of(2000).tracks.tolist() == [2000 * 7 + 2**40] * 10
    assert not found.switched.any()
    assert len(found.of(4)) == 0


def test_a_switch_over_a_gap() -> None:
    """A person who is lost and then matched by another track gives one switch, at the match."""
    truth = walk(1)
    tracks = renamed(as_tracks(truth), np.where(truth.frames > 12, 6, 5))
    tracks = tracks.select((truth.frames <= 8) | (truth.frames > 12))
    found = match_to_ground_truth(ScoredSequence('walk', truth, tracks, range(1, 21)))
    assert found.tracks.tolist() == [5] * 8 + [UNMATCHED] * 4 + [6] * 8
    assert found.frames[found.switched].tolist() == [13]


def test_distractors_are_no_people() -> None:
    """Distractors are left out; the others keep their ids."""
    truth = walk(3)
    classes = np.where(truth.ids == 1, 12, 1)
    reflected = GroundTruth(
        truth.frames, truth.ids, truth.tlwh, truth.considered, classes, truth.visibility
    )
    found = match_to_ground_truth(ScoredSequence('walk', reflected, as_tracks(truth), range(1, 21)))
    assert np.unique(found.people).tolist() == [2, 3]
    assert (found.tracks == found.people).all()


def test_no_tracks_and_no_truth() -> None:
    """Without tracks nobody is matched; without ground truth there are no rows."""
    found = match_to_ground_truth(ScoredSequence('walk', walk(2), TrackRows.empty(), range(1, 21)))
    assert len(found) == 40
    assert (found.tracks == UNMATCHED).all()
    tracks = exchanged().tracks
    assert (
        len(
            match_to_ground_truth(ScoredSequence('walk', GroundTruth.empty(), tracks, range(1, 21)))
        )
        == 0
    )


def switches_of(*ids: int) -> list[Switch]:
    """Return the switches of one person matched by these tracks, frame by frame."""
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
    """Frames are lost only until the old track returns; frames kept include its earlier ones."""
    first, second, third = switches_of(1, 1, 1, 2, 2, 1, 1, 3, 3, 3, 3)
    assert (first.frames_kept, first.frames_lost) == (3, 2)
    assert (second.old, second.frames_kept, second.frames_lost) == (2, 2, 6)
    assert (third.frames_kept, third.frames_lost) == (5, 4)
    assert worst_first([first, second, third]) == [third, second, first]


def test_no_switch() -> None:
    """One track from end to end has no switch."""
    assert switches_of(4, 4, 4) == []
