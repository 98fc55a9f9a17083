"""Filter of detections, and numbers of classes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.tracking.detection_filter import (
    MAX_COORDINATE,
    ClassCodes,
    filter_detections,
)
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings

LONG = 'x' * 1_000_000


def detections(names: list[str], score: float = 0.9) -> Detections:
    n = len(names)
    tlwh = np.column_stack([100.0 * np.arange(n), np.zeros(n), np.full((n, 2), 30.0)])
    return Detections(tlwh, np.full(n, score), names)


def test_a_score_equal_to_the_threshold_is_used() -> None:
    settings = TrackerSettings(min_confidence=0.6)
    scores = np.array([0.6, np.nextafter(0.6, 0), np.nextafter(0.6, 1)])
    frame = Detections(np.tile([10.0, 10, 20, 20], (3, 1)), scores, ['a'] * 3)
    observed, _ = filter_detections(frame, settings, ClassCodes())
    assert observed.index.tolist() == [2, 0]


def test_a_height_equal_to_the_threshold_is_used() -> None:
    tlwh = [[0, 0, 10, 20.0], [0, 0, 10, np.nextafter(20.0, 0)]]
    frame = Detections(tlwh, [0.9, 0.9], ['a', 'a'])
    observed, _ = filter_detections(frame, TrackerSettings(min_height=20.0), ClassCodes())
    assert observed.index.tolist() == [0]


def test_only_long_class_names_are_rejected() -> None:
    settings, classes = TrackerSettings(max_class_length=6), ClassCodes()
    for names, index in (
        (['person', LONG, 'car'], [0, 2]),
        ([LONG, LONG], []),
        (['persons'], []),
        (['person'], [0]),
    ):
        observed, rejected = filter_detections(detections(names), settings, classes)
        assert sorted(observed.index.tolist()) == index
        assert rejected.get('class_too_long', 0) == len(names) - len(index)
        found = classes.names(observed.class_codes).tolist()
        assert found == [names[row] for row in observed.index.tolist()]
    assert len(classes) == 2


def test_a_long_class_name_takes_no_memory() -> None:
    """One of a million characters among 2000 detections once took 12 GiB."""
    frame = detections(['person'] * 1999 + [LONG])
    classes = ClassCodes()
    tracemalloc.start()
    filter_detections(frame, TrackerSettings(), classes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_embeddings_stay_with_their_detections() -> None:
    frame = detections(['a', LONG, 'b']).with_embeddings(np.eye(3, dtype=np.float32))
    observed, _ = filter_detections(frame, TrackerSettings(), ClassCodes())
    assert observed.embeddings is not None
    np.testing.assert_array_equal(observed.embeddings.argmax(axis=1), observed.index)


@given(st.lists(st.lists(st.sampled_from('abcdefgh'), max_size=6), max_size=12), st.data())
def test_class_names_to_numbers_and_back(frames: list[list[str]], data: st.DataObject) -> None:
    classes = ClassCodes()
    names: list[str] = []
    codes = np.empty(0, dtype=np.int64)
    for frame in frames:
        names = names + frame
        codes = np.concatenate([codes, classes.encode(frame, list(dict.fromkeys(frame)))])
        if data.draw(st.booleans()):
            keep = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
            names = [name for name, kept in zip(names, keep, strict=True) if kept]
            codes = classes.forget_others(codes[np.array(keep, dtype=bool)])
            assert len(classes) == len(set(names))
        assert classes.names(codes).tolist() == names
        assert len(set(zip(names, codes.tolist(), strict=True))) == len(set(names))


@pytest.mark.parametrize('side', [1e-306, 1e-200, 1e-9, 1e-6, 1.1e-6, 1e-5, 1.0, MAX_COORDINATE])
@pytest.mark.parametrize('other', [1e-5, 40.0, MAX_COORDINATE])
def test_the_aspect_of_a_used_box_is_finite(side: float, other: float) -> None:
    for width, height in ((side, other), (other, side)):
        frame = Detections([[0, 0, width, height]], [0.9], ['a'])
        observed, rejected = filter_detections(frame, TrackerSettings(), ClassCodes())
        assert np.isfinite(observed.xyah).all()
        assert rejected == ({} if side > 1e-6 else {'box_empty': 1})
