"""Who followed whom: the counts of TrackEval, and the people of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.evaluation.matching import UNMATCHED, match_to_ground_truth
from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth, TrackRows
from test.evaluation.walks import as_tracks, exchanged, renamed, walk


@pytest.mark.parametrize('switches', ['deepsort', 'strongsort', 'strongsort_aflink_gsi'])
def test_agrees_with_trackeval(data_dir: Path, switches: str) -> None:
    """Switches, misses and boxes are those that TrackEval counts, on every sequence."""
    pairs = load_sequences(data_dir / 'mot17', data_dir / 'golden' / switches, second_half=True)
    for pair in pairs:
        scores, found = score([pair]).combined, match_to_ground_truth(pair)
        assert np.count_nonzero(found.switched) == scores.idsw
        assert np.count_nonzero(found.tracks == UNMATCHED) == scores.misses
        assert (len(found), len(np.unique(found.people))) == (scores.true_boxes, scores.true_ids)


def test_ids_are_those_of_the_files() -> None:
    """TrackEval numbers anew; what comes back has the files' numbers and frames."""
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
    """A person who is lost and found again by another track is one switch, where found."""
    truth = walk(1)
    tracks = renamed(as_tracks(truth), np.where(truth.frames > 12, 6, 5))
    tracks = tracks.select((truth.frames <= 8) | (truth.frames > 12))
    found = match_to_ground_truth(ScoredSequence('walk', truth, tracks, range(1, 21)))
    assert found.tracks.tolist() == [5] * 8 + [UNMATCHED] * 4 + [6] * 8
    assert found.frames[found.switched].tolist() == [13]


def test_distractors_are_no_people() -> None:
    """Who is not scored is not there; the others keep their numbers."""
    truth = walk(3)
    classes = np.where(truth.ids == 1, 12, 1)
    reflected = GroundTruth(
        truth.frames, truth.ids, truth.tlwh, truth.considered, classes, truth.visibility
    )
    found = match_to_ground_truth(ScoredSequence('walk', reflected, as_tracks(truth), range(1, 21)))
    assert np.unique(found.people).tolist() == [2, 3]
    assert (found.tracks == found.people).all()


def test_no_tracks_and_no_truth() -> None:
    """Nobody is followed by no tracks, and nobody is there without truth."""
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
