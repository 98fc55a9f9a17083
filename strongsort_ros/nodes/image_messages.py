"""Image messages: rare encodings decoded by cv_bridge, and the debug image to publish."""

from __future__ import annotations

import array
import importlib
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import Image as ImageMessage

from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.images import Converter, RawImage
from strongsort_ros.types import Image


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
    message = ImageMessage()
    message.header.stamp.sec, message.header.stamp.nanosec = header.seconds, header.nanoseconds
    message.header.frame_id = header.frame_id
    message.height, message.width = image.shape[:2]
    message.encoding = 'bgr8'
    message.step = image.strides[0]
    # The setter checks data of other types byte by byte.
    message.data = array.array('B', image.data.cast('B'))
    return message
