"""Image messages, as they come from the middleware, to BGR pixels."""

from __future__ import annotations

import importlib

import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from strongsort_ros.errors import ImageError
from strongsort_ros.messages.images import BGR
from strongsort_ros.messages.serialised import decode_image, read_image


def decode(message: bytes, transport: str) -> BGR:
    """Return the image as `decode_image` does; rare encodings by cv_bridge."""
    try:
        return decode_image(message, transport)
    except ImageError as error:
        if error.reason != 'unknown_encoding':
            raise
    return _decode_by_cv_bridge(message, read_image(message).encoding)


def _decode_by_cv_bridge(message: bytes, encoding: str) -> BGR:
    try:
        cv_bridge = importlib.import_module('cv_bridge')
        pixels = cv_bridge.CvBridge().imgmsg_to_cv2(deserialize_message(message, Image), 'bgr8')
    except ImportError as error:
        raise ImageError(
            'unknown_encoding',
            f'image encoding {encoding!r} needs cv_bridge, which cannot be imported ({error}): '
            'publish bgr8, rgb8, bgra8, rgba8 or mono8, or install cv_bridge',
        ) from error
    except Exception as error:  # cv_bridge raises its own, OpenCV's and NumPy's errors
        raise ImageError(
            'unknown_encoding', f'image encoding {encoding!r}: cv_bridge says: {error}'
        ) from error
    return np.asarray(pixels, np.uint8)
