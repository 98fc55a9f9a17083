"""The chart of misses and false positives over time."""

from __future__ import annotations

import re

import numpy as np
import pytest

from strongsort_ros.evaluation.matching import match_to_ground_truth
from strongsort_ros.evaluation.report.errors import errors_chart
from strongsort_ros.evaluation.report.time_axis import TimeAxis
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.rows import TrackRows
from test.evaluation.walks import as_tracks, renamed, walk


def partly_wrong(frames: int = 20) -> ScoredSequence:
    """Return three people: two are missed in frames 5 and 6, one false box is in frame 10."""
    truth = walk(3, frames)
    tracks = as_tracks(truth)
    missed = np.isin(truth.frames, (5, 6)) & (truth.ids > 1)
    tracks = tracks.select(~missed)
    tlwh = tracks.tlwh + 500.0 * ((tracks.frames == 10) & (tracks.ids == 3))[:, None] * (1, 0, 0, 0)
    tracks = TrackRows(tracks.frames, tracks.ids, tlwh, tracks.scores, tracks.class_ids)
    return ScoredSequence('walk', truth, tracks, range(1, frames + 1))


def test_errors_of_each_frame() -> None:
    """A box in the wrong place is a miss and a false positive."""
    sequence = partly_wrong()
    misses, false = match_to_ground_truth(sequence).errors(sequence.frames)
    assert np.flatnonzero(misses).tolist() == [4, 5, 9]
    assert misses[[4, 5, 9]].tolist() == [2, 2, 1]
    assert np.flatnonzero(false).tolist() == [9]
    none = ScoredSequence('walk', walk(3), TrackRows.empty(), range(1, 21))
    misses, false = match_to_ground_truth(none).errors(none.frames)
    assert misses.tolist() == [3] * 20
    assert not false.any()


def heights(path: str) -> list[float]:
    return [float(y) for y in re.findall(r'V([\d.]+)H', path)]


def test_misses_are_above_and_false_positives_below() -> None:
    """Curves have a step for each frame; the largest number is at the edge."""
    sequence = partly_wrong()
    chart = errors_chart('walk', [match_to_ground_truth(sequence)], sequence.frames)
    (misses,) = re.findall(r'class="area misses" d="M0 \d+(.*?)"', chart.body)
    (false,) = re.findall(r'class="area false" d="M0 \d+(.*?)"', chart.body)
    up, down = heights(misses), heights(false)
    middle = up[0]
    assert len(up) == len(down) == 20
    assert up[4] == up[5] == min(up) < up[9] < middle
    assert down[9] == max(down) > middle
    assert [i for i, y in enumerate(down) if y != middle] == [9]
    assert re.findall(r'>(\d+)<', chart.names) == ['2', '1']
    both = errors_chart('walk', [match_to_ground_truth(sequence)] * 2, sequence.frames)
    assert both.body.count('line broken') == 2


def test_a_long_recording_is_averaged() -> None:
    """Many frames share a step, and the mean is kept."""
    truth = walk(1, 5000)
    tracks = as_tracks(truth).select(truth.frames % 2 == 0)
    sequence = ScoredSequence('walk', truth, renamed(tracks, tracks.ids), range(1, 5001))
    chart = errors_chart('walk', [match_to_ground_truth(sequence)], sequence.frames)
    (misses,) = re.findall(r'class="area misses" d="M0 (\d+.*?)"', chart.body)
    middle, found = float(misses.split('V')[0]), heights(misses)
    assert len(found) <= 480
    assert np.mean(found) == pytest.approx((middle + 24) / 2, abs=3)


@pytest.mark.parametrize('frames', [range(1, 2), range(264, 526), range(20_001)])
def test_the_axis_has_a_few_round_numbers(frames: range) -> None:
    numbers = [int(n) for n in re.findall(r'>(\d+)<', ''.join(TimeAxis(frames).grid(50)))]
    assert 1 <= len(numbers) <= 12
    assert set(np.diff(numbers)) <= {50, 2000}
