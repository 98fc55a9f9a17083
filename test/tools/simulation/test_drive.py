"""The simulated drive: what is drawn moves as the camera says, and so do the boxes."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from tools.simulation.drive import Drive, DriveFrame, DriveSettings
from tools.simulation.street import Pose, Street

SMALL = DriveSettings(width=320, height=180, frames=6, people=8, turn=8.0, pitch=0.6, seed=3)


@pytest.fixture(scope='module')
def frames() -> list[DriveFrame]:
    return list(Drive(SMALL))


def test_same_seed_draws_the_same_drive(frames: list[DriveFrame]) -> None:
    again = list(Drive(SMALL))
    assert [f.frame for f in again] == list(range(1, SMALL.frames + 1))
    for one, other in zip(frames, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.tlwh, other.tlwh)
        np.testing.assert_array_equal(one.detections.tlwh, other.detections.tlwh)
        np.testing.assert_array_equal(one.carried, other.carried)


def test_boxes_before_are_those_of_the_previous_frame(frames: list[DriveFrame]) -> None:
    assert len(frames[0].before) == 0
    for before, after in pairwise(frames):
        assert len(after.before) > 0
        for box in after.before:
            assert np.abs(before.tlwh - box).max(axis=1).min() < 1e-9


def test_camera_that_stands_still_carries_no_box() -> None:
    for frame in Drive(DriveSettings(width=320, height=180, frames=3, speed=0.0)):
        np.testing.assert_array_equal(frame.before, frame.carried)


def test_boxes_grow_while_the_camera_drives_forward() -> None:
    for frame in Drive(DriveSettings(width=320, height=180, frames=3)):
        assert (frame.carried[:, 3] > frame.before[:, 3]).all()


def test_detections_lie_on_people(frames: list[DriveFrame]) -> None:
    for frame in frames:
        near = [
            np.abs(frame.tlwh - box).max(axis=1).min() < 0.1 * box[3]
            for box in frame.detections.tlwh
        ]
        assert np.mean(near) > 0.6


def test_road_is_drawn_where_it_projects() -> None:
    # The images of a plane from two poses differ by the homography of four of its points.
    street = Street(480, 270, 400.0, np.random.default_rng(1))
    poses = Pose(np.array([0.0, -1.6, 0.0])), Pose(np.array([0.3, -1.6, 0.7]), 0.05, 0.02)
    corners = np.array([[-3.0, 0, 4], [3, 0, 4], [5, 0, 12], [-5, 0, 12]])
    seen = [street.project(corners, pose).astype(np.float32) for pose in poses]
    before, after = (cv2.blur(street.draw(pose), (3, 3)) for pose in poses)
    moved = cv2.warpPerspective(before, cv2.getPerspectiveTransform(*seen), (480, 270))
    inside = cv2.fillConvexPoly(np.zeros((270, 480), np.uint8), seen[1].astype(np.int32), 1)
    inside = cv2.erode(inside, np.ones((9, 9), np.uint8))
    left = cv2.mean(cv2.absdiff(moved, after), inside)[0]
    unmoved = cv2.mean(cv2.absdiff(before, after), inside)[0]
    assert left < 0.35 * unmoved


def test_points_behind_the_camera_have_no_pixel() -> None:
    street = Street(64, 48, 50.0, np.random.default_rng(1))
    pixels = street.project(np.array([[0.0, 0, 5], [0, 0, -5]]), Pose(np.array([0.0, -1, 0])))
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1]).all()
