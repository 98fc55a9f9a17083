"""Every mode returns a finite matrix for any images, and the identity with score 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from strongsort_ros.camera_motion import MODES, create_camera_motion

images = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 70), st.integers(1, 70)).flatmap(
        lambda size: st.sampled_from([size, (*size, 3)])
    ),
    elements=st.integers(0, 255),
    fill=st.integers(0, 255),
)
boxes = st.none() | hnp.arrays(np.float64, st.tuples(st.integers(0, 4), st.just(4)))


@pytest.mark.parametrize('mode', ['ecc', 'published'])
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(images, boxes), min_size=1, max_size=4), st.booleans())
def test_arbitrary_images(
    mode: str, frames: list[tuple[np.ndarray, np.ndarray | None]], same: bool
) -> None:
    estimator = create_camera_motion(mode)
    assert estimator is not None
    for image, tlwh in frames:
        given_image = frames[0][0] if same else image
        before = given_image.copy()
        motion = estimator.estimate(given_image, tlwh)
        np.testing.assert_array_equal(given_image, before)
        assert motion.matrix.shape == (3, 3)
        assert np.isfinite(motion.matrix).all()
        assert 0 <= motion.score <= 1
        if motion.score == 0:
            np.testing.assert_array_equal(motion.matrix, np.eye(3))


@pytest.mark.parametrize('mode', ['ecc', 'published'])
@pytest.mark.parametrize('shape', [(0, 0), (0, 0, 3), (1, 1), (1, 5000), (5000, 1, 3), (11, 11)])
def test_motion_of_tiny_images_is_unknown(mode: str, shape: tuple[int, ...]) -> None:
    estimator = create_camera_motion(mode)
    assert estimator is not None
    for _ in range(2):
        assert estimator.estimate(np.zeros(shape, np.uint8)).score == 0


@pytest.mark.parametrize('mode', ['ecc', 'published'])
def test_noise_of_any_strength(mode: str) -> None:
    rng = np.random.default_rng(0)
    estimator = create_camera_motion(mode)
    assert estimator is not None
    for strength in (1, 5, 30, 120, 255):
        for _ in range(4):
            image = rng.integers(0, strength + 1, (120, 160, 3), dtype=np.uint8)
            assert np.isfinite(estimator.estimate(image).matrix).all()


def test_modes_and_unknown_mode() -> None:
    assert create_camera_motion('none') is None
    assert all(create_camera_motion(mode) is not None for mode in MODES if mode != 'none')
    with pytest.raises(ValueError, match=r"'orb'.*none, ecc, published"):
        create_camera_motion('orb')
