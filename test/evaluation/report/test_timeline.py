"""Timelines: which track matches each person, and where identities switch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from strongsort_ros.evaluation.matching import UNMATCHED, match_to_ground_truth
from strongsort_ros.evaluation.report.timeline import (
    MOST_ROWS,
    Piece,
    Timeline,
    people_timeline,
    person_lane,
    track_lane,
    tracks_timeline,
)
from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth
from test.evaluation.walks import as_tracks, exchanged, renamed, walk


def svg(timeline: Timeline) -> str:
    """Return the elements of the drawing."""
    assert timeline.drawing is not None
    return timeline.drawing.body


def test_pieces_of_a_person() -> None:
    """Consecutive frames with one track are one piece; frames without the person are gaps."""
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
    """The marks of the people shown and the switches of those left out add up to IDSW."""
    golden = data_dir / 'golden' / 'deepsort'
    for pair in load_sequences(data_dir / 'mot17', golden, second_half=True):
        timeline = people_timeline(pair.name, [match_to_ground_truth(pair)], pair.frames)
        idsw = score([pair]).combined.idsw
        marks = len(re.findall(r'frame \d+: from track', svg(timeline)))
        assert marks + sum(timeline.hidden_switches) == idsw
        assert timeline.switches == [idsw]


def test_before_and_after_side_by_side() -> None:
    """Each person has two lines, with ids and frames in their titles."""
    sequence = exchanged()
    perfect = ScoredSequence('walk', sequence.ground_truth, as_tracks(walk(2)), sequence.frames)
    sides = [match_to_ground_truth(sequence), match_to_ground_truth(perfect)]
    timeline = people_timeline('walk', sides, sequence.frames)
    drawing = svg(timeline)
    assert drawing.count('<title>frames 1 to 10: track 1</title>') == 1
    assert drawing.count('<title>frames 1 to 20: track 1</title>') == 1
    assert drawing.count('class="switch"') == 2
    assert timeline.drawing is not None
    assert timeline.drawing.names.count('1 → 0') == 2
    assert timeline.switches == [2, 0]


def test_many_people_are_limited() -> None:
    """Only some people are drawn, and the rest are counted."""
    truth = walk(MOST_ROWS + 7, 3)
    sequence = ScoredSequence('crowd', truth, as_tracks(truth), range(1, 4))
    timeline = people_timeline('crowd', [match_to_ground_truth(sequence)], sequence.frames)
    assert timeline.drawing is not None
    assert timeline.drawing.names.count('>person ') == timeline.shown == MOST_ROWS
    assert (timeline.hidden, timeline.hidden_switches) == (7, [0])


def test_tracks_without_truth() -> None:
    """Without ground truth there is a row for each track, with its gaps."""
    truth = walk(2)
    tracks = as_tracks(truth).select((truth.frames < 5) | (truth.frames > 9))
    assert track_lane(tracks, 2).pieces == [Piece(1, 5, 2), Piece(10, 21, 2)]
    sequence = ScoredSequence('walk', GroundTruth.empty(), tracks, range(1, 21))
    drawing = svg(tracks_timeline([sequence, sequence]))
    assert drawing.count('<title>frames 10 to 20: track 2</title>') == 2
    # A track that was linked to another is gone after refinement.
    linked = ScoredSequence(
        'walk', GroundTruth.empty(), tracks.select(tracks.ids != 2), range(1, 21)
    )
    drawing = svg(tracks_timeline([sequence, linked]))
    assert drawing.count('<title>frames 10 to 20: track 2</title>') == 1
    empty = ScoredSequence('walk', truth, tracks.select(slice(0, 0)), range(1, 21))
    assert tracks_timeline([empty]).drawing is None


def test_a_long_recording_stays_small() -> None:
    """Pieces and switches within one pixel are drawn as one, and every switch is in a title."""
    frames = 20_000
    truth = walk(1, frames)
    tracks = renamed(as_tracks(truth), truth.frames)
    sequence = ScoredSequence('long', truth, tracks, range(1, frames + 1))
    lane = svg(people_timeline('long', [match_to_ground_truth(sequence)], sequence.frames))
    assert lane.count('<rect') <= 1000
    assert lane.count('from track') == frames - 1


def test_crowded_switches_are_enlarged() -> None:
    """Rows whose marks overlap are drawn again, wide enough that all marks are apart."""
    truth = walk(2, 600)
    ids = np.where((truth.ids == 1) & (truth.frames > 300), 5 + truth.frames // 3 % 2, truth.ids)
    ids = np.where(truth.frames > 384, truth.ids, ids)
    sequence = ScoredSequence('walk', truth, renamed(as_tracks(truth), ids), range(1, 601))
    timeline = people_timeline('walk', [match_to_ground_truth(sequence)], sequence.frames)
    enlarged = timeline.enlarged
    assert enlarged is not None
    assert '>person 1<' in enlarged.names
    assert '>person 2<' not in enlarged.names
    assert enlarged.frames == range(291, 395)
    marks = [
        int(x) for x in re.findall(r'class="switch" data-frame="\d+" d="M(\d+) ', enlarged.body)
    ]
    assert len(marks) == timeline.switches[0] == 30
    assert min(np.diff(marks)) >= 9
    assert 0 < marks[0] < marks[-1] < enlarged.width
    edges = [
        (float(x), float(x) + float(width))
        for x, width in re.findall(r'<rect x="([-\d.]+)" y="\d+" width="([\d.]+)"', enlarged.body)
    ]
    assert min(edges)[0] == 0
    assert max(edge for _, edge in edges) <= enlarged.width + 0.1
    few = exchanged()
    assert people_timeline('walk', [match_to_ground_truth(few)], few.frames).enlarged is None
