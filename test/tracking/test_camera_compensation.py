"""Tracks move with the camera, and a motion that cannot be is not believed."""

from __future__ import annotations

import numpy as np

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


def test_no_box_is_turned_inside_out() -> None:
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
