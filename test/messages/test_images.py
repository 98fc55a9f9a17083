"""Pixels of image messages: every encoding, padded rows, corrupt and oversized images."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.errors import ImageError
from strongsort_ros.messages.cdr import InputLimits
from strongsort_ros.messages.images import ENCODINGS, PLAIN, RawImage, decode_image
from test.messages.image_data import decode_compressed, decode_raw, raw_message

BGR = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
CV_BRIDGE = dict(np.load(Path(__file__).parent / 'cv_bridge_pixels.npz'))
"""Small images by encoding, and `NAME bgr8`: their pixels by the real cv_bridge."""
SMALL = InputLimits(image_size=0.01)
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
    rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1).view(np.uint8)
    table = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return table.shape[1], table.tobytes()


@pytest.mark.parametrize('padding', [0, 1, 13])
@pytest.mark.parametrize('encoding', ENCODED)
def test_colours_and_padding(encoding: str, padding: int) -> None:
    step, data = padded(ENCODED[encoding], padding)
    np.testing.assert_array_equal(decode_raw(RawImage(5, 7, encoding, step, data)), BGR)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_becomes_three_equal_channels(encoding: str) -> None:
    step, data = padded(BGR[..., :1], 3)
    expected = np.repeat(BGR[..., :1], 3, axis=2)
    np.testing.assert_array_equal(decode_raw(RawImage(5, 7, encoding, step, data)), expected)


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('encoding', ['bgr16', 'rgb16', 'bgra16', 'rgba16', 'mono16', '16UC1'])
def test_16_bits_are_scaled_to_8(encoding: str, *, big_endian: bool) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), np.uint16)
    expected = np.rint(deep / 257).astype(np.uint8)
    if ENCODINGS[encoding].channels == 1:
        deep, expected = deep[..., :1], np.repeat(expected[..., :1], 3, axis=2)
    sent = deep[..., ::-1] if encoding.startswith('rgb') else deep
    if ENCODINGS[encoding].channels == 4:
        sent = np.concatenate([sent, sent[..., :1]], axis=2)
    step, data = padded(sent.astype('>u2' if big_endian else '<u2'), 2)
    pixels = decode_raw(RawImage(5, 7, encoding, step, data, big_endian))
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_bayer_pattern_of_one_colour_is_that_colour(pattern: str, bits: int) -> None:
    colour = {'b': 20, 'g': 130, 'r': 240}
    tile = np.array([colour[letter] for letter in pattern]).reshape(2, 2)
    mosaic = np.tile(tile, (6, 8)) * (1 if bits == 8 else 257)
    step, data = padded(mosaic.astype(f'u{bits // 8}'), 4)
    pixels = decode_raw(RawImage(12, 16, f'bayer_{pattern}{bits}', step, data))
    np.testing.assert_array_equal(pixels[2:-2, 2:-2], np.full((8, 12, 3), (20, 130, 240)))


@pytest.mark.parametrize('encoding', ['yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21'])
def test_yuv_of_known_colours(encoding: str) -> None:
    """ITU-R BT.601 with the range 16 to 235, as cameras send it."""
    luma, blue, red = np.full((4, 6), 81), np.full((4, 6), 90), np.full((4, 6), 240)
    if encoding in ('nv12', 'nv21'):
        pair = (blue, red) if encoding == 'nv12' else (red, blue)
        chroma = np.stack(pair, axis=2)[::2, ::2].reshape(2, 6)
        rows = np.concatenate([luma, chroma])
    else:
        chroma = np.where(np.arange(6) % 2, red, blue)
        order = (chroma, luma) if encoding in ('yuv422', 'uyvy') else (luma, chroma)
        rows = np.stack(order, axis=2).reshape(4, 12)
    step, data = padded(rows.astype(np.uint8), 2)
    pixels = decode_raw(RawImage(4, 6, encoding, step, data))
    assert np.abs(pixels.astype(int) - (0, 0, 255)).max() <= 2


def test_bgr8_is_a_read_only_view() -> None:
    message = raw_message(RawImage(5, 7, 'bgr8', 21, BGR.tobytes()))
    pixels = decode_image(message, 'raw')
    assert np.shares_memory(pixels, np.frombuffer(message, np.uint8))
    assert not pixels.flags.writeable


def test_the_last_row_needs_no_padding() -> None:
    step, data = padded(BGR, 10)
    np.testing.assert_array_equal(decode_raw(RawImage(5, 7, 'bgr8', step, data[:-10])), BGR)
    with pytest.raises(ImageError, match='need'):
        decode_raw(RawImage(5, 7, 'bgr8', step, data[:-11]))


@pytest.mark.parametrize(
    ('image', 'reason'),
    [
        (RawImage(0, 7, 'bgr8', 21, b''), 'empty_image'),
        (RawImage(5, 0, 'bgr8', 0, b''), 'empty_image'),
        (RawImage(5, 7, 'bgr8', 20, bytes(200)), 'wrong_step'),
        (RawImage(5, 7, 'bgr8', 21, bytes(104)), 'short_image'),
        (RawImage(5, 7, 'mono16', 13, bytes(70)), 'wrong_step'),
        (RawImage(4, 6, 'nv12', 6, bytes(35)), 'short_image'),
        (RawImage(5, 7, 'uyvy', 14, bytes(70)), 'wrong_size'),
        (RawImage(5, 7, '32FC1', 28, bytes(140)), 'unknown_encoding'),
        (RawImage(5, 7, 'x' * 10**6, 7, bytes(35)), 'unknown_encoding'),
        (RawImage(2**32 - 1, 2**32 - 1, 'mono8', 2**32 - 1, bytes(9)), 'image_too_large'),
    ],
)
def test_an_invalid_image_is_refused_with_its_reason(image: RawImage, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_raw(image)
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 600


@given(
    st.integers(0, 2**32 - 1) | st.integers(0, 9),
    st.integers(0, 2**32 - 1) | st.integers(0, 9),
    st.sampled_from([*ENCODINGS, 'nonsense', '']),
    st.integers(0, 2**32 - 1) | st.integers(0, 40),
    st.binary(max_size=300),
    st.booleans(),
)
def test_any_image_is_decoded_or_refused_with_an_image_error(
    height: int, width: int, encoding: str, step: int, data: bytes, big_endian: bool
) -> None:
    try:
        pixels = decode_raw(RawImage(height, width, encoding, step, data, big_endian))
    except ImageError:
        return
    assert pixels.shape == (height, width, 3)
    assert pixels.dtype == np.uint8


def test_a_converter_decodes_all_encodings_that_are_not_plain() -> None:
    """As cv_bridge in the node; OpenCV decodes the encodings that it refuses."""
    asked = []

    def convert(image: RawImage) -> np.ndarray | None:
        asked.append((image.encoding, image.step, len(image.data), image.is_bigendian))
        return None if image.encoding == 'mono16' else np.full((2, 2, 3), 7, np.uint8)

    expected = []
    for name, encoding in ENCODINGS.items():
        row = 2 * encoding.channels * encoding.bits // 8
        for big_endian, padding in ((False, 0), (True, 0), (False, 3), (True, 2)):
            image = RawImage(2, 2, name, row + padding, bytes(3 * (row + padding)), big_endian)
            pixels = decode_raw(image, converter=convert)
            assert (pixels == 7).all() == (name not in PLAIN and name != 'mono16'), name
            if name not in PLAIN:
                expected.append((name, row, row * int(2 * encoding.rows), False))
    assert asked == expected
    with pytest.raises(ImageError, match='bytes'):
        decode_raw(RawImage(2, 2, 'bayer_rggb8', 2, b''), converter=convert)


def test_a_converter_gets_16_bits_in_the_order_of_this_machine() -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (4, 6), np.uint16)
    got = []

    def convert(image: RawImage) -> None:
        got.append(np.frombuffer(image.data, np.uint16).reshape(4, 6))

    for order in '<>':
        step, data = padded(deep.astype(f'{order}u2'), 2)
        decode_raw(RawImage(4, 6, 'mono16', step, data, order == '>'), converter=convert)
        np.testing.assert_array_equal(got.pop(), deep)


@pytest.mark.parametrize('encoding', [name for name in CV_BRIDGE if ' ' not in name])
def test_pixels_are_those_of_cv_bridge(encoding: str) -> None:
    """Compare with pixels of the real cv_bridge, written by tools/compare_cv_bridge.py."""
    height, width = CV_BRIDGE[f'{encoding} bgr8'].shape[:2]
    data = CV_BRIDGE[encoding].tobytes()
    pixels = decode_raw(RawImage(height, width, encoding, len(data) // height, data))
    np.testing.assert_array_equal(pixels, CV_BRIDGE[f'{encoding} bgr8'])


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.webp', '.bmp'])
def test_compressed_images(suffix: str) -> None:
    smooth = cv2.resize(BGR, (160, 120))
    data = cv2.imencode(suffix, smooth)[1].tobytes()
    pixels = decode_compressed(data)
    assert np.abs(pixels.astype(int) - smooth).mean() < 10
    with pytest.raises(ImageError, match='160 x 120 pixels is larger') as caught:
        decode_compressed(data, limits=SMALL)
    assert caught.value.reason == 'image_too_large'


@pytest.mark.parametrize('data', [b'', b'\xff\xd8\xff', b'no image at all'])
def test_corrupt_compressed_images_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode_compressed(data)
    assert caught.value.reason == 'corrupt_image'


def png(side: int) -> bytes:
    """Return a black image in a file as small as possible."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

    packer = zlib.compressobj(9)
    rows = b''.join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    parts = (chunk(b'IHDR', header), chunk(b'IDAT', rows), chunk(b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def test_a_small_file_of_a_large_image_is_refused_before_it_is_decoded() -> None:
    """An image of 32000 x 32000 pixels in 1 MiB once took 19 s and 5.8 GiB."""
    data = png(12_000)
    assert len(data) < 200_000
    with pytest.raises(ImageError, match='12000 x 12000') as caught:
        decode_compressed(data)
    assert caught.value.reason == 'image_too_large'
    assert decode_compressed(png(100)).shape == (100, 100, 3)
