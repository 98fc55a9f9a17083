"""Tracks drawn on images: one palette, legible labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from strongsort_ros.files.drawing import (
    colour_of,
    draw_boxes,
    draw_track_states,
    draw_tracks,
    labels_of,
)
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, Tracks


def assert_near(one: npt.ArrayLike, other: npt.ArrayLike) -> None:
    """Colours on antialiased lines are a little darker."""
    np.testing.assert_allclose(one, other, atol=30)


def test_colours_differ() -> None:
    """Every id has one colour, and consecutive ids differ clearly."""
    assert colour_of(7) == colour_of(7)
    for identity in range(1, 200):
        a, b = np.array(colour_of(identity)), np.array(colour_of(identity + 1))
        assert np.abs(a - b).max() > 100


def test_boxes_are_drawn_where_they_are() -> None:
    """A box is drawn in its frame only and in its colour; boxes far outside are harmless."""
    tlwh = np.array([[20.0, 60, 30, 30], [1e9, -1e9, 1e12, 5], [20, 60, 30, 30]])
    rows = TrackRows(
        np.array([1, 2, 2]), np.array([1, 1, 2]), tlwh, np.ones(3), np.full(3, 'person')
    )
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    draw_tracks(image, rows, 3, labels=False)
    assert not image.any()
    draw_tracks(image, rows, 1)
    assert_near(image[90, 40], colour_of(1))
    assert not image[70, 40].any()
    draw_tracks(image, rows, 2)
    assert_near(image[90, 40], colour_of(2))


def test_boxes_lie_at_fractions_of_a_pixel() -> None:
    """An antialiased line half-way between two pixels has half of the colour in both."""
    image = np.zeros((40, 40, 3), np.uint8)
    draw_boxes(image, np.array([[9.5, 10, 20, 20]]), [(255, 255, 255)], [1])
    assert abs(int(image[20, 9, 0]) - int(image[20, 10, 0])) < 40
    assert 80 < image[20, 10, 0] < 200


def test_a_trail_fades_and_can_be_left_out() -> None:
    """The path is drawn in the colour of the track, strongest at its end."""
    n = 20
    tlwh = np.column_stack([10.0 * np.arange(n), np.full(n, 40), np.full((n, 2), 8)])
    rows = TrackRows(np.arange(1, n + 1), np.ones(n, int), tlwh, np.ones(n), np.full(n, 'person'))
    image = np.zeros((100, 220, 3), np.uint8)
    draw_tracks(image, rows, n, 30, labels=False)
    path = image[48, 4:180].max(axis=1).astype(int)
    assert path[160] > path[80] > path[20] > 0
    # Averaging keeps the ends, and a straight path straight.
    assert not image[52:, :180].any()
    image[:] = 0
    draw_tracks(image, rows, n, 0, labels=False)
    assert not image[:, :180].any()


def test_ground_truth_has_dashed_lines() -> None:
    """Along the box of ground truth, white and black alternate."""
    image = np.full((200, 200, 3), 90, np.uint8)
    truth = GroundTruth(
        np.array([4]), np.array([1]), np.array([[50.0, 60, 80, 90]]), np.array([True]),
        np.array([1]), np.ones(1),
    )  # fmt: skip
    draw_tracks(image, TrackRows.empty(), 5, ground_truth=truth, labels=False)
    assert (image == 90).all()
    draw_tracks(image, TrackRows.empty(), 4, ground_truth=truth, labels=False)
    left = image[62:148, 50, 0].astype(int)
    assert np.count_nonzero(np.diff(left > 128)) >= 8
    assert left.max() > 200
    assert left.min() < 60


def test_labels_have_class_and_score_where_they_are_known() -> None:
    """A MOTChallenge text has neither."""
    box, n = np.zeros((4, 4)), np.arange(4)
    names = np.array(['person', 'car', 'person', 'person'])
    scores = np.array([1, 1, 0.876, -1])
    texts = [label.text for label in labels_of(n, box, names, scores, [(0, 0, 0)] * 4)]
    assert texts == ['0', '1 car', '2 person 0.88', '3']


def test_the_frame_number_is_drawn() -> None:
    image = np.full((90, 200, 3), 90, np.uint8)
    draw_tracks(image, TrackRows.empty(), 7)
    assert (image[:12, :12] == 0).any()
    assert (image[30:] == 90).all()


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
    assert_near(drawn[100, 80], image[100, 80])
