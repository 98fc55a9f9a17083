"""Rare image encodings to BGR by ROS's own cv_bridge, where it is installed and works."""

from __future__ import annotations

import importlib

import cv2
import numpy as np

from strongsort_ros.messages.images import Converter, RawImage
from strongsort_ros.types import Image


def cv_bridge_converter() -> Converter | None:
    """Return cv_bridge's conversion to bgr8; None where it is missing or not of this NumPy.

    OpenCV's conversions of `messages.images` give the same pixels.
    """
    try:
        cv_bridge = importlib.import_module('cv_bridge')
        to_image = cv_bridge.CvBridge().imgmsg_to_cv2
        # The compiled part is loaded by the first conversion.
        to_image(RawImage(1, 1, 'rgb8', 3, bytes(3)), 'bgr8')
    except (ImportError, AttributeError, SystemError):  # built for another NumPy: any of these
        return None

    def convert(image: RawImage) -> Image | None:
        try:
            return np.asarray(to_image(image, 'bgr8'), np.uint8)
        except (cv_bridge.CvBridgeError, cv2.error, RuntimeError):
            return None  # no encoding of its

    return convert
