"""The message of a debug image."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('sensor_msgs.msg', reason='needs ROS 2')

from strongsort_ros.messages.cdr import Header
from strongsort_ros.nodes.debug_image import image_message


def test_the_message_holds_the_pixels() -> None:
    image = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    message = image_message(Header(3, 4, 'camera'), image)
    assert (message.height, message.width, message.step, message.encoding) == (6, 4, 12, 'bgr8')
    assert bytes(message.data) == image.tobytes()
    assert (message.header.stamp.sec, message.header.frame_id) == (3, 'camera')
