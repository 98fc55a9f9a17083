"""The timeline tells whom each track followed, and where identities switched."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from strongsort_ros.evaluation.matching import UNMATCHED, match_to_ground_truth
from strongsort_ros.evaluation.report.timeline import Piece, person_lane, track_lane
from strongsort_ros.evaluation.report.timelines import MOST_ROWS, people_timeline, tracks_timeline
from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth
from test.evaluation.walks import as_tracks, exchanged, renamed, walk


def test_pieces_of_a_person() -> None:
    """Consecutive frames with one track are one piece; without a track, and away, are gaps."""
    truth = walk(1)
    truth = truth.select((truth.frames <= 15) | (truth.frames > 17))
    tracks = renamed(as_tracks(truth), np.where(truth.frames > 8, 6, 5))
    tracks = tracks.select((tracks.frames <= 8) | (tracks.frames > 10))
    lane = person_lane(
        match_to_ground_truth(ScoredSequence('walk', truth, tracks, range(1, 21))).of(1)
    )
    assert lane.pieces == [
        Piece(1, 9, 5), Piece(9, 11, UNMATCHED), Piece(11, 16, 6), Piece(18, 21, 6),
    ]  # fmt: skip
    assert lane.switches == [(11, 5, 6)]


def test_as_many_marks_as_switches(data_dir: Path) -> None:
    """The marks of the people shown and the number of those left out make IDSW."""
    golden = data_dir / 'golden' / 'deepsort'
    for pair in load_sequences(data_dir / 'mot17', golden, second_half=True):
        drawing = people_timeline(pair.name, [match_to_ground_truth(pair)], pair.frames)
        idsw = score([pair]).combined.idsw
        hidden = re.search(r'left out are \d+ people, switches: (\d+)', drawing)
        marks = len(re.findall(r'frame \d+: from track', drawing))
        assert marks + int(hidden[1] if hidden else 0) == idsw
        assert f'Switches: {idsw}.' in drawing


def test_before_and_after_side_by_side() -> None:
    """Each person has two lines; ids, frames and counts are told in words."""
    sequence = exchanged()
    mended = ScoredSequence('walk', sequence.ground_truth, as_tracks(walk(2)), sequence.frames)
    drawing = people_timeline(
        'walk', [match_to_ground_truth(sequence), match_to_ground_truth(mended)], sequence.frames
    )
    assert drawing.count('<title>frames 1 to 10: track 1</title>') == 1
    assert drawing.count('<title>frames 1 to 20: track 1</title>') == 1
    assert drawing.count('class="switch"') == 2
    assert drawing.count('1 → 0') == 2
    assert '2 before, 0 after' in drawing


def test_many_people_are_limited() -> None:
    """Only some people are drawn, and what is left out is said."""
    truth = walk(MOST_ROWS + 7, 3)
    sequence = ScoredSequence('crowd', truth, as_tracks(truth), range(1, 4))
    drawing = people_timeline('crowd', [match_to_ground_truth(sequence)], sequence.frames)
    assert drawing.count('>person ') == MOST_ROWS
    assert 'left out are 7 people, switches: 0' in drawing


def test_tracks_without_truth() -> None:
    """Without the truth there is a row for each track, gaps included, and none for none."""
    truth = walk(2)
    tracks = as_tracks(truth).select((truth.frames < 5) | (truth.frames > 9))
    assert track_lane(tracks, 2).pieces == [Piece(1, 5, 2), Piece(10, 21, 2)]
    sequence = ScoredSequence('walk', GroundTruth.empty(), tracks, range(1, 21))
    drawing = tracks_timeline([sequence, sequence])
    assert drawing.count('<title>frames 10 to 20: track 2</title>') == 2
    # A track that was linked to another is gone after refinement.
    linked = ScoredSequence(
        'walk', GroundTruth.empty(), tracks.select(tracks.ids != 2), range(1, 21)
    )
    drawing = tracks_timeline([sequence, linked])
    assert drawing.count('<title>frames 10 to 20: track 2</title>') == 1
    empty = ScoredSequence('walk', truth, tracks.select(slice(0, 0)), range(1, 21))
    assert 'nothing to show' in tracks_timeline([empty])


def test_a_long_recording_stays_small() -> None:
    """Pieces and switches within one pixel are drawn as one, and all are told."""
    frames = 20_000
    truth = walk(1, frames)
    tracks = renamed(as_tracks(truth), truth.frames)
    lane = people_timeline(
        'long',
        [match_to_ground_truth(ScoredSequence('long', truth, tracks, range(1, frames + 1)))],
        range(1, frames + 1),
    )
    assert lane.count('<rect') <= 1000
    assert lane.count('from track') == frames - 1
