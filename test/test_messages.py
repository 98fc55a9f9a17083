"""The interfaces that others build on: a changed field breaks them, and their recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strongsort_ros.tracking import tracks

MESSAGES = pytest.importorskip('strongsort_ros.msg', reason='needs the messages: make setup')
SERVICES = pytest.importorskip('strongsort_ros.srv', reason='needs the messages: make setup')

TRACK = {
    'id': 'uint32',
    'class_id': 'string',
    'score': 'float',
    'state': 'uint8',
    'bbox': 'vision_msgs/BoundingBox2D',
    'bbox_covariance': 'double[16]',
    'velocity': 'vision_msgs/Point2D',
    'age': 'uint32',
    'hits': 'uint32',
    'time_since_update': 'uint32',
    'first_seen': 'builtin_interfaces/Time',
    'detection_index': 'int32',
    'reported': 'boolean',
}
TRACK_ARRAY = {
    'header': 'std_msgs/Header',
    'tracks': 'sequence<strongsort_ros/Track2D>',
    'camera_motion': 'double[9]',
    'camera_motion_score': 'float',
}
REQUEST = {
    'input_uri': 'string',
    'tracks_topic': 'string',
    'output_uri': 'string',
    'aflink': 'boolean',
    'gsi': 'boolean',
    'smooth': 'string',
}
RESPONSE = {
    'success': 'boolean',
    'message': 'string',
    'output_uri': 'string',
    'tracks_in': 'uint32',
    'tracks_out': 'uint32',
    'links': 'uint32',
    'boxes_in': 'uint32',
    'boxes_out': 'uint32',
    'duration': 'double',
}


def test_fields() -> None:
    assert MESSAGES.Track2D.get_fields_and_field_types() == TRACK
    assert MESSAGES.Track2DArray.get_fields_and_field_types() == TRACK_ARRAY
    assert SERVICES.RefineTracks.Request.get_fields_and_field_types() == REQUEST
    assert SERVICES.RefineTracks.Response.get_fields_and_field_types() == RESPONSE


@pytest.mark.parametrize(('name', 'value'), [('TENTATIVE', 0), ('CONFIRMED', 1), ('LOST', 2)])
def test_states_are_the_trackers(name: str, value: int) -> None:
    assert getattr(MESSAGES.Track2D, name) == getattr(tracks, name) == value


def test_comes_back_from_the_wire() -> None:
    from rclpy.serialization import deserialize_message, serialize_message

    track = MESSAGES.Track2D(id=7, class_id='person', state=MESSAGES.Track2D.LOST)
    track.bbox.center.position.x = 12.5
    track.bbox_covariance[15] = 4.0
    sent = MESSAGES.Track2DArray(tracks=[track], camera_motion_score=0.5)
    received = deserialize_message(serialize_message(sent), MESSAGES.Track2DArray)
    assert received == sent


@pytest.mark.parametrize(
    ('name', 'type_hash'),
    [
        # As the released vision_msgs has it: others' detectors and our nodes meet by this.
        (
            'vision_msgs/msg/Detection2DArray',
            'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
        ),
    ],
)
def test_type_hash(name: str, type_hash: str) -> None:
    from ament_index_python.packages import get_package_share_directory

    package, rest = name.split('/', 1)
    described = json.loads(Path(get_package_share_directory(package), f'{rest}.json').read_text())
    hashes = {entry['type_name']: entry['hash_string'] for entry in described['type_hashes']}
    assert hashes[name] == type_hash
