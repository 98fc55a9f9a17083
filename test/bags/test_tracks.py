"""Tracks read from bags: as the tracker reports them, and refused with one clear error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.bags import tracks as bag_tracks
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import (
    MAX_TEXT,
    read_detections_message,
    read_recorded_tracks,
    read_tracks,
)
from strongsort_ros.bags.types import DETECTIONS_TYPE, ros_types
from strongsort_ros.bags.writer import Storage
from strongsort_ros.errors import InputError, MessageError
from strongsort_ros.messages.detection2d_array import read_detections
from strongsort_ros.tracking.tracks import TENTATIVE
from test.bags.track_bags import detections, lost, track, track_array, walk, write_messages

STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')
MESSAGES = walk(range(1, 40), 1)

Hypotheses = list[tuple[str, float]]
scores = st.sampled_from([math.nan, -math.inf, 0.0, 0.5, 0.5, 0.9, math.inf]) | st.floats()
hypotheses = st.lists(st.lists(st.tuples(st.sampled_from('abc'), scores), max_size=5), max_size=4)


def serialise(frame: list[Hypotheses]) -> bytes:
    """Return a Detection2DArray of boxes with these hypotheses and the ids 'id 0', 'id 1', ..."""
    types = ros_types()
    boxes = {f'id {number}': (number, 1.0, 2.0 + number, 3.0) for number in range(len(frame))}
    array: Any = types.deserialize_cdr(detections(7, boxes), DETECTIONS_TYPE)
    for detection, names in zip(array.detections, frame, strict=True):
        (result,) = detection.results
        detection.results = [
            types.types['vision_msgs/msg/ObjectHypothesisWithPose'](
                hypothesis=types.types['vision_msgs/msg/ObjectHypothesis'](
                    class_id=class_id, score=score
                ),
                pose=result.pose,
            )
            for class_id, score in names
        ]
    return bytes(types.serialize_cdr(array, DETECTIONS_TYPE))


@settings(deadline=None)
@given(hypotheses)
def test_the_best_hypothesis_is_the_same_as_in_the_tracker(frame: list[Hypotheses]) -> None:
    """With a NaN score the tracker once read ('person', 0.7) and the refiner ('dog', NaN)."""
    message = serialise(frame)
    tracked, refined = read_detections(message), read_detections_message(message)
    assert refined.class_ids == tracked.class_ids.tolist()
    np.testing.assert_array_equal(refined.scores, tracked.scores)
    np.testing.assert_array_equal(refined.cxcywh[:, 2:], tracked.tlwh[:, 2:])
    assert refined.ids == [f'id {number}' for number in range(len(frame))]


def test_nan_is_the_lowest_score() -> None:
    (found,) = read_detections_message(
        serialise([[('dog', math.nan), ('person', 0.7), ('cat', 0.7), ('cow', math.nan)]])
    ).class_ids
    assert found == 'person'


def test_bytes_after_the_last_detection_are_refused() -> None:
    """Older versions of vision_msgs have other fields, and their bags have no type hashes."""
    message = serialise([[('dog', 0.5)]])
    assert len(read_detections_message(message + bytes(3)).ids) == 1
    with pytest.raises(MessageError, match='8 bytes follow the last detection'):
        read_detections_message(message + bytes(8))
    with pytest.raises(MessageError, match='detections message of'):
        read_detections_message(message[:-8])


@pytest.mark.parametrize('storage', STORAGES)
def test_rows_of_a_track_array_are_those_reported(tmp_path: Path, storage: Storage) -> None:
    frames = {
        3: [track(2, 100.0), track(1, 30.0)],
        4: [],
        5: [
            lost(1, 40.0),
            lost(2, 90.0, missed=2),
            track(3, 10.0, state=TENTATIVE, reported=0),
            lost(4, 50.0, missed=5, reported=1),
        ],
    }
    messages = {frame: track_array(frame, tracks, start=0) for frame, tracks in frames.items()}
    bag = write_messages(tmp_path / 'bag', messages, storage)
    rows = read_tracks(bag)
    assert rows.frames.tolist() == [3, 3, 5, 5]
    assert rows.ids.tolist() == [1, 2, 1, 4]
    assert rows.tlwh[:, 0].tolist() == [20, 90, 30, 40]
    assert rows.tlwh[:, 1:].tolist() == [[30, 20, 40]] * 4
    assert read_tracks(bag, '/tracks', frame_rate=10).frames.tolist() == [3, 3, 5, 5]
    with open_bag(bag) as opened:
        recorded = read_recorded_tracks(opened)
    assert recorded.predicted.tolist() == [False, False, False, True]
    assert recorded.without_predictions().rows.ids.tolist() == [1, 2, 1]


@pytest.mark.parametrize(('label', 'identity'), [('7', 7), ('seven', 1), ('007', 1)])
def test_detections_with_ids_are_tracks(tmp_path: Path, label: str, identity: int) -> None:
    """Ids that are not numbers are numbered from 1."""
    message = detections(1, {'': (1.0, 2, 3, 4), label: (5, 6, 7, 8)})
    bag = write_messages(tmp_path / 'bag', {1: message}, topic='/seen', msgtype=DETECTIONS_TYPE)
    rows = read_tracks(bag)
    assert rows.ids.tolist() == [identity]
    assert rows.tlwh.tolist() == [[5, 6, 7, 8]]
    assert rows.class_ids.tolist() == ['person']


def test_a_missing_topic_and_a_repeated_id_are_refused(tmp_path: Path) -> None:
    message = track_array(1, [track(1, 30.0), track(1, 60.0)], start=0)
    bag = write_messages(tmp_path / 'bag', {1: message})
    with pytest.raises(InputError, match=r'no topic /other; topics: /tracks'):
        read_tracks(bag, '/other')
    with pytest.raises(InputError, match='/tracks, frame 1: id 1 occurs twice'):
        read_tracks(bag, frame_rate=10)


@pytest.mark.parametrize('storage', STORAGES)
def test_broken_bags(tmp_path: Path, storage: Storage) -> None:
    """Missing, empty and truncated bags each raise one clear error."""
    bag = write_messages(tmp_path / 'bag', walk(range(1, 200), 1), storage)
    (tmp_path / 'empty').mkdir()
    for path in (tmp_path / 'missing', tmp_path / 'empty'):
        with pytest.raises(InputError, match=path.name):
            read_tracks(path)
    data = next(path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3'))
    data.write_bytes(data.read_bytes()[:5000])
    with pytest.raises(InputError, match='bag'):
        read_tracks(bag)


def test_a_long_class_is_refused_by_topic_and_message(tmp_path: Path) -> None:
    message = track_array(2, [track(1, 0.0)], ['x' * (MAX_TEXT + 1)])
    bag = write_messages(tmp_path / 'bag', {1: track_array(1, []), 2: message})
    with pytest.raises(InputError, match=r'/tracks, message 2: .* of 1025 characters') as raised:
        read_tracks(bag)
    assert len(str(raised.value)) < 400


def test_a_long_class_does_not_widen_the_others(tmp_path: Path) -> None:
    """Fixed-width strings took 29.8 GiB for 8001 boxes and a class of a million letters."""
    rows = [track(number, 30.0 * number) for number in range(2000)]
    messages = {1: track_array(1, [track(1, 0.0)], ['x' * MAX_TEXT]), 2: track_array(2, rows)}
    classes = read_tracks(write_messages(tmp_path / 'bag', messages)).class_ids
    assert set(map(len, classes.tolist())) == {MAX_TEXT, len('person')}
    assert classes.nbytes < 20_000


def test_too_many_boxes_are_refused_before_they_exhaust_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = write_messages(tmp_path / 'bag', MESSAGES)
    monkeypatch.setattr(bag_tracks, 'MAX_BOXES', len(MESSAGES))
    assert len(read_tracks(bag)) == len(MESSAGES)
    monkeypatch.setattr(bag_tracks, 'MAX_BOXES', 20)
    with pytest.raises(InputError, match='/tracks, message 21: more than 20 boxes so far'):
        read_tracks(bag)
