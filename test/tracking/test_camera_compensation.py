"""Camera motion compensation, and implausible camera motions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strongsort_ros.refinement.aflink.candidates import CameraPath
from strongsort_ros.tracking.camera_compensation import compensate, is_usable


def test_a_shift_moves_centres_only() -> None:
    mean = np.array([[100.0, 50, 0.5, 80, 1, 2, 0, 0]])
    motion = np.array([[1.0, 0, 7], [0, 1, -3], [0, 0, 1]])
    compensate(mean, motion)
    np.testing.assert_allclose(mean, [[107, 47, 0.5, 80, 1, 2, 0, 0]])


def test_a_zoom_scales_boxes() -> None:
    mean = np.array([[100.0, 50, 0.5, 80, 1, 2, 0, 0]])
    compensate(mean, np.diag([2.0, 2.0, 1.0]))
    np.testing.assert_allclose(mean, [[200, 100, 0.5, 160, 1, 2, 0, 0]])


def test_no_box_is_inverted() -> None:
    mean = np.array([[100.0, 50, 0.5, 80, 1, 2, 0, 0]])
    before = mean.copy()
    compensate(mean, np.diag([-1.0, 1.0, 1.0]))
    np.testing.assert_array_equal(mean, before)


def test_the_limit_is_a_distance_from_the_identity() -> None:
    motion = np.eye(3)
    motion[0, 2] = 99.9
    assert is_usable(motion, 100)
    motion[0, 2] = 100
    assert not is_usable(motion, 100)
    motion[0, 2] = np.nan
    assert not is_usable(motion, 100)


def published(mean: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return the box of a state (8,) after a motion, as the published program writes it."""
    x, y, a, h = mean[:4]
    x1, y1, _ = motion @ [x - a * h / 2, y - h / 2, 1]
    x2, y2, _ = motion @ [x + a * h / 2, y + h / 2, 1]
    w, h = x2 - x1, y2 - y1
    return np.array([x1 + w / 2, y1 + h / 2, w / h, h])


@pytest.mark.parametrize(('aspect', 'height'), [(0.5, 80), (0.5, -3), (-0.2, 40), (-0.3, -2)])
def test_inverted_predictions_are_moved_as_published(aspect: float, height: float) -> None:
    motion = np.array([[1.01, 0.02, 7], [-0.02, 0.99, -3], [0, 0, 1]])
    mean = np.array([[100.0, 50, aspect, height, 1, 2, 0, 0], [300, 90, 0.4, 100, 0, 0, 0, 0]])
    expected = [published(row, motion) for row in mean]
    compensate(mean, motion)
    np.testing.assert_allclose(mean[:, :4], expected)


def test_a_motion_that_shrinks_or_mirrors_the_image_is_not_usable() -> None:
    turned = np.array([[np.cos(1), -np.sin(1), 3], [np.sin(1), np.cos(1), 4], [0, 0, 1]])
    for motion in (np.eye(3), turned, np.diag([2.0, 2, 1]), np.diag([0.2, 0.5, 1])):
        assert is_usable(motion, 100)
    line = np.array([[1.0, 2, 0], [2, 4, 0], [0, 0, 1]])
    nearly = line + np.diag([1e-9, 0, 0])
    for motion in (line, nearly, np.diag([0.0, 0, 1]), np.diag([-1.0, 1, 1]), np.zeros((3, 3))):
        assert not is_usable(motion, 100)


@given(arrays(np.float64, (3, 3), elements=st.floats(-1e3, 1e3)))
def test_a_usable_motion_is_invertible(motion: np.ndarray) -> None:
    if is_usable(motion, 1e4):
        assert np.linalg.det(motion[:2, :2]) > 0.01
        CameraPath({1: motion, 2: motion})
