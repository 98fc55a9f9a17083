"""ROS messages of the tracker node: their expected fields, cv_bridge, and the debug image.

`messages` reads and writes all other messages from their bytes.
"""

from __future__ import annotations

import array
import importlib
from typing import Any, Final

import cv2
import numpy as np
from geometry_msgs.msg import PoseWithCovariance
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as RosImage
from std_msgs.msg import Header as RosHeader
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
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.images import Converter, RawImage
from strongsort_ros.msg import Track2D, Track2DArray
from strongsort_ros.types import Image

LAYOUTS: Final[dict[Any, str]] = {
    Track2DArray: 'std_msgs/Header header, sequence<strongsort_ros/Track2D> tracks, '
    'double[9] camera_motion, float camera_motion_score',
    Track2D: 'uint32 id, string class_id, float score, uint8 state, '
    'vision_msgs/BoundingBox2D bbox, double[16] bbox_covariance, vision_msgs/Point2D velocity, '
    'uint32 age, uint32 hits, uint32 time_since_update, '
    'builtin_interfaces/Time first_seen, int32 detection_index, '
    'boolean reported',
    RosHeader: 'builtin_interfaces/Time stamp, string frame_id',
    RosImage: 'std_msgs/Header header, uint32 height, uint32 width, string encoding, '
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


def cv_bridge_converter() -> Converter | None:
    """Return cv_bridge's conversion to bgr8; None if cv_bridge is missing or does not work.

    A cv_bridge that was built for another version of NumPy does not work. OpenCV's conversions in
    `messages.images`, which replace it, give the same pixels.
    """
    try:
        cv_bridge = importlib.import_module('cv_bridge')
        to_image = cv_bridge.CvBridge().imgmsg_to_cv2
        # The first conversion loads the compiled part.
        to_image(RawImage(1, 1, 'rgb8', 3, bytes(3)), 'bgr8')
    except (ImportError, AttributeError, SystemError):  # any of these with another NumPy
        return None

    def convert(image: RawImage) -> Image | None:
        try:
            return np.asarray(to_image(image, 'bgr8'), np.uint8)
        except (cv_bridge.CvBridgeError, cv2.error, RuntimeError):
            return None  # cv_bridge does not support the encoding

    return convert


def image_message(header: Header, image: Image) -> Any:
    """Return a sensor_msgs/Image in bgr8."""
    message = RosImage()
    message.header.stamp.sec, message.header.stamp.nanosec = header.seconds, header.nanoseconds
    message.header.frame_id = header.frame_id
    message.height, message.width = image.shape[:2]
    message.encoding = 'bgr8'
    message.step = image.strides[0]
    # The setter checks data of other types byte by byte.
    message.data = array.array('B', image.data.cast('B'))
    return message
