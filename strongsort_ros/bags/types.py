"""Message types of bags, with and without ROS.

`rosbags` has the types of a ROS 2 installation. Those of vision_msgs and of this package are
declared here field for field and have the same type hashes.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

IMAGE_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE_TYPE = 'sensor_msgs/msg/CompressedImage'
DETECTIONS_TYPE = 'vision_msgs/msg/Detection2DArray'
TRACKS_TYPE = 'strongsort_ros/msg/Track2DArray'

TRACKS_HASH_0_1: Final = 'RIHS01_6a89e92d2363af08957e536d208ed085b74ad85631b0d40ccb86a4c1e7fd3482'
"""Type hash of `TRACKS_TYPE` in version 0.1, whose tracks had no field `reported`."""

REFINED_TOPICS: Final = 'strongsort_ros/refined'
"""Key in a bag's custom metadata: topics whose tracks are refined, separated by spaces."""

_DEFINITIONS = {
    'vision_msgs/msg/Point2D': 'float64 x\nfloat64 y',
    'vision_msgs/msg/Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'vision_msgs/msg/BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'vision_msgs/msg/ObjectHypothesis': 'string class_id\nfloat64 score',
    'vision_msgs/msg/ObjectHypothesisWithPose': (
        'vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose'
    ),
    'vision_msgs/msg/Detection2D': (
        'std_msgs/Header header\n'
        'vision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\n'
        'string id'
    ),
    DETECTIONS_TYPE: 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
    'strongsort_ros/msg/Track2D': (
        'uint8 TENTATIVE=0\nuint8 CONFIRMED=1\nuint8 LOST=2\n'
        'uint32 id\n'
        'string class_id\n'
        'float32 score\n'
        'uint8 state\n'
        'vision_msgs/BoundingBox2D bbox\n'
        'float64[16] bbox_covariance\n'
        'vision_msgs/Point2D velocity\n'
        'uint32 age\n'
        'uint32 hits\n'
        'uint32 time_since_update\n'
        'builtin_interfaces/Time first_seen\n'
        'int32 detection_index\n'
        'bool reported'
    ),
    TRACKS_TYPE: (
        'std_msgs/Header header\n'
        'strongsort_ros/Track2D[] tracks\n'
        'float64[9] camera_motion\n'
        'float32 camera_motion_score'
    ),
}


@cache
def ros_types() -> Typestore:
    """Return the message types of ROS 2 Jazzy, vision_msgs and strongsort_ros."""
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions = {}
    for name, text in _DEFINITIONS.items():
        definitions.update(get_types_from_msg(text, name))
    store.register(definitions)
    return store
