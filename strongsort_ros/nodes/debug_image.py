"""The input image with its tracks drawn on it, for whoever looks."""

from __future__ import annotations

import array
from typing import Any, Final

import cv2
import numpy as np
from sensor_msgs.msg import Image

from strongsort_ros.messages.images import BGR
from strongsort_ros.messages.serialised import Header
from strongsort_ros.tracking.tracks import LOST, TENTATIVE, Tracks

GOLDEN_ANGLE: Final = 137.50776
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
LARGEST: Final = 1 << 15
"""Pixels; OpenCV draws to 16-bit places."""


def draw_tracks(image: BGR, tracks: Tracks) -> BGR:
    """Return a copy of the image with a box and a number for each track.

    Every number has its colour. A confirmed track has a thick box, a tentative one a thin one,
    and a lost one a thin grey one.
    """
    canvas = np.ascontiguousarray(image).copy()
    with np.errstate(invalid='ignore'):
        boxes = np.nan_to_num(tracks.tlwh)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    corners = np.clip(np.rint(corners), -LARGEST, LARGEST).astype(int)
    size = max(canvas.shape[0] / 1080, 0.4)
    thick = max(round(2 * size), 1)
    labels = zip(tracks.ids.tolist(), tracks.class_ids.tolist(), strict=True)
    for (left, top, right, bottom), state, label in zip(
        corners.tolist(), tracks.states.tolist(), labels, strict=True
    ):
        colour = (128, 128, 128) if state == LOST else colour_of(label[0])
        width = 1 if state in (LOST, TENTATIVE) else thick
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, width)
        text = f'{label[0]} {label[1]}'.rstrip()
        cv2.putText(canvas, text, (left, top - 4), FONT, 0.8 * size, colour, thick, cv2.LINE_AA)
    return canvas


def colour_of(number: int) -> tuple[int, int, int]:
    """Return BGR; numbers that follow each other get colours that are far apart."""
    hue = int(number * GOLDEN_ANGLE) % 360 // 2
    pixel = np.array([[[hue, 200, 255]]], np.uint8)
    blue, green, red = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0]
    return int(blue), int(green), int(red)


def image_message(header: Header, image: BGR) -> Any:
    """Return a sensor_msgs/Image in bgr8."""
    message = Image()
    message.header.stamp.sec, message.header.stamp.nanosec = header.seconds, header.nanoseconds
    message.header.frame_id = header.frame_id
    message.height, message.width = image.shape[:2]
    message.encoding = 'bgr8'
    message.step = image.strides[0]
    # Of any other type, the setter goes through the data byte by byte.
    message.data = array.array('B', image.data.cast('B'))
    return message
