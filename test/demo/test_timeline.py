"""The page's timeline tells whom each track followed."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from strongsort_ros.recording.rows import GroundTruth, TrackRows

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def timeline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module('demonstration.timeline')


def rows(frames: list[int], ids: list[int], left: list[float]) -> TrackRows:
    tlwh = np.column_stack([left, np.zeros(len(ids)), np.full(len(ids), 10), np.full(len(ids), 20)])
    return TrackRows(
        np.array(frames), np.array(ids), tlwh, np.ones(len(ids)), np.full(len(ids), 'person')
    )


def truth(frames: list[int], ids: list[int], left: list[float]) -> GroundTruth:
    same = rows(frames, ids, left)
    ones = np.ones(len(ids))
    return GroundTruth(
        same.frames, same.ids, same.tlwh, ones.astype(bool), ones.astype(np.int64), ones
    )


def test_a_switch_and_a_gap_are_seen(timeline: ModuleType) -> None:
    people = truth([1, 1, 2, 3, 4, 5], [7, 8, 7, 7, 7, 7], [0, 100, 1, 2, 3, 4])
    tracks = rows([1, 1, 2, 4, 5], [3, 5, 3, 9, 9], [0, 120, 1, 3, 4])
    found = timeline.spans(people, tracks)
    assert found == {7: [(1, 3, 3), (3, 4, 0), (4, 6, 9)], 8: [(1, 2, 0)]}
    svg = timeline.draw_timeline(people, tracks)
    assert svg.count('<rect') == 4
    assert 'person 7' in svg
    assert 'frames 4 to 5: track 9' in svg


def test_the_larger_overlap_counts(timeline: ModuleType) -> None:
    people = truth([1, 1], [1, 2], [0, 3])
    tracks = rows([1, 1], [11, 12], [0.5, 3.5])
    assert timeline.spans(people, tracks) == {1: [(1, 2, 11)], 2: [(1, 2, 12)]}


def test_nothing_tracked_is_all_gaps(timeline: ModuleType) -> None:
    people = truth([1, 2], [1, 1], [0, 0])
    assert timeline.spans(people, TrackRows.empty()) == {1: [(1, 3, 0)]}
