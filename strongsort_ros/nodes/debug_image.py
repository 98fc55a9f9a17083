"""Image messages that the tracker node publishes."""

from __future__ import annotations

import array
from typing import Any

from sensor_msgs.msg import Image as ImageMessage

from strongsort_ros.messages.cdr import Header
from strongsort_ros.types import Image


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
