"""The size read from a file's header is that of the decoded image, even of a damaged file."""

from __future__ import annotations

import functools
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.messages.images import encoded_size

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


def decoded(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8, copy=False)


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


def test_fill_bytes_are_passed_over() -> None:
    data = encoded('jpeg', 20, 10)
    assert encoded_size(data[:2] + b'\xff\xff' + data[2:]) == (20, 10)


@pytest.mark.parametrize('marker', [b'\xff\x00', b'\xff\x01', b'\xff\xd0', b'\xff\xd7'])
def test_markers_that_do_not_belong_before_the_size_are_refused(marker: bytes) -> None:
    data = encoded('jpeg', 20, 10)
    assert encoded_size(data[:2] + marker + data[2:]) is None


def test_a_table_is_not_taken_for_the_size() -> None:
    data = encoded('jpeg', 20, 10)
    at = data.index(b'\xff\xc4')
    table = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], 'big')]
    changed = data[:2] + table + data[2:]
    assert decoded(changed).shape[:2] == (10, 20)
    assert encoded_size(changed) == (20, 10)


def test_sizes_of_extended_webp_have_24_bits() -> None:
    sides = (70_000 - 1).to_bytes(3, 'little') + (2**24 - 1).to_bytes(3, 'little')
    data = b'RIFF' + bytes(4) + b'WEBPVP8X' + (10).to_bytes(4, 'little') + bytes(4) + sides
    assert encoded_size(data) == (70_000, 2**24)


def test_a_bmp_may_be_stored_from_the_top() -> None:
    data = bytearray(encoded('bmp', 17, 5))
    data[22:26] = struct.pack('<i', -5)
    assert decoded(bytes(data)).shape[:2] == (5, 17)
    assert encoded_size(bytes(data)) == (17, 5)


def test_a_bmp_of_the_oldest_kind_has_sizes_of_16_bits() -> None:
    head = struct.pack('<2sIIIIHHHH', b'BM', 0, 0, 26, 12, 4, 3, 1, 24)
    data = head + bytes(4 * 3 * 3)
    assert decoded(data).shape[:2] == (3, 4)
    assert encoded_size(data) == (4, 3)


def test_a_png_that_begins_with_another_chunk_has_no_size() -> None:
    data = bytearray(encoded('png', 20, 10))
    data[12:16] = b'tEXt'
    assert encoded_size(bytes(data)) is None


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (2 + len(content)).to_bytes(2, 'big') + content


@pytest.mark.parametrize('marker', range(256))
def test_no_marker_hides_the_size_of_a_jpeg(marker: int) -> None:
    # Where a decoder takes the marker for no segment, it finds the larger image within it.
    large, small = encoded('jpeg', 300, 200), encoded('jpeg', 20, 10)
    data = large[:2] + segment(marker, large[2:20_000]) + small[2:]
    size = encoded_size(data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert size is None or image is None or image.shape[1::-1] == size


def test_fill_bytes_without_end_are_refused() -> None:
    assert encoded_size(b'\xff\xd8' + 20_000 * b'\xff' + encoded('jpeg', 20, 10)[2:]) is None


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
