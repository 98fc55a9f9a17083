"""The size in the header is that of the decoded image, whatever is damaged."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.messages.image_size import encoded_size

KINDS = {
    'jpeg': ('.jpg', []),
    'progressive jpeg': ('.jpg', [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    'restarting jpeg': ('.jpg', [cv2.IMWRITE_JPEG_RST_INTERVAL, 1]),
    'png': ('.png', []),
    'webp': ('.webp', [cv2.IMWRITE_WEBP_QUALITY, 50]),
    'lossless webp': ('.webp', [cv2.IMWRITE_WEBP_QUALITY, 101]),
    'bmp': ('.bmp', []),
}


@functools.cache
def encoded(kind: str, width: int, height: int, channels: int = 3) -> bytes:
    suffix, options = KINDS[kind]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


@pytest.mark.parametrize('kind', KINDS)
def test_size_of_every_kind(kind: str) -> None:
    for width, height in ((1, 1), (17, 5), (300, 200)):
        assert encoded_size(encoded(kind, width, height)) == (width, height)
    assert encoded_size(memoryview(encoded(kind, 40, 30))) == (40, 30)


@pytest.mark.parametrize('kind', ['png', 'webp', 'bmp'])
def test_size_of_images_with_transparency(kind: str) -> None:
    assert encoded_size(encoded(kind, 31, 12, 4)) == (31, 12)


def test_segments_before_the_size_are_passed_over() -> None:
    data = encoded('jpeg', 20, 10)
    comment = b'\xff\xff\xfe' + (60_000).to_bytes(2, 'big') + bytes(59_998)
    assert encoded_size(data[:2] + 3 * comment + data[2:]) == (20, 10)


@pytest.mark.parametrize('data', [b'', b'GIF89a' + bytes(50), b'RIFF' + bytes(40), b'BM', b'\xff'])
def test_what_is_none_of_them_has_no_size(data: bytes) -> None:
    assert encoded_size(data) is None


@settings(deadline=None)
@given(st.sampled_from(list(KINDS)), st.data())
def test_no_damaged_image_is_decoded_larger_than_its_size(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(encoded(kind, 24, 16))
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, min(len(damaged), 700) - 1))] = data.draw(
            st.integers(0, 255)
        )
    del damaged[data.draw(st.integers(0, len(damaged))) or len(damaged) :]
    size = encoded_size(bytes(damaged))
    if size is None or not 0 < size[0] * size[1] <= 1 << 22:
        return  # refused
    image = cv2.imdecode(np.frombuffer(damaged, np.uint8), cv2.IMREAD_COLOR)
    assert image is None or image.shape[0] * image.shape[1] <= size[0] * size[1]
