"""Serialised messages are read as rclpy reads them, and tracks written as they are."""

from __future__ import annotations

import array
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from strongsort_ros.camera_motion import CameraMotion
from strongsort_ros.messages import serialised
from strongsort_ros.messages.images import ImageError
from strongsort_ros.messages.serialised import Header, MessageError
from strongsort_ros.nodes.conversion import (
    DetectionsWriter,
    TracksWriter,
    detections_from_message,
)
from strongsort_ros.nodes.image_messages import decode
from strongsort_ros.nodes.message_layout import LAYOUTS, check_layouts
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
        for _ in range(draw(st.integers(0, 3))):
            result = ObjectHypothesisWithPose()
            result.hypothesis.class_id = draw(WORDS)
            result.hypothesis.score = draw(NUMBERS)
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
    assert_same(serialised.read_detections(data), detections_from_message(message))
    header = serialised.read_header(data)
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
        detections = serialised.read_detections(bytes(damaged))
    except MessageError:
        return
    assert detections.tlwh.shape == (len(detections), 4)


def test_the_best_hypothesis_counts_and_none_is_certain() -> None:
    message = Detection2DArray(detections=[Detection2D(), Detection2D()])
    for class_id, score in (('dog', 0.2), ('person', 0.7), ('cat', float('nan'))):
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = class_id, score
        message.detections[0].results.append(result)
    for read in (
        serialised.read_detections(serialize_message(message)),
        detections_from_message(message),
    ):
        assert read.class_ids.tolist() == ['person', '']
        assert read.scores.tolist() == [0.7, 1.0]


def test_images_are_read_where_they_are() -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8)
    message = Image(height=4, width=6, encoding='bgr8', step=18, data=array.array('B', pixels))
    message.header.frame_id = 'camera'
    data = serialize_message(message)
    read = decode(data, 'raw')
    np.testing.assert_array_equal(read.ravel(), pixels)
    assert np.shares_memory(read, np.frombuffer(data, np.uint8))


def test_compressed_images_are_read() -> None:
    message = CompressedImage(format='jpeg', data=array.array('B', b'nothing'))
    with pytest.raises(ImageError, match="7 bytes of compressed image \\('jpeg'\\)"):
        decode(serialize_message(message), 'compressed')


def test_big_endian_messages_are_read() -> None:
    data = bytes([0, 0, 0, 0]) + struct.pack('>iII', 7, 8, 4) + b'cam\0' + struct.pack('>I', 0)
    assert serialised.read_header(data) == Header(7, 8, 'cam')
    assert len(serialised.read_detections(data)) == 0


@pytest.mark.parametrize('data', [b'', b'\0\1', b'\0\7\0\0' + bytes(40), b'\0\1\0\0' + bytes(5)])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    for read in (serialised.read_header, serialised.read_detections, serialised.read_image):
        with pytest.raises(MessageError):
            read(data)


def test_the_messages_of_this_ros_are_those_that_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_layouts()
    monkeypatch.setitem(LAYOUTS, Detection2D, 'string id')
    with pytest.raises(TypeError, match='vision_msgs/Detection2D of this ROS consists of'):
        check_layouts()


def tracks(n: int, start: int = 1) -> Tracks:
    rng = np.random.default_rng(n)
    rows = np.arange(n)
    mean = rng.uniform(1, 100, (n, 8))
    return Tracks(
        rows + start, np.array([f'kind {row}' for row in rows], dtype=np.str_), rng.random(n),
        rows % 3, mean, rng.random((n, 8)), rows, rows, rows % 3, rows * 1_500_000_000 + 3,
        np.where(rows % 3 == 2, -1, rows),
    )  # fmt: skip


def test_a_writer_leaves_nothing_of_the_message_before() -> None:
    used, header = TracksWriter(), Header(5, 6, 'camera')
    used.write(header, tracks(40), CameraMotion(), 30.0)
    for n in (7, 0, 55):
        motion = CameraMotion(np.arange(9.0).reshape(3, 3), 0.5)
        again = used.write(header, tracks(n), motion, 25.0)
        fresh = TracksWriter().write(header, tracks(n), motion, 25.0)
        assert again == fresh
        assert [track.id for track in again.tracks] == list(range(1, n + 1))


def test_tracked_detections_are_confirmed_and_seen() -> None:
    used = DetectionsWriter()
    used.write(Header(5, 6, 'camera'), tracks(40))
    message = used.write(Header(7, 8, 'other'), tracks(9))
    assert [detection.id for detection in message.detections] == ['2', '5', '8']
    assert {detection.header.frame_id for detection in message.detections} == {'other'}
    read = detections_from_message(message)
    np.testing.assert_allclose(read.tlwh, tracks(9).tlwh[[1, 4, 7]])
    assert read.class_ids.tolist() == ['kind 1', 'kind 4', 'kind 7']
