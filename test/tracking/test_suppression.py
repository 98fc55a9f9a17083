"""Non-maximum suppression of DeepSORT, and the setting that turns it on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros import Detections, Tracker, TrackerSettings
from strongsort_ros.tracking.detection_filter import ClassCodes, filter_detections
from strongsort_ros.tracking.settings import PRESETS
from strongsort_ros.tracking.suppression import suppress
from strongsort_ros.types import FloatArray

# Box 1 covers 9 of 10 columns of box 0, box 2 is apart; a side of 9 is 10 pixels.
THREE = np.array([[1.0, 0, 9, 9], [0, 0, 9, 9], [50, 0, 9, 9]])


def one_by_one(tlwh: FloatArray, max_overlap: float) -> list[bool]:
    """Return which boxes remain, by the definition."""
    kept: list[int] = []
    for i, (x, y, w, h) in enumerate(tlwh.tolist()):
        covered = False
        for j in kept:
            left, top, width, height = tlwh[j].tolist()
            across = min(x + w, left + width) - max(x, left) + 1
            down = min(y + h, top + height) - max(y, top) + 1
            share = max(across, 0) * max(down, 0) / ((w + 1) * (h + 1))
            covered |= share > max_overlap
        if not covered:
            kept.append(i)
    return [i in kept for i in range(len(tlwh))]


@given(
    boxes=st.lists(st.tuples(*[st.integers(1, 30)] * 4), max_size=12),
    max_overlap=st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
)
def test_boxes_remain_by_the_definition(boxes: list[tuple[int, ...]], max_overlap: float) -> None:
    tlwh = np.array(boxes, dtype=float).reshape(-1, 4)
    assert suppress(tlwh, None, max_overlap).tolist() == one_by_one(tlwh, max_overlap)


def test_the_threshold_itself_is_allowed() -> None:
    assert suppress(THREE, None, 0.9).all()
    assert suppress(THREE, None, np.nextafter(0.9, 0)).tolist() == [True, False, True]


def test_a_suppressed_box_suppresses_none() -> None:
    """Box 1 would suppress box 2, but is suppressed by box 0, which does not reach box 2."""
    row = np.array([[0.0, 0, 9, 9], [4, 0, 9, 9], [8, 0, 9, 9]])
    assert suppress(row, None, 0.5).tolist() == [True, False, True]


def test_classes_do_not_suppress_each_other() -> None:
    frame = Detections(THREE, [0.8, 0.9, 0.7], ['car', 'person', 'car'])
    for agnostic, index in ((False, [1, 0, 2]), (True, [1, 2])):
        settings = TrackerSettings(nms_max_overlap=0.5, class_agnostic=agnostic)
        observed, _ = filter_detections(frame, settings, ClassCodes())
        assert observed.index.tolist() == index


@pytest.mark.parametrize('preset', PRESETS)
def test_presets_use_all_boxes(preset: str) -> None:
    settings = TrackerSettings.preset(preset).replace(n_init=1)
    frame = Detections(np.tile(THREE[0], (4, 1)), [0.9, 0.8, 0.7, 0.95], ['person'] * 4)
    for max_overlap, count in ((None, 4), (0.99, 1)):
        if max_overlap is not None:
            settings = settings.replace(nms_max_overlap=max_overlap)
        tracker = Tracker(settings)
        tracker.update(frame)
        assert len(tracker.tracks) == count
    assert tracker.tracks.detection_index.tolist() == [3]


def test_boxes_of_low_score_are_suppressed_too() -> None:
    frame = Detections(THREE, [0.3, 0.9, 0.2], ['person'] * 3)
    settings = TrackerSettings(nms_max_overlap=0.5)
    observed, _ = filter_detections(frame, settings, ClassCodes())
    assert observed.index.tolist() == [1]
    assert observed.low is not None
    assert observed.low.index.tolist() == [2]
