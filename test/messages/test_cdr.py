"""Reading detections: their limits, the best hypothesis, long texts."""

from __future__ import annotations

import math
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.errors import LimitError, MessageError
from strongsort_ros.messages import detection2d_array, track2d_array
from strongsort_ros.messages.cdr import Header, InputLimits, read_header, write_header
from strongsort_ros.messages.detection2d_array import (
    best_hypothesis,
    read_detections,
    write_detection_array,
)
from strongsort_ros.messages.track2d_array import (
    TRACK,
    TrackArray,
    read_track_array,
    write_track_array,
)

NAN, INF = math.nan, math.inf


def detection_array(hypotheses: list[list[tuple[str, float]]], frame_id: str = 'camera') -> bytes:
    """Return a Detection2DArray of 40 x 100 boxes, each with its hypotheses (class, score)."""
    message = bytearray()

    def align(size: int) -> None:
        message.extend(bytes(-len(message) % size))

    def text(value: str) -> None:
        align(4)
        message.extend(struct.pack('<I', len(value) + 1) + value.encode() + b'\0')

    message += struct.pack('<iI', 10, 0)
    text(frame_id)
    align(4)
    message += struct.pack('<I', len(hypotheses))
    for number, detection in enumerate(hypotheses):
        align(4)
        message += struct.pack('<iI', 10, 0)
        text('camera')
        align(4)
        message += struct.pack('<I', len(detection))
        for class_id, score in detection:
            text(class_id)
            align(8)
            message += struct.pack('<d', score) + bytes(8 * 43)
        align(8)
        message += struct.pack('<5d', 100 + 50 * number, 100, 0, 40, 100)
        text('')
    return b'\0\1\0\0' + bytes(message)


@pytest.mark.parametrize(
    ('scores', 'best'),
    [
        ([0.3], 0),
        ([0.2, 0.7, 0.5], 1),
        ([0.7, 0.7], 0),
        ([0.1, 0.7, 0.7], 1),
        ([0.0, -0.0], 0),
        ([NAN, 0.1], 1),
        ([0.1, NAN], 0),
        ([NAN, -INF], 1),
        ([NAN, NAN], 0),
        ([NAN, 0.4, 0.4, NAN, 0.5, 0.5], 4),
        ([-1.0, INF, 3.0], 1),
    ],
)
def test_the_first_of_the_best_scores_counts_and_no_number_never(
    scores: list[float], best: int
) -> None:
    assert best_hypothesis(scores) == best
    names = [f'class {number}' for number in range(len(scores))]
    message = detection_array([list(zip(names, scores, strict=True))])
    read = read_detections(message)
    assert read.class_ids.tolist() == [names[best]]
    np.testing.assert_array_equal(read.scores, [scores[best]])


@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_no_score_is_above_the_best(scores: list[float]) -> None:
    best = best_hypothesis(scores)
    numbers = [score for score in scores if not math.isnan(score)]
    if numbers:
        assert scores[best] == max(numbers)
        assert scores[best] not in scores[:best]
    else:
        assert best == 0


def test_without_a_hypothesis_it_is_certain() -> None:
    read = read_detections(detection_array([[], [('dog', 0.5)]]))
    assert (read.class_ids.tolist(), read.scores.tolist()) == (['', 'dog'], [1.0, 0.5])
    np.testing.assert_array_equal(read.tlwh, [[80, 50, 40, 100], [130, 50, 40, 100]])


def test_more_than_the_limits_is_refused() -> None:
    limits = InputLimits(detections=3, hypotheses=2)
    enough = [[('a', 0.5), ('b', 0.4)]] * 3
    assert len(read_detections(detection_array(enough), limits)) == 3
    with pytest.raises(LimitError, match=r'4 detections in one message.*limits.detections, 3'):
        read_detections(detection_array([*enough, []]), limits)
    with pytest.raises(LimitError, match=r'3 hypotheses of one detection.*limits.hypotheses, 2'):
        read_detections(detection_array([[('a', 0.5)] * 3]), limits)


@pytest.mark.parametrize('count', [64, 2**16, 2**32 - 1])
def test_a_count_without_its_detections_takes_no_time(count: int) -> None:
    message = write_header(Header(1, 2, 'camera'), count) + bytes(1000)
    start = time.process_time()
    with pytest.raises(MessageError, match=f'{count} detections'):
        read_detections(message, InputLimits(detections=100_000))
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize('length', [1024, 1_000_000])
def test_a_long_frame_id_is_refused(length: int) -> None:
    message = detection_array([[]], 'f' * length)
    for read in (read_header, read_detections):
        with pytest.raises(LimitError, match=f'frame_id has {length + 1} bytes'):
            read(message)
    assert read_header(detection_array([], 'f' * 1023)).frame_id == 'f' * 1023


def test_a_long_class_takes_the_memory_of_one() -> None:
    """Beside 2000 detections, one of a million letters once took 7.6 GiB."""
    message = detection_array([[('x' * 1_000_000, 0.9)], *[[('person', 0.8)]] * 1999])
    tracemalloc.start()
    read = read_detections(message)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(read.class_ids[0]) == 1_000_000
    assert peak < 10_000_000


def test_lengths_of_texts_are_not_remembered_for_ever() -> None:
    for length in range(0, 6000, 100):
        names = ['x' * (length + number) for number in range(100)]
        boxes = np.zeros((100, 4))
        data = write_detection_array(Header(1, 2, 'f'), ['1'] * 100, names, [0.9] * 100, boxes)
        assert read_detections(data).class_ids.tolist() == names
        array = TrackArray(Header(1, 2, 'f'), np.zeros(100, TRACK), names, np.eye(3), 0.0)
        assert read_track_array(write_track_array(array)).class_ids == names
    assert detection2d_array._layout.cache_info().currsize <= 4096
    assert track2d_array._record.cache_info().currsize <= 512
