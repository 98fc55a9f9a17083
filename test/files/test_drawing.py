"""Tracks drawn on images: one palette, legible labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from strongsort_ros.files.drawing import colour_of, draw_box, draw_track_states, draw_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, Tracks


def test_colours_differ() -> None:
    """Every id has one colour, and consecutive ids differ clearly."""
    assert colour_of(7) == colour_of(7)
    for identity in range(1, 200):
        a, b = np.array(colour_of(identity)), np.array(colour_of(identity + 1))
        assert np.abs(a - b).max() > 100


@pytest.mark.parametrize('identity', range(1, 30))
def test_labels_are_legible(identity: int) -> None:
    """Text is black on bright colours and white on dark ones (WCAG contrast of 3 to 1)."""
    image = np.zeros((90, 200, 3), dtype=np.uint8)
    colour = colour_of(identity)
    draw_box(image, np.array([5.0, 60, 100, 20]), colour, 2, '88888')
    label = image[40:58, 6:80].reshape(-1, 3)
    ink = max(label.tolist(), key=lambda pixel: np.abs(np.array(pixel) - colour).sum())

    def light(bgr: Sequence[float]) -> float:
        part = np.array(bgr) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.0722, 0.7152, 0.2126))

    high, low = sorted((light(ink), light(colour)), reverse=True)
    assert (high + 0.05) / (low + 0.05) > 3


def test_boxes_are_drawn_where_they_are() -> None:
    """A box is drawn in its frame only and in its colour; boxes far outside are harmless."""
    tlwh = np.array([[20.0, 60, 30, 30], [1e9, -1e9, 1e12, 5], [20, 60, 30, 30]])
    rows = TrackRows(
        np.array([1, 2, 2]), np.array([1, 1, 2]), tlwh, np.ones(3), np.full(3, 'person')
    )
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    draw_tracks(image, rows, 3)
    assert not image.any()
    draw_tracks(image, rows, 1)
    assert tuple(image[90, 40].tolist()) == colour_of(1)
    assert not image[70, 40].any()
    draw_tracks(image, rows, 2)
    assert tuple(image[90, 40].tolist()) == colour_of(2)


def tracks(mean: list[list[float]], states: list[int]) -> Tracks:
    n = len(mean)
    rows = np.arange(n)
    table = np.column_stack([np.reshape(mean, (n, 4)), np.zeros((n, 4))])
    return Tracks(
        rows + 1, np.full(n, 'person'), np.ones(n), np.array(states), table, np.zeros((n, 8)),
        rows, rows, rows, rows, rows, rows < n,
    )  # fmt: skip


def test_tracks_are_drawn_on_a_copy() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image.flags.writeable = False
    seen = tracks([[100, 100, 0.5, 80], [200, 100, 0.5, 80]], [CONFIRMED, LOST])
    drawn = draw_track_states(image, seen)
    assert tuple(drawn[100, 80]) == colour_of(1)
    assert tuple(drawn[100, 180]) == (128, 128, 128)
    assert not image.any()


@pytest.mark.parametrize('value', [np.nan, np.inf, -1e12, 1e12])
def test_infinite_boxes_are_drawn_without_error(value: float) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    assert draw_track_states(image, tracks([[value] * 4], [CONFIRMED])).shape == image.shape


def test_an_id_has_one_colour_in_videos_and_debug_images() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    drawn = draw_track_states(image, tracks([[100, 100, 0.5, 80]], [CONFIRMED]))
    rows = TrackRows(
        np.array([1]), np.array([1]), np.array([[80.0, 60, 40, 80]]), np.ones(1), np.array(['a'])
    )
    draw_tracks(image, rows, 1)
    assert drawn[100, 80].tolist() == image[100, 80].tolist()
