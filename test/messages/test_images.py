"""Pixels of image messages: every encoding, padded rows, and data that do not fit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.errors import ImageError
from strongsort_ros.messages.images import CHANNELS, CompressedImage, RawImage

BGR = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
ALPHA = np.full((5, 7, 1), 9, np.uint8)
ENCODED = {
    'bgr8': BGR,
    '8UC3': BGR,
    'rgb8': BGR[..., ::-1],
    'bgra8': np.concatenate([BGR, ALPHA], axis=2),
    '8UC4': np.concatenate([BGR, ALPHA], axis=2),
    'rgba8': np.concatenate([BGR[..., ::-1], ALPHA], axis=2),
}


def padded(pixels: np.ndarray, padding: int) -> tuple[int, bytes]:
    rows = pixels.reshape(len(pixels), -1)
    table = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return table.shape[1], table.tobytes()


@pytest.mark.parametrize('padding', [0, 1, 13])
@pytest.mark.parametrize('encoding', ENCODED)
def test_colours_and_padding(encoding: str, padding: int) -> None:
    step, data = padded(ENCODED[encoding], padding)
    np.testing.assert_array_equal(RawImage(5, 7, encoding, step, data).decode(), BGR)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_becomes_three_equal_channels(encoding: str) -> None:
    step, data = padded(BGR[..., :1], 3)
    expected = np.repeat(BGR[..., :1], 3, axis=2)
    np.testing.assert_array_equal(RawImage(5, 7, encoding, step, data).decode(), expected)


def test_bgr_is_a_view_that_nobody_can_write_to() -> None:
    data = BGR.tobytes()
    pixels = RawImage(5, 7, 'bgr8', 21, data).decode()
    assert np.shares_memory(pixels, np.frombuffer(data, np.uint8))
    assert not pixels.flags.writeable


def test_the_last_row_needs_no_padding() -> None:
    step, data = padded(BGR, 10)
    np.testing.assert_array_equal(RawImage(5, 7, 'bgr8', step, data[:-10]).decode(), BGR)
    with pytest.raises(ImageError, match='need'):
        RawImage(5, 7, 'bgr8', step, data[:-11]).decode()


@pytest.mark.parametrize(
    ('image', 'reason'),
    [
        (RawImage(0, 7, 'bgr8', 21, b''), 'empty_image'),
        (RawImage(5, 0, 'bgr8', 0, b''), 'empty_image'),
        (RawImage(5, 7, 'bgr8', 20, bytes(200)), 'wrong_step'),
        (RawImage(5, 7, 'bgr8', 21, bytes(104)), 'short_image'),
        (RawImage(5, 7, 'bayer_rggb8', 7, bytes(35)), 'unknown_encoding'),
        (RawImage(2**32 - 1, 2**32 - 1, 'mono8', 2**32 - 1, bytes(9)), 'short_image'),
    ],
)
def test_what_does_not_fit_is_named(image: RawImage, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        image.decode()
    assert caught.value.reason == reason


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([*CHANNELS, 'nonsense', '']),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
)
def test_nothing_but_image_errors(
    height: int, width: int, encoding: str, step: int, data: bytes
) -> None:
    try:
        pixels = RawImage(height, width, encoding, step, data).decode()
    except ImageError:
        return
    assert pixels.shape == (height, width, 3)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_compressed_images(suffix: str) -> None:
    smooth = cv2.resize(BGR, (64, 48))
    data = cv2.imencode(suffix, smooth)[1].tobytes()
    pixels = CompressedImage(suffix, data).decode()
    assert np.abs(pixels.astype(int) - smooth).mean() < 8


@pytest.mark.parametrize('data', [b'', b'\xff\xd8\xff', b'no image at all'])
def test_corrupt_compressed_images_are_named(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        CompressedImage('jpeg', data).decode()
    assert caught.value.reason == 'corrupt_image'
