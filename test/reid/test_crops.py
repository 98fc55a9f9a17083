from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strongsort_ros.reid.crops import (
    clip_boxes,
    crop_with_opencv,
)

ANY_BOXES = arrays(np.float64, st.tuples(st.integers(0, 8), st.just(4)), elements=st.floats())


@given(ANY_BOXES, st.integers(1, 50), st.integers(1, 50))
def test_clipped_boxes_lie_in_the_image_and_are_not_empty(tlwh, height, width):
    xyxy, shown = clip_boxes(tlwh, height, width)
    assert shown.sum() == len(xyxy)
    assert (xyxy[:, :2] >= 0).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert (xyxy[:, 2:] <= [width, height]).all()


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize(
    'box',
    [
        [np.nan, 0, 10, 10],
        [0, 0, np.inf, 10],
        [1e308, 1e308, 1e308, 1e308],
        [5, 5, 0, 10],
        [5, 5, -3, 10],
        [-20, 0, 10, 10],
        [100, 0, 10, 10],
        [5.1, 5, 0.5, 10],
    ],
)
def test_invisible_boxes_are_dropped(box):
    xyxy, shown = clip_boxes(np.array([box, [1, 2, 3, 4]], dtype=np.float64), 100, 100)
    assert shown.tolist() == [False, True]
    assert xyxy.tolist() == [[1, 2, 4, 6]]


def test_corners_are_truncated_as_in_deepsort():
    xyxy, _ = clip_boxes(np.array([[-5.5, 2.9, 10.4, 7.2]]), 100, 100)
    assert xyxy.tolist() == [[0, 2, 4, 10]]


def test_crop_has_no_pixels_outside_its_box():
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    picture[10:20, 10:20] = 200
    assert (crop_with_opencv(picture, np.array([[10, 10, 20, 20]]), (64, 64)) == 200).all()
