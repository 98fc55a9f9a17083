"""Bags have the form that rosbag2 of Jazzy writes and reads: metadata of version 9.

The fields are those that rosbag2 decodes (rosbag2_storage, yaml.hpp and qos.cpp); it stops at the
first that is missing or of another type.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
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
from strongsort_ros.bags.writer import BagWriter, Storage, detection_array
from strongsort_ros.tracking.detections import Detections

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
"""A topic's QoS: the words are rmw's."""
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
    """Compare a value with its form: a type, the values allowed, or lists and maps of those."""
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
def test_a_bag_of_our_own(tmp_path: Path, storage: Storage) -> None:
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
def test_a_copy_with_profiles(tmp_path: Path, storage: StoragePlugin, history: QosHistory) -> None:
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
        empty = detection_array(types, 1, 'camera', Detections.empty())
        writer.write(connection, 1, types.serialize_cdr(empty, DETECTIONS_TYPE))
    with open_bag(tmp_path / 'bag') as bag:
        copy_bag(bag, tmp_path / 'copy', bag.connections[0], bytes, lambda _share: None)
    written = metadata(tmp_path / 'copy')
    (topic,) = written['topics_with_message_count']
    check(topic['topic_metadata'], TOPIC, 'topic')
    assert topic == metadata(tmp_path / 'bag')['topics_with_message_count'][0]
    assert all(type(key) is type(value) is str for key, value in written['custom_data'].items())
