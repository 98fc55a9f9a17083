"""Boxes cut with PyTorch show what those cut with OpenCV show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')

from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.reid.crops import crop_with_opencv
from strongsort_ros.reid.torch_engine import crop_with_torch


@given(st.integers(0, 2**32 - 1))
def test_torch_and_opencv_cut_the_same(seed):
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8), (61, 83))
    low = rng.integers(0, (60, 82), (5, 2))
    high = low + 1 + rng.integers(0, (61, 83) - low)
    xyxy = np.concatenate([low, high], axis=1)
    expected = crop_with_opencv(picture, xyxy, (32, 16)).transpose(0, 3, 1, 2)
    found = crop_with_torch(torch.from_numpy(picture), torch.from_numpy(xyxy), (32, 16))
    # OpenCV rounds weights to 1/2048 and results to whole numbers.
    assert np.abs(found.numpy() - expected).max() <= 1.0


def test_a_cut_never_sees_beyond_its_box():
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    picture[10:20, 10:20] = 200
    xyxy = np.array([[10, 10, 20, 20]])
    found = crop_with_torch(torch.from_numpy(picture), torch.from_numpy(xyxy), (64, 64))
    assert torch.allclose(found, torch.tensor(200.0), atol=0.05)
