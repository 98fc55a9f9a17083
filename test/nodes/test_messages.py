"""Serialised messages are read and written as rclpy does it."""

from __future__ import annotations

import array
import math
import struct
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from strongsort_ros.msg import Track2D, Track2DArray
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from strongsort_ros.errors import ImageError, MessageError
from strongsort_ros.messages.cdr import Header, read_header
from strongsort_ros.messages.detection2d_array import (
    boxes_to_tlwh,
    read_detections,
    write_tracked_detections,
)
from strongsort_ros.messages.images import decode_image
from strongsort_ros.messages.track2d_array import (
    read_track_array,
    write_track_array,
    write_tracks,
)
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import Tracks

WORDS = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def detection_arrays(draw: st.DrawFn) -> Any:
    message = Detection2DArray()
    message.header.frame_id = draw(WORDS)
    message.header.stamp.sec = draw(st.integers(-(2**31), 2**31 - 1))
    message.header.stamp.nanosec = draw(st.integers(0, 999_999_999))
    for _ in range(draw(st.integers(0, 4))):
        detection = Detection2D(id=draw(WORDS))
        detection.header.frame_id = draw(WORDS)
        for number in range(draw(st.integers(0, 3))):
            result = ObjectHypothesisWithPose()
            result.hypothesis.class_id = draw(WORDS)
            # The first one counts; test/messages holds the rule for the others.
            result.hypothesis.score = draw(NUMBERS) if number == 0 else math.nan
            detection.results.append(result)
        box = detection.bbox
        box.center.position.x, box.center.position.y = draw(NUMBERS), draw(NUMBERS)
        box.size_x, box.size_y = draw(NUMBERS), draw(NUMBERS)
        message.detections.append(detection)
    return message


def assert_same(one: Detections, other: Detections) -> None:
    np.testing.assert_array_equal(one.tlwh, other.tlwh)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.class_ids.tolist() == other.class_ids.tolist()


@settings(deadline=None)
@given(detection_arrays())
def test_detections_are_those_of_rclpy(message: Any) -> None:
    data = serialize_message(message)
    assert_same(read_detections(data), detections_of(message))
    header = read_header(data)
    stamp = message.header.stamp
    assert (header.seconds, header.nanoseconds) == (stamp.sec, stamp.nanosec)
    assert header.frame_id == message.header.frame_id


@settings(deadline=None)
@given(detection_arrays(), st.data())
def test_damaged_detections_raise_one_kind_of_error(message: Any, data: st.DataObject) -> None:
    damaged = bytearray(serialize_message(message))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    try:
        detections = read_detections(bytes(damaged))
    except MessageError:
        return
    assert detections.tlwh.shape == (len(detections), 4)


def test_the_best_hypothesis_counts_and_a_missing_one_has_score_1() -> None:
    message = Detection2DArray(detections=[Detection2D(), Detection2D()])
    for class_id, score in (('dog', 0.2), ('person', 0.7), ('cat', float('nan'))):
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = class_id, score
        message.detections[0].results.append(result)
    read = read_detections(serialize_message(message))
    assert read.class_ids.tolist() == ['person', '']
    assert read.scores.tolist() == [0.7, 1.0]


def test_images_are_read_without_a_copy() -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8)
    message = Image(height=4, width=6, encoding='bgr8', step=18, data=array.array('B', pixels))
    message.header.frame_id = 'camera'
    data = serialize_message(message)
    read = decode_image(data, 'raw')
    np.testing.assert_array_equal(read.ravel(), pixels)
    assert np.shares_memory(read, np.frombuffer(data, np.uint8))


def test_compressed_images_are_read() -> None:
    message = CompressedImage(format='jpeg', data=array.array('B', b'nothing'))
    with pytest.raises(ImageError, match="7 bytes of compressed image \\('jpeg'\\)"):
        decode_image(serialize_message(message), 'compressed')


def test_big_endian_messages_are_read() -> None:
    data = bytes([0, 0, 0, 0]) + struct.pack('>iII', 7, 8, 4) + b'cam\0' + struct.pack('>I', 0)
    assert read_header(data) == Header(7, 8, 'cam')
    assert len(read_detections(data)) == 0


@pytest.mark.parametrize('data', [b'', b'\0\1', b'\0\7\0\0' + bytes(40), b'\0\1\0\0' + bytes(5)])
def test_bytes_that_are_not_a_message_are_refused(data: bytes) -> None:
    for read in (read_header, read_detections, partial(decode_image, transport='raw')):
        with pytest.raises(MessageError):
            read(data)


def detections_of(message: Any) -> Detections:
    """Return the detections of a Detection2DArray by their first hypotheses, one by one."""
    if not message.detections:
        return Detections.empty()
    boxes, scores, class_ids = [], [], []
    for detection in message.detections:
        box, best_score, best_class = detection.bbox, 1.0, ''
        centre = box.center.position
        boxes.append((centre.x, centre.y, 0.0, box.size_x, box.size_y))
        if detection.results:
            hypothesis = detection.results[0].hypothesis
            best_score, best_class = hypothesis.score, hypothesis.class_id
        scores.append(best_score)
        class_ids.append(best_class)
    return Detections(boxes_to_tlwh(boxes), np.array(scores), np.array(class_ids))


def tracks(n: int, start: int = 1) -> Tracks:
    rng = np.random.default_rng(n)
    rows = np.arange(n)
    mean = rng.uniform(1, 100, (n, 8))
    return Tracks(
        rows + start, np.array([f'kind {row}' for row in rows], dtype=np.str_), rng.random(n),
        rows % 3, mean, rng.random((n, 8)), rows, rows, rows % 3, rows * 1_500_000_000 + 3,
        np.where(rows % 3 == 2, -1, rows), rows % 2 == 0,
    )  # fmt: skip


@pytest.mark.parametrize('frame_id', ['', 'cam', 'camera', 'a longer frame'])
@pytest.mark.parametrize('n', [0, 1, 12])
def test_tracks_are_written_as_ros_reads_them(n: int, frame_id: str) -> None:
    header = Header(5, 6, frame_id)
    data = write_tracks(header, tracks(n), np.arange(9.0).reshape(3, 3), 0.5, 25.0)
    message = deserialize_message(data, Track2DArray)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 6)
    assert message.header.frame_id == frame_id
    assert message.camera_motion.tolist() == list(range(9))
    assert message.camera_motion_score == 0.5
    given = tracks(n)
    assert [track.id for track in message.tracks] == given.ids.tolist()
    assert [track.class_id for track in message.tracks] == given.class_ids.tolist()
    for row, track in enumerate(message.tracks):
        box = track.bbox
        corner = (box.center.position.x - box.size_x / 2, box.center.position.y - box.size_y / 2)
        np.testing.assert_allclose((*corner, box.size_x, box.size_y), given.tlwh[row])
        assert box.center.theta == 0
        covariance = track.bbox_covariance.reshape(4, 4)
        np.testing.assert_array_equal(covariance, np.diag(given.variance[row, :4]))
        velocity = (track.velocity.x, track.velocity.y)
        np.testing.assert_allclose(velocity, 25 * given.mean[row, 4:6])
        assert track.score == np.float32(given.scores[row])
        assert track.first_seen.sec * 10**9 + track.first_seen.nanosec == given.first_seen[row]
        for name in ('age', 'hits', 'time_since_update', 'detection_index'):
            assert getattr(track, name) == getattr(given, name)[row]
        assert track.state == given.states[row]
        assert track.reported == given.reported[row]


@given(st.lists(WORDS, max_size=5), WORDS)
def test_tracks_are_read_as_ros_writes_them(class_ids: list[str], frame_id: str) -> None:
    message = Track2DArray(camera_motion_score=0.25)
    message.header.frame_id = frame_id
    rng = np.random.default_rng(len(class_ids))
    message.camera_motion = rng.random(9)
    for number, class_id in enumerate(class_ids):
        track = Track2D(class_id=class_id, score=0.5, state=2, detection_index=-1)
        track.reported = number % 2 == 0
        track.id = track.age = track.hits = track.time_since_update = 2**32 - 1 - number
        track.bbox.center.position.x, track.bbox.center.theta = rng.random(2)
        track.bbox.size_x, track.velocity.y = rng.random(2)
        track.bbox_covariance = rng.random(16)
        track.first_seen.sec, track.first_seen.nanosec = -5, number
        message.tracks.append(track)
    data = serialize_message(message)
    array = read_track_array(data)
    assert list(array.class_ids) == class_ids
    assert array.header == Header(0, 0, frame_id)
    assert array.tracks['center'][:, 0].tolist() == [
        track.bbox.center.position.x for track in message.tracks
    ]
    # Written again, it is the same message, down to the last bit of every field.
    assert deserialize_message(write_track_array(array), Track2DArray) == message
    for cut in range(0, len(data) - 4, 7):
        with pytest.raises(MessageError):
            read_track_array(data[:cut])


def test_tracked_detections_are_confirmed_and_seen() -> None:
    data = write_tracked_detections(Header(7, 8, 'other'), tracks(9))
    message = deserialize_message(data, Detection2DArray)
    assert [detection.id for detection in message.detections] == ['2', '5', '8']
    assert {detection.header.frame_id for detection in message.detections} == {'other'}
    read = detections_of(message)
    np.testing.assert_allclose(read.tlwh, tracks(9).tlwh[[1, 4, 7]])
    assert read.class_ids.tolist() == ['kind 1', 'kind 4', 'kind 7']
