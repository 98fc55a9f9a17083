"""The drawn scene: ground truth matches the drawing, and the camera motion moves the image."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.simulation.camera import ShakingCamera
from tools.simulation.figures import draw_figure, looks_of
from tools.simulation.scene import (
    Scene,
    SceneFrame,
    SceneSettings,
    move_boxes,
    share_inside,
)

SMALL = SceneSettings(width=480, height=270, frames=12, people=4, camera_shake=4.0, seed=3)


@pytest.fixture(scope='module')
def frames() -> list[SceneFrame]:
    return list(Scene(SMALL))


def test_same_seed_draws_the_same_scene(frames: list[SceneFrame]) -> None:
    again = list(Scene(SMALL))
    assert [f.frame for f in again] == list(range(1, SMALL.frames + 1))
    for one, other in zip(frames, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.tlwh, other.tlwh)
        np.testing.assert_array_equal(one.detections.tlwh, other.detections.tlwh)
        np.testing.assert_array_equal(one.camera_motion, other.camera_motion)


def test_a_scene_can_be_drawn_twice() -> None:
    scene = Scene(SMALL)
    for one, other in zip(scene, scene, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_other_seeds_draw_other_scenes(frames: list[SceneFrame]) -> None:
    other = next(iter(Scene(SceneSettings(width=480, height=270, frames=1, people=4, seed=4))))
    assert np.mean(cv2.absdiff(other.image, frames[0].image)) > 5


def test_camera_motion_moves_the_background(frames: list[SceneFrame]) -> None:
    moved_by = []
    for before, after in pairwise(frames):
        warped = cv2.warpAffine(before.image, after.camera_motion[:2], (480, 270))
        empty = _background(before, after)
        residual = cv2.absdiff(warped, after.image)[empty].mean()
        unmoved = cv2.absdiff(before.image, after.image)[empty].mean()
        # The rest is the noise of the two images.
        assert residual < 6
        moved_by.append(np.hypot(*after.camera_motion[:2, 2]))
        if moved_by[-1] > 2:
            assert residual < 0.6 * unmoved
    assert max(moved_by) > 2


def _background(*frames: SceneFrame) -> np.ndarray:
    mask = np.ones(frames[0].image.shape[:2], bool)
    mask[:16], mask[-16:], mask[:, :16], mask[:, -16:] = False, False, False, False
    for frame in frames:
        for left, top, width, height in frame.tlwh:
            rows = slice(max(int(top) - 8, 0), int(top + height) + 16)
            mask[rows, max(int(left - width), 0) : max(int(left + 2 * width), 0)] = False
    return mask


def test_figures_are_in_their_boxes() -> None:
    # One person before an empty background: all differing pixels are in the box.
    settings = SceneSettings(width=480, height=270, frames=40, people=1, noise=0.0, seed=2)
    scene = Scene(settings)
    seen = 0
    for frame in scene:
        if not frame.visibility.size or frame.visibility[0] < 0.999:
            continue
        background = scene.background(scene.camera.pose(frame.frame))
        left, top, width, height = frame.tlwh[0]
        differs = cv2.absdiff(frame.image, background).max(axis=2) > 12
        differs[round(top + 0.94 * height) :] = False  # shadow
        rows, columns = np.nonzero(differs)
        assert abs(rows.min() - top) <= 2
        assert abs((columns.min() + columns.max()) / 2 - (left + width / 2)) < 0.2 * width
        assert left - 0.15 * width - 2 <= columns.min()
        assert columns.max() <= left + 1.15 * width + 2
        seen += 1
    assert seen > 10


def test_nearer_people_occlude_others() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    red, blue = looks_of(1, 0), looks_of(2, 0)
    box = np.array([70.0, 20.0, 60.0, 160.0])
    draw_figure(image, box, red, 1.0, 1)
    draw_figure(image, box, blue, 1.0, 1)
    alone = np.zeros_like(image)
    draw_figure(alone, box, blue, 1.0, 1)
    torso = np.s_[60:85, 97:103]
    np.testing.assert_array_equal(image[torso], alone[torso])


@given(
    identity=st.integers(1, 500),
    phase=st.floats(0, 20),
    facing=st.sampled_from([-1, 1]),
)
def test_a_figure_fills_the_height_of_its_box(identity: int, phase: float, facing: int) -> None:
    image = np.zeros((140, 120, 3), np.uint8)
    draw_figure(image, np.array([40.0, 20.0, 38.0, 100.0]), looks_of(identity, 0), phase, facing)
    rows, columns = np.nonzero(image.max(axis=2))
    assert abs(rows.min() - 20) <= 2
    assert abs(rows.max() - 120) <= 2
    assert columns.min() > 30
    assert columns.max() < 90


def test_ground_truth_and_detections_agree(frames: list[SceneFrame]) -> None:
    for frame in frames:
        assert ((frame.visibility >= 0) & (frame.visibility <= 1 + 1e-9)).all()
        assert (share_inside(frame.tlwh, 480, 270) >= 0.4).all()
        assert frame.detections.embeddings is None
        clear = frame.tlwh[frame.visibility > 0.9]
        if len(clear) and len(frame.detections):
            gaps = np.abs(clear[:, None] - frame.detections.tlwh[None]).max(axis=2).min(axis=1)
            assert np.median(gaps) < 0.08 * clear[:, 3].max()


def test_still_camera_has_no_motion() -> None:
    still = SceneSettings(width=320, height=180, frames=3, camera_pan=0, camera_shake=0)
    for frame in Scene(still):
        np.testing.assert_allclose(frame.camera_motion, np.eye(3), atol=1e-12)


@given(frame=st.integers(2, 10_000), pan=st.floats(0, 100), shake=st.floats(0, 20))
def test_camera_motion_is_euclidean_and_bounded(frame: int, pan: float, shake: float) -> None:
    camera = ShakingCamera(
        (480, 270), 30.0, pan=pan, shake=shake, roll=0.5, rng=np.random.default_rng(0)
    )
    motion = camera.motion(frame)
    np.testing.assert_allclose(motion[:2, :2] @ motion[:2, :2].T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(motion @ camera.pose(frame - 1), camera.pose(frame), atol=1e-9)
    offset = camera.pose(frame) @ (480, 270, 1) - (480, 270, 1)
    assert abs(offset[0]) <= pan + shake + 1e-9
    assert abs(offset[1]) <= shake + 1e-9


def test_boxes_move_with_their_feet() -> None:
    turn = np.array([[0.0, -1.0, 5.0], [1.0, 0.0, 7.0], [0.0, 0.0, 1.0]])
    moved = move_boxes(np.array([[10.0, 20.0, 4.0, 8.0]]), turn)
    # Feet (12, 28) -> (-28 + 5, 12 + 7).
    np.testing.assert_allclose(moved, [[-25.0, 11.0, 4.0, 8.0]])


@pytest.mark.parametrize('wrong', [{'width': 10}, {'frames': 0}, {'people': 0}, {'frame_rate': 0}])
def test_invalid_settings_are_rejected(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='scene of'):
        SceneSettings(**wrong)
