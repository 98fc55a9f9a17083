from __future__ import annotations

import cv2
import numpy as np
import pytest

from strongsort_ros.camera_motion.ecc import CameraMotionSettings, EccCameraMotion
from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.types import FloatArray

from .scenes import HEIGHT, WIDTH, Image, add_people, between, plane, pose, rms_error, view

PLANE = plane()


def estimate(
    before: Image,
    after: Image,
    boxes_before: FloatArray | None = None,
    boxes: FloatArray | None = None,
) -> CameraMotion:
    estimator = EccCameraMotion()
    assert estimator.estimate(before, boxes_before).score == 0
    return estimator.estimate(after, boxes)


def assert_unknown(motion: CameraMotion) -> None:
    np.testing.assert_array_equal(motion.matrix, np.eye(3))
    assert motion.score == 0


@pytest.mark.parametrize(
    ('x', 'y', 'degrees'),
    [(0, 0, 0), (0.4, -0.3, 0), (3, 2, 0.1), (-15, 8, 0.5), (40, -25, -1), (150, 60, 2), (2, 0, 7)],
)
def test_known_motion(x: float, y: float, degrees: float) -> None:
    before, after = pose(), pose(x, y, degrees)
    motion = estimate(view(PLANE, before), view(PLANE, after, seed=1))
    assert rms_error(motion.matrix, between(before, after)) < 0.15
    assert motion.score > 0.95


@pytest.mark.parametrize(
    ('x', 'y', 'degrees', 'zoom'),
    [(0, 0, 0, 1.01), (0, 0, 0, 0.985), (6, -4, 0.5, 1.03), (-20, 10, -1, 1.06), (2, 1, 0, 0.95)],
)
def test_known_zoom(x: float, y: float, degrees: float, zoom: float) -> None:
    before, after = pose(), pose(x, y, degrees, zoom)
    images = view(PLANE, before), view(PLANE, after, seed=1)
    truth = between(before, after)
    assert rms_error(estimate(*images).matrix, truth) < 0.2
    rigid = EccCameraMotion(CameraMotionSettings(max_zoom=0.0))
    rigid.estimate(images[0])
    assert rms_error(rigid.estimate(images[1]).matrix, truth) > 1


def test_steady_zoom_of_a_drive() -> None:
    # The zoom of the last frame is part of the start of the search.
    estimator = EccCameraMotion()
    before = None
    for t in range(8):
        now = pose(0.5 * t, -0.3 * t, 0.0, 1.04**t)
        motion = estimator.estimate(view(PLANE, now, seed=t))
        if before is not None:
            assert rms_error(motion.matrix, between(before, now)) < 0.2
        before = now


@pytest.mark.parametrize('move', [(0, 0, 0), (3, 2, 0.1), (40, -25, -1)])
def test_motion_without_zoom_has_exactly_none(move: tuple[float, float, float]) -> None:
    images = view(PLANE, pose()), view(PLANE, pose(*move), seed=1)
    for t, image in enumerate(images):
        add_people(image, crowd(t), seed=3)
    motion = estimate(*images, crowd(0), crowd(1))
    assert motion.score > 0.9
    assert np.linalg.det(motion.matrix[:2, :2]) == pytest.approx(1, abs=1e-12)


def test_camera_shake() -> None:
    # The last motion is a bad start here, as it points in the opposite direction.
    estimator = EccCameraMotion()
    before = None
    for t in range(12):
        now = pose(30 * (-1) ** t, 20 * (-1) ** (t // 2), 0.8 * (-1) ** t)
        motion = estimator.estimate(view(PLANE, now, seed=t))
        if before is not None:
            assert rms_error(motion.matrix, between(before, now)) < 0.15
        before = now


def test_brightness_and_contrast_do_not_matter() -> None:
    before, after = pose(), pose(5, -3, 0.3)
    darker = cv2.convertScaleAbs(view(PLANE, after, seed=1), alpha=0.6, beta=20)
    motion = estimate(view(PLANE, before), darker)
    assert rms_error(motion.matrix, between(before, after)) < 0.15


def crowd(t: int) -> FloatArray:
    """Boxes over two fifths of the image, moving to the right."""
    x, y = np.meshgrid(np.linspace(-40, WIDTH - 100, 8), [60.0, 300.0])
    boxes = np.column_stack([x.ravel(), y.ravel(), np.full(16, 70.0), np.full(16, 190.0)])
    boxes[:, 0] += 6 * t
    return boxes


def test_people_in_boxes_are_not_background() -> None:
    before, after = pose(), pose(4, -3, 0.2)
    images = view(PLANE, before), view(PLANE, after, seed=1)
    for t, image in enumerate(images):
        add_people(image, crowd(t), seed=3)
    truth = between(before, after)
    masked = estimate(*images, crowd(0), crowd(1))
    assert rms_error(masked.matrix, truth) < 0.2
    # The boxes of the current frame only, or a few of the previous ones, are enough.
    assert rms_error(estimate(*images, None, crowd(1)).matrix, truth) < 0.3
    assert rms_error(estimate(*images, crowd(0)[::5], crowd(1)).matrix, truth) < 0.3


def test_few_people_without_boxes_are_outliers() -> None:
    before, after = pose(), pose(4, -3, 0.2)
    images = view(PLANE, before), view(PLANE, after, seed=1)
    for t, image in enumerate(images):
        add_people(image, crowd(t)[3:13:9], seed=3)
    assert rms_error(estimate(*images).matrix, between(before, after)) < 0.3


def test_boxes_over_everything_leave_motion_unknown() -> None:
    image = view(PLANE, pose())
    everything = np.array([[-10.0, -10, WIDTH + 20, HEIGHT + 20]])
    assert_unknown(estimate(image, image, None, everything))
    assert_unknown(estimate(image, image, everything, None))


def test_invalid_boxes_are_ignored() -> None:
    images = view(PLANE, pose()), view(PLANE, pose(3, 1), seed=1)
    bad = np.array(
        [[np.nan, 0, 10, 10], [0, 0, np.inf, 10], [5, 5, -20, 10], [5, 5, 0, 0], [1e12, 0, 5, 5]]
    )
    np.testing.assert_array_equal(estimate(*images, bad, bad).matrix, estimate(*images).matrix)


def test_identical_images_have_no_motion() -> None:
    image = view(PLANE, pose())
    motion = estimate(image, image)
    np.testing.assert_allclose(motion.matrix, np.eye(3), atol=1e-3)
    assert motion.score > 0.999


def test_motion_to_another_scene_is_unknown() -> None:
    assert_unknown(estimate(view(PLANE, pose()), view(plane(9), pose())))


def noise(seed: int) -> Image:
    values = np.random.default_rng(seed).normal(128, 6, (HEIGHT, WIDTH, 3))
    return values.astype(np.uint8)


BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
RAMP = np.broadcast_to(np.linspace(0, 255, WIDTH, dtype=np.uint8), (HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        (BLACK, BLACK),
        (BLACK + 255, BLACK + 255),
        (BLACK, view(PLANE, pose())),
        (view(PLANE, pose()), BLACK),
        (noise(1), noise(2)),
        (RAMP, RAMP),
    ],
    ids=['black', 'white', 'lights on', 'lights off', 'noise', 'ramp: one direction only'],
)
def test_motion_without_texture_is_unknown(before: Image, after: Image) -> None:
    assert_unknown(estimate(before, after))


def test_implausible_motion_is_unknown() -> None:
    images = view(PLANE, pose()), view(PLANE, pose(60, 0, 3), seed=1)
    for change in ({'max_shift': 0.02}, {'max_rotation': 2.0}, {'min_score': 0.99999}):
        estimator = EccCameraMotion(CameraMotionSettings().replace(**change))
        estimator.estimate(images[0])
        assert_unknown(estimator.estimate(images[1]))
    images = view(PLANE, pose()), view(PLANE, pose(zoom=1.05), seed=1)
    assert estimate(*images).score > 0.9
    estimator = EccCameraMotion(CameraMotionSettings(max_zoom=0.03))
    estimator.estimate(images[0])
    assert_unknown(estimator.estimate(images[1]))


def test_change_of_image_size_resets() -> None:
    estimator = EccCameraMotion()
    large, small = view(PLANE, pose()), view(PLANE, pose())[:400, :700]
    estimator.estimate(large)
    assert_unknown(estimator.estimate(small))
    assert estimator.estimate(small).score > 0.9
    assert_unknown(estimator.estimate(large))


def test_reset_forgets_the_previous_image() -> None:
    estimator = EccCameraMotion()
    estimator.estimate(view(PLANE, pose()))
    estimator.reset()
    assert_unknown(estimator.estimate(view(PLANE, pose(2, 2))))


def test_grey_images_are_accepted() -> None:
    before, after = pose(), pose(7, 4, 0.4)
    images = [cv2.cvtColor(view(PLANE, p), cv2.COLOR_BGR2GRAY) for p in (before, after)]
    assert rms_error(estimate(*images).matrix, between(before, after)) < 0.15


def test_strided_views_are_accepted_and_not_changed() -> None:
    images = view(PLANE, pose()), view(PLANE, pose(7, 4), seed=1)
    padded = []
    for image in images:
        wide = np.zeros((HEIGHT, WIDTH + 13, 3), np.uint8)
        wide[:, :WIDTH] = image
        strided = wide[:, :WIDTH]
        strided.flags.writeable = False
        padded.append(strided)
    boxes = crowd(0)
    boxes.flags.writeable = False
    expected = estimate(*images, boxes, boxes).matrix
    np.testing.assert_array_equal(estimate(*padded, boxes, boxes).matrix, expected)
    for image, strided in zip(images, padded, strict=True):
        np.testing.assert_array_equal(image, strided)
    mirrored = [image[:, ::-1] for image in images]
    assert estimate(*mirrored).score > 0.9


def test_search_does_not_change_the_kept_pyramid() -> None:
    # OpenCV's phase correlation multiplies images that need no padding by its window, in place.
    # The coarsest level of 640 x 480 is such an image.
    images = [np.ascontiguousarray(view(PLANE, pose(3 * t, t))[:480, :640]) for t in range(3)]
    estimator = EccCameraMotion()
    scores = [estimator.estimate(image).score for image in images]
    assert min(scores[1:]) > 0.95


@pytest.mark.parametrize('size', [(3840, 2160), (1224, 370), (640, 480), (200, 150), (90, 70)])
def test_image_sizes(size: tuple[int, int]) -> None:
    texture = plane(2)
    shift = np.array([[1, 0, -3.0], [0, 1, 2.0]])
    before = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
    after = cv2.warpAffine(before, shift, size, borderMode=cv2.BORDER_REFLECT)
    motion = estimate(before, after)
    # Images are reduced to a similar size, so the error grows with the size of the original.
    np.testing.assert_allclose(motion.matrix[:2, 2], shift[:, 2], atol=max(size) / 8000)
