"""What the refiner reads in a message is what the tracker reads in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.bags.track_messages import read_detections_message
from strongsort_ros.bags.types import DETECTIONS_TYPE, ros_types
from strongsort_ros.bags.writer import detection_array
from strongsort_ros.errors import MessageError
from strongsort_ros.messages.detection2d_array import read_detections
from strongsort_ros.tracking.detections import Detections

Hypotheses = list[tuple[str, float]]
scores = st.sampled_from([math.nan, -math.inf, 0.0, 0.5, 0.5, 0.9, math.inf]) | st.floats()
detections = st.lists(st.lists(st.tuples(st.sampled_from('abc'), scores), max_size=5), max_size=4)


def serialise(seen: list[Hypotheses]) -> bytes:
    """Return a Detection2DArray of boxes with these hypotheses and an id each."""
    types = ros_types()
    boxes = np.arange(4.0 * len(seen)).reshape(-1, 4)
    array = detection_array(
        types, 7, 'camera', Detections(boxes, np.ones(len(seen)), np.full(len(seen), 'x'))
    )
    for number, (detection, hypotheses) in enumerate(zip(array.detections, seen, strict=True)):
        (result,) = detection.results
        detection.id = f'id {number}'
        detection.results = [_hypothesis(result, *hypothesis) for hypothesis in hypotheses]
    return bytes(types.serialize_cdr(array, DETECTIONS_TYPE))


def _hypothesis(result: Any, class_id: str, score: float) -> Any:
    known = ros_types().types
    return known['vision_msgs/msg/ObjectHypothesisWithPose'](
        hypothesis=known['vision_msgs/msg/ObjectHypothesis'](class_id=class_id, score=score),
        pose=result.pose,
    )


@settings(deadline=None)
@given(detections)
def test_the_same_hypothesis_is_the_best_one(seen: list[Hypotheses]) -> None:
    """Once the tracker took ('person', 0.7) where the refiner took ('dog', NaN)."""
    message = serialise(seen)
    tracked, refined = read_detections(message), read_detections_message(message)
    assert refined.class_ids == tracked.class_ids.tolist()
    np.testing.assert_array_equal(refined.scores, tracked.scores)
    np.testing.assert_array_equal(refined.cxcywh[:, 2:], tracked.tlwh[:, 2:])
    assert refined.ids == [f'id {number}' for number in range(len(seen))]
    assert refined.stamp == 7


def test_no_number_is_the_worst_score() -> None:
    (found,) = read_detections_message(
        serialise([[('dog', math.nan), ('person', 0.7), ('cat', 0.7), ('cow', math.nan)]])
    ).class_ids
    assert found == 'person'


def test_bytes_that_are_left_over_tell_of_other_fields() -> None:
    """An older vision_msgs has other fields by the same name, and its bags no hashes."""
    message = serialise([[('dog', 0.5)]])
    assert len(read_detections_message(message + bytes(3)).ids) == 1
    with pytest.raises(MessageError, match='8 bytes are left over'):
        read_detections_message(message + bytes(8))
    with pytest.raises(MessageError, match='detections message of'):
        read_detections_message(message[:-8])
