"""Check that the installed message types have the fields that `messages` reads and writes."""

from __future__ import annotations

from typing import Any, Final

from geometry_msgs.msg import PoseWithCovariance
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)

from strongsort_ros.errors import MessageError
from strongsort_ros.msg import Track2D, Track2DArray

LAYOUTS: Final[dict[Any, str]] = {
    Track2DArray: 'std_msgs/Header header, sequence<strongsort_ros/Track2D> tracks, '
    'double[9] camera_motion, float camera_motion_score',
    Track2D: 'uint32 id, string class_id, float score, uint8 state, '
    'vision_msgs/BoundingBox2D bbox, double[16] bbox_covariance, vision_msgs/Point2D velocity, '
    'uint32 age, uint32 hits, uint32 time_since_update, '
    'builtin_interfaces/Time first_seen, int32 detection_index',
    Header: 'builtin_interfaces/Time stamp, string frame_id',
    Image: 'std_msgs/Header header, uint32 height, uint32 width, string encoding, '
    'uint8 is_bigendian, uint32 step, sequence<uint8> data',
    CompressedImage: 'std_msgs/Header header, string format, sequence<uint8> data',
    Detection2DArray: 'std_msgs/Header header, sequence<vision_msgs/Detection2D> detections',
    Detection2D: 'std_msgs/Header header, sequence<vision_msgs/ObjectHypothesisWithPose> results, '
    'vision_msgs/BoundingBox2D bbox, string id',
    ObjectHypothesisWithPose: 'vision_msgs/ObjectHypothesis hypothesis, '
    'geometry_msgs/PoseWithCovariance pose',
    ObjectHypothesis: 'string class_id, double score',
    PoseWithCovariance: 'geometry_msgs/Pose pose, double[36] covariance',
    BoundingBox2D: 'vision_msgs/Pose2D center, double size_x, double size_y',
    Pose2D: 'vision_msgs/Point2D position, double theta',
    Point2D: 'double x, double y',
}


def check_layouts() -> None:
    """Compare the fields of the installed message types with the expected ones.

    Raises
    ------
    MessageError
        A message type has other fields, so that its bytes would be misread.

    """
    for kind, expected in LAYOUTS.items():
        fields = kind.get_fields_and_field_types().items()
        found = ', '.join(f'{type_name} {name}' for name, type_name in fields)
        if found != expected:
            raise MessageError(
                f'{kind.__module__.split(".")[0]}/{kind.__name__} of this ROS has the fields '
                f'{found}; expected {expected}: install a version of strongsort_ros for this ROS'
            )
