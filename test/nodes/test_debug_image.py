"""Tracks drawn on the image."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('sensor_msgs.msg', reason='needs ROS 2')

from strongsort_ros.files import drawing
from strongsort_ros.files.drawing import colour_of
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.messages.cdr import Header
from strongsort_ros.nodes.debug_image import draw_tracks, image_message
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, Tracks


def tracks(mean: list[list[float]], states: list[int]) -> Tracks:
    n = len(mean)
    rows = np.arange(n)
    table = np.column_stack([np.reshape(mean, (n, 4)), np.zeros((n, 4))])
    return Tracks(
        rows + 1, np.full(n, 'person'), np.ones(n), np.array(states), table, np.zeros((n, 8)),
        rows, rows, rows, rows, rows,
    )  # fmt: skip


def test_boxes_are_drawn_on_a_copy() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image.flags.writeable = False
    seen = tracks([[100, 100, 0.5, 80], [200, 100, 0.5, 80]], [CONFIRMED, LOST])
    drawn = draw_tracks(image, seen)
    assert tuple(drawn[100, 80]) == colour_of(1)
    assert tuple(drawn[100, 180]) == (128, 128, 128)
    assert not image.any()


@pytest.mark.parametrize('value', [np.nan, np.inf, -1e12, 1e12])
def test_boxes_from_nowhere_are_survived(value: float) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    assert draw_tracks(image, tracks([[value] * 4], [CONFIRMED])).shape == image.shape


def test_an_id_has_its_colour_of_videos() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    drawn = draw_tracks(image, tracks([[100, 100, 0.5, 80]], [CONFIRMED]))
    rows = TrackRows(
        np.array([1]), np.array([1]), np.array([[80.0, 60, 40, 80]]), np.ones(1), np.array(['a'])
    )
    drawing.draw_tracks(image, rows, 1)
    assert drawn[100, 80].tolist() == image[100, 80].tolist()


def test_the_message_holds_the_pixels() -> None:
    image = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    message = image_message(Header(3, 4, 'camera'), image)
    assert (message.height, message.width, message.step, message.encoding) == (6, 4, 12, 'bgr8')
    assert bytes(message.data) == image.tobytes()
    assert (message.header.stamp.sec, message.header.frame_id) == (3, 'camera')
