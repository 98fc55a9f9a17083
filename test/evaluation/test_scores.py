"""Scores: the published table to the last digit, and cases with known results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.evaluation.scores import ALPHAS, ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth, TrackRows
from test.evaluation.walks import as_tracks, walk

TABLE = """
deepsort 72.54 76.78 68.90 85.87 79.74 124
nsa 72.72 76.94 69.07 85.74 79.71 136
ema 73.11 77.76 69.10 87.04 80.15 72
ecc 72.37 76.61 68.72 85.81 79.70 129
mc 72.33 76.15 69.09 85.30 80.22 73
woc 72.53 76.85 68.83 85.69 79.63 142
bot_only 71.67 74.74 69.12 84.51 80.28 71
strongsort 72.86 77.05 69.23 85.79 80.08 82
strongsort_gsi 74.80 78.61 71.57 87.48 83.35 55
strongsort_aflink_gsi 74.79 78.59 71.56 87.51 83.33 57
"""


@pytest.mark.parametrize('row', TABLE.strip().splitlines())
def test_published_table(data_dir: Path, row: str) -> None:
    """The output of the published program has the scores of its table, to the last digit."""
    name, *expected = row.split()
    evaluation = score(
        load_sequences(data_dir / 'mot17', data_dir / 'golden' / name, second_half=True)
    )
    c = evaluation.combined
    shares = [f'{value:.2f}' for value in (c.hota, c.assa, c.deta, c.idf1, c.mota)]
    assert [*shares, str(c.idsw)] == expected
    assert len(evaluation.sequences) == 4


def test_ground_truth_of_mot15(data_dir: Path) -> None:
    """Files without classes are read; considered boxes score 100 against themselves."""
    for name in ('KITTI-17', 'TUD-Campus'):
        truth = data_dir / 'mot15' / name / 'gt' / 'gt.txt'
        scores = score(load_sequences(truth, truth)).combined
        assert scores.misses == 0
        assert scores.hota > (99 if name == 'TUD-Campus' else 80)


def test_truth_scores_all() -> None:
    """Ground truth against itself is perfect at every overlap, and names are kept."""
    truth = walk()
    two = [ScoredSequence(name, truth, as_tracks(truth), range(1, 21)) for name in 'ab']
    evaluation = score(two)
    assert [s.name for s in evaluation.sequences] == ['a', 'b']
    for s in (*evaluation.sequences, evaluation.combined):
        assert (s.hota, s.idf1, s.mota, s.idsw, s.false_positives, s.misses) == pytest.approx(
            (100, 100, 100, 0, 0, 0)
        )
        assert s.hota_over_alpha == pytest.approx([100] * len(ALPHAS))
    assert evaluation.combined.true_boxes == 120


def test_a_switch_is_counted() -> None:
    """Two people who exchange ids give two switches and nothing else."""
    truth = walk()
    ids = truth.ids.copy()
    late = truth.frames > 10
    ids[late & (truth.ids == 1)] = 2
    ids[late & (truth.ids == 2)] = 1
    tracks = TrackRows(truth.frames, ids, truth.tlwh, np.ones(len(ids)), np.full(len(ids), ''))
    scores = score([ScoredSequence('walk', truth, tracks, range(1, 21))]).combined
    assert scores.idsw == 2
    assert scores.deta == pytest.approx(100)
    assert scores.mota == pytest.approx(100 * (1 - 2 / 60))
    assert scores.idf1 == pytest.approx(100 * (20 + 2 * 10) / 60)


def test_distractors_are_neither_right_nor_wrong() -> None:
    """Tracks on a reflection are ignored; on a person who is not considered they are false."""
    truth = walk()
    classes = np.where(truth.ids == 3, 12, 1)
    reflected = GroundTruth(
        truth.frames, truth.ids, truth.tlwh, truth.considered, classes, truth.visibility
    )
    everyone = as_tracks(truth)
    scores = score([ScoredSequence('walk', reflected, everyone, range(1, 21))]).combined
    assert (scores.hota, scores.true_boxes, scores.boxes) == pytest.approx((100, 40, 40))
    hidden = GroundTruth(
        truth.frames, truth.ids, truth.tlwh, truth.ids != 3, truth.classes, truth.visibility
    )
    scores = score([ScoredSequence('walk', hidden, everyone, range(1, 21))]).combined
    assert (scores.true_boxes, scores.false_positives) == (40, 20)


def test_only_the_frames_asked_for() -> None:
    """Boxes of other frames do not count."""
    truth = walk()
    tracks = as_tracks(truth)
    late = tracks.select(tracks.frames > 5)
    scores = score([ScoredSequence('walk', truth, late, range(6, 21))]).combined
    assert (scores.hota, scores.true_boxes) == pytest.approx((100, 45))


def test_nothing_found_and_huge_ids() -> None:
    """No tracks score 0; large ids take no memory."""
    truth = walk()
    none = score([ScoredSequence('walk', truth, TrackRows.empty(), range(1, 21))]).combined
    assert (none.hota, none.misses) == (0, 60)
    tracks = as_tracks(truth)
    huge = TrackRows(
        tracks.frames, tracks.ids + 2**50, tracks.tlwh, tracks.scores, tracks.class_ids
    )
    scores = score([ScoredSequence('walk', truth, huge, range(1, 21))]).combined
    assert scores.hota == pytest.approx(100)


def test_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """TrackEval prints nothing."""
    truth = walk()
    score([ScoredSequence('walk', truth, as_tracks(truth), range(1, 21))])
    assert capfd.readouterr() == ('', '')


def test_no_sequence() -> None:
    """No sequences are an error."""
    with pytest.raises(InputError, match='no sequence'):
        score([])
