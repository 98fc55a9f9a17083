"""Bags are written in the format of ROS 2 Jazzy's rosbag2, metadata version 9.

The metadata fields are those that rosbag2 decodes (rosbag2_storage, yaml.hpp and qos.cpp); it stops
at the first that is missing or of another type.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.interfaces import (
    MessageDefinitionFormat,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from ruamel.yaml import YAML

from strongsort_ros.bags.copy import copy_bag
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.types import DETECTIONS_TYPE, ros_types
from strongsort_ros.bags.writer import BagWriter, Storage, write_sequence
from strongsort_ros.errors import InputError
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_any_reader

TIME = {'sec': int, 'nsec': int}
PROFILE = {
    'history': ('system_default', 'keep_last', 'keep_all', 'unknown'),
    'depth': int,
    'reliability': ('system_default', 'reliable', 'best_effort', 'best_available', 'unknown'),
    'durability': (
        'system_default', 'transient_local', 'volatile', 'best_available', 'unknown',
    ),
    'deadline': TIME,
    'lifespan': TIME,
    'liveliness': (
        'system_default', 'automatic', 'manual_by_topic', 'best_available', 'unknown',
    ),
    'liveliness_lease_duration': TIME,
    'avoid_ros_namespace_conventions': bool,
}  # fmt: skip
"""QoS profile of a topic, with the names of rmw."""
START, DURATION = {'nanoseconds_since_epoch': int}, {'nanoseconds': int}
TOPIC = {
    'name': str,
    'type': str,
    'serialization_format': ('cdr',),
    'offered_qos_profiles': [PROFILE],
    'type_description_hash': str,
}
INFORMATION = {
    'version': int,
    'storage_identifier': ('mcap', 'sqlite3'),
    'duration': DURATION,
    'starting_time': START,
    'message_count': int,
    'topics_with_message_count': [{'topic_metadata': TOPIC, 'message_count': int}],
    'compression_format': str,
    'compression_mode': str,
    'relative_file_paths': [str],
    'files': [{'path': str, 'starting_time': START, 'duration': DURATION, 'message_count': int}],
    'custom_data': (None,),
    'ros_distro': str,
}


def check(value: Any, form: Any, where: str) -> None:
    """Compare a value with a type, a tuple of allowed values, or a list or mapping of these."""
    if isinstance(form, dict):
        assert set(value) == set(form), where
        for name, inner in form.items():
            check(value[name], inner, f'{where}.{name}')
    elif isinstance(form, list):
        assert isinstance(value, list), where
        for item in value:
            check(item, form[0], where)
    elif isinstance(form, tuple):
        assert value in form, where
    else:
        assert type(value) is form, where


def metadata(bag: Path) -> Any:
    return YAML(typ='safe').load(bag / 'metadata.yaml')['rosbag2_bagfile_information']


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_metadata_of_a_written_bag(tmp_path: Path, storage: Storage) -> None:
    with BagWriter(tmp_path / 'bag', storage) as writer:
        writer.write_detections(1_000_000_000, Detections.empty())
    written = metadata(tmp_path / 'bag')
    check(written, INFORMATION, 'bag')
    assert written['version'] == 9
    (file,) = written['relative_file_paths']
    assert (tmp_path / 'bag' / file).exists()
    with open_bag(tmp_path / 'bag') as bag:
        (connection,) = bag.connections
    # Foxglove and the mcap library know `ros2msg`; they have no messages of their own.
    assert connection.msgdef.format == MessageDefinitionFormat.MSG
    assert 'MSG: vision_msgs/Detection2D\n' in connection.msgdef.data
    assert connection.digest == ros_types().hash_rihs01(DETECTIONS_TYPE)


@pytest.mark.parametrize('storage', StoragePlugin)
@pytest.mark.parametrize('history', QosHistory)
def test_metadata_of_a_copy_with_qos_profiles(
    tmp_path: Path, storage: StoragePlugin, history: QosHistory
) -> None:
    forever = QosTime(9223372036, 854775807)
    profile = Qos(
        history, 5, QosReliability.BEST_EFFORT, QosDurability.VOLATILE, forever, forever,
        QosLiveliness.AUTOMATIC, forever, False,
    )  # fmt: skip
    types = ros_types()
    with Writer(tmp_path / 'bag', version=9, storage_plugin=storage) as writer:
        connection = writer.add_connection(
            '/seen', DETECTIONS_TYPE, typestore=types, offered_qos_profiles=[profile]
        )
        writer.write(
            connection,
            1,
            write_detection_array(Header(0, 1, 'camera'), [], [], [], np.empty((0, 4))),
        )
    with open_bag(tmp_path / 'bag') as bag:
        copy_bag(bag, tmp_path / 'copy', bag.connections[0], bytes, lambda _share: None)
    written = metadata(tmp_path / 'copy')
    (topic,) = written['topics_with_message_count']
    check(topic['topic_metadata'], TOPIC, 'topic')
    assert topic == metadata(tmp_path / 'bag')['topics_with_message_count'][0]
    assert all(type(key) is type(value) is str for key, value in written['custom_data'].items())


def contents(path: Path) -> list[tuple[str, int, Any]]:
    """Return (topic, time, message) of a bag, in its order."""
    with open_any_reader(path) as reader:
        return [
            (c.topic, time, reader.deserialize(data, c.msgtype))
            for c, time, data in reader.messages()
        ]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_sequence_as_a_bag(walk: Path, tmp_path: Path, storage: Storage) -> None:
    """Every frame with an image has its stamp and an array of detections."""
    summary = write_sequence(walk, tmp_path / 'bag', storage=storage)
    assert (summary.frames, summary.detections, summary.left_out) == (4, 6, 2)
    messages = contents(tmp_path / 'bag')
    assert [topic for topic, _, _ in messages] == ['/image', '/detections'] * 4
    stamps = [n * 100_000_000 for n in (2, 3, 4, 5) for _ in range(2)]
    assert [time for _, time, _ in messages] == stamps
    for _, time, message in messages:
        stamp = message.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == time
        assert message.header.frame_id == 'camera'
    image = messages[0][2]
    expected = cv2.imread(str(walk / 'img1' / '000002.jpg'))
    assert (image.encoding, image.height, image.width, image.step) == ('bgr8', 48, 64, 192)
    np.testing.assert_array_equal(image.data.reshape(48, 64, 3), expected)
    arrays = [message for topic, _, message in messages if topic == '/detections']
    assert [len(array.detections) for array in arrays] == [2, 2, 0, 2]
    first = arrays[0].detections[0]
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (18.0, 25.0)
    assert (first.bbox.size_x, first.bbox.size_y) == (12.0, 30.0)
    assert first.results[0].hypothesis.class_id == 'person'
    assert first.results[0].hypothesis.score == 0.9


def test_compressed_images_are_the_files(walk: Path, tmp_path: Path) -> None:
    """Compressed images are the bytes of the image files."""
    write_sequence(walk, tmp_path / 'bag', compressed=True, frame_id='left')
    topic, _, message = contents(tmp_path / 'bag')[0]
    assert topic == '/image/compressed'
    assert message.format == 'jpeg'
    assert message.header.frame_id == 'left'
    assert message.data.tobytes() == (walk / 'img1' / '000002.jpg').read_bytes()


def test_failure_leaves_no_bag(walk: Path, tmp_path: Path) -> None:
    """A damaged image leaves no bag behind; an existing folder is not changed."""
    (walk / 'img1' / '000004.jpg').write_bytes(b'not an image')
    with pytest.raises(InputError, match=r'000004\.jpg'):
        write_sequence(walk, tmp_path / 'bag')
    assert [path.name for path in tmp_path.iterdir()] == ['walk']
    with pytest.raises(InputError, match='exists already'):
        write_sequence(walk, walk)


texts = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=9)
numbers = st.floats(-1e6, 1e6)
rows = st.lists(st.tuples(numbers, numbers, numbers, numbers, numbers, texts), max_size=5)


@settings(deadline=None, max_examples=25)
@given(rows, st.integers(0, 2**60), texts)
def test_detections_are_written_as_rosbags_serialises_them(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[Any, ...]],
    stamp: int,
    frame_id: str,
) -> None:
    table = np.array([row[:5] for row in rows], dtype=np.float64).reshape(-1, 5)
    names = np.array([row[5] for row in rows], dtype=object)
    path = tmp_path_factory.mktemp('bags') / 'bag'
    with BagWriter(path, frame_id=frame_id) as writer:
        writer.write_detections(stamp, Detections(table[:, :4], table[:, 4], names))
    with open_any_reader(path) as reader:
        ((_, time, data),) = reader.messages()
        message: Any = reader.deserialize(data, DETECTIONS_TYPE)
        assert reader.typestore.serialize_cdr(message, DETECTIONS_TYPE) == data
    assert time == stamp == message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
    for detection, (left, top, width, height, score, name) in zip(
        message.detections, rows, strict=True
    ):
        center = detection.bbox.center
        assert (center.position.x, center.position.y) == (left + width / 2, top + height / 2)
        assert (detection.bbox.size_x, detection.bbox.size_y, center.theta) == (width, height, 0)
        (result,) = detection.results
        assert (result.hypothesis.class_id, result.hypothesis.score) == (name, score)
        assert result.pose.pose.orientation.w == 1
        assert not result.pose.covariance.any()
        assert detection.header == message.header
        assert (detection.id, detection.header.frame_id) == ('', frame_id)
