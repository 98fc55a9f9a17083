"""Conversions of box formats, and IoU."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strongsort_ros.tracking.boxes import iou, tlwh_to_xyah, xyah_to_xyxy, xyxy_to_xyah

coordinate = st.floats(-5000, 5000)
size = st.floats(0.1, 3000)
boxes = st.lists(st.tuples(coordinate, coordinate, size, size), min_size=1, max_size=8).map(
    np.array
)


def corners(tlwh: np.ndarray) -> np.ndarray:
    return np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], axis=1)


@given(boxes)
def test_corners_to_centre_and_back(tlwh: np.ndarray) -> None:
    xyxy = xyah_to_xyxy(tlwh_to_xyah(tlwh))
    np.testing.assert_allclose(xyxy, corners(tlwh), atol=1e-8)
    np.testing.assert_allclose(xyxy_to_xyah(xyxy), tlwh_to_xyah(tlwh), rtol=1e-6, atol=1e-8)


@given(boxes, boxes)
def test_iou_is_symmetric_and_between_0_and_1(a: np.ndarray, b: np.ndarray) -> None:
    overlap = iou(corners(a), corners(b))
    assert overlap.shape == (len(a), len(b))
    assert (overlap >= 0).all()
    assert (overlap <= 1 + 1e-9).all()
    np.testing.assert_allclose(overlap, iou(corners(b), corners(a)).T)


@given(boxes)
def test_iou_of_a_box_with_itself_is_1(tlwh: np.ndarray) -> None:
    np.testing.assert_allclose(np.diag(iou(corners(tlwh), corners(tlwh))), 1)


def test_known_iou() -> None:
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array([[5.0, 0, 15, 10], [20, 20, 30, 30], [2, 2, 4, 4]])
    np.testing.assert_allclose(iou(a, b), [[50 / 150, 0, 4 / 100]])


@given(arrays(np.float64, (4, 4), elements=st.floats(-1e6, 1e6)))
def test_iou_of_inverted_and_empty_boxes_is_finite(xyxy: np.ndarray) -> None:
    assert np.isfinite(iou(xyxy, xyxy)).all()
