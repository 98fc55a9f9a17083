"""The input image with its tracks drawn on it, for whoever looks."""

from __future__ import annotations

import array
from typing import Any, Final

import numpy as np
from sensor_msgs.msg import Image as ImageMessage

from strongsort_ros.files.drawing import colour_of, draw_box
from strongsort_ros.messages.cdr import Header
from strongsort_ros.tracking.tracks import LOST, TENTATIVE, Tracks
from strongsort_ros.types import Image

GREY: Final = (128, 128, 128)
_HEIGHT: Final = 1080  # pixels of an image whose confirmed tracks have lines of two


def draw_tracks(image: Image, tracks: Tracks) -> Image:
    """Return a copy of the image with a box, the id and the class of each track.

    Every id has the colour that it has in videos and reports. A confirmed track has a thick box, a
    tentative one a thin one, and a lost one a thin grey one.
    """
    canvas = np.ascontiguousarray(image).copy()
    thick = max(round(2 * canvas.shape[0] / _HEIGHT), 1)
    with np.errstate(invalid='ignore'):
        boxes = np.nan_to_num(tracks.tlwh)
    labels = zip(tracks.ids.tolist(), tracks.class_ids.tolist(), strict=True)
    for tlwh, state, (identity, class_id) in zip(
        boxes, tracks.states.tolist(), labels, strict=True
    ):
        colour = GREY if state == LOST else colour_of(identity)
        line = 1 if state in (LOST, TENTATIVE) else thick
        draw_box(canvas, tlwh, colour, line, f'{identity} {class_id}'.rstrip())
    return canvas


def image_message(header: Header, image: Image) -> Any:
    """Return a sensor_msgs/Image in bgr8."""
    message = ImageMessage()
    message.header.stamp.sec, message.header.stamp.nanosec = header.seconds, header.nanoseconds
    message.header.frame_id = header.frame_id
    message.height, message.width = image.shape[:2]
    message.encoding = 'bgr8'
    message.step = image.strides[0]
    # Of any other type, the setter goes through the data byte by byte.
    message.data = array.array('B', image.data.cast('B'))
    return message
