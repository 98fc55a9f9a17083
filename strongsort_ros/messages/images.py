"""Decode serialised sensor_msgs/Image and sensor_msgs/CompressedImage messages to BGR pixels.

The node and the replay both decode here and so get the same pixels. Conversions use OpenCV, with
the codes and the scaling (255 / 65535 from 16 to 8 bits) of cv_bridge's conversion to bgr8.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ImageError, MessageError, shorten
from strongsort_ros.messages.cdr import DEFAULT_LIMITS, MEGA, InputLimits, Reader
from strongsort_ros.types import Image, Size

Data = bytes | memoryview


class Encoding(NamedTuple):
    """Memory layout of an encoding, and OpenCV's conversion code to BGR (None: it is BGR)."""

    channels: int
    bits: int = 8
    code: int | None = None
    rows: float = 1.0
    """Rows of data for each row of pixels: nv12 has its chroma in additional rows."""
    pair: tuple[int, int] = (1, 1)
    """Width and height must be multiples of these: the size of a block that shares chroma."""


ENCODINGS: Final[dict[str, Encoding]] = {
    'bgr8': Encoding(3),
    '8UC3': Encoding(3),
    'rgb8': Encoding(3, 8, cv2.COLOR_RGB2BGR),
    'bgra8': Encoding(4, 8, cv2.COLOR_BGRA2BGR),
    '8UC4': Encoding(4, 8, cv2.COLOR_BGRA2BGR),
    'rgba8': Encoding(4, 8, cv2.COLOR_RGBA2BGR),
    'mono8': Encoding(1, 8, cv2.COLOR_GRAY2BGR),
    '8UC1': Encoding(1, 8, cv2.COLOR_GRAY2BGR),
    'bgr16': Encoding(3, 16),
    '16UC3': Encoding(3, 16),
    'rgb16': Encoding(3, 16, cv2.COLOR_RGB2BGR),
    'bgra16': Encoding(4, 16, cv2.COLOR_BGRA2BGR),
    '16UC4': Encoding(4, 16, cv2.COLOR_BGRA2BGR),
    'rgba16': Encoding(4, 16, cv2.COLOR_RGBA2BGR),
    'mono16': Encoding(1, 16, cv2.COLOR_GRAY2BGR),
    '16UC1': Encoding(1, 16, cv2.COLOR_GRAY2BGR),
    'yuv422': Encoding(2, 8, cv2.COLOR_YUV2BGR_UYVY, pair=(2, 1)),
    'uyvy': Encoding(2, 8, cv2.COLOR_YUV2BGR_UYVY, pair=(2, 1)),
    'yuv422_yuy2': Encoding(2, 8, cv2.COLOR_YUV2BGR_YUY2, pair=(2, 1)),
    'yuyv': Encoding(2, 8, cv2.COLOR_YUV2BGR_YUY2, pair=(2, 1)),
    'nv12': Encoding(1, 8, cv2.COLOR_YUV2BGR_NV12, 1.5, (2, 2)),
    'nv21': Encoding(1, 8, cv2.COLOR_YUV2BGR_NV21, 1.5, (2, 2)),
}
# OpenCV names a Bayer pattern by its second row and column, ROS by the first.
for _ros, _cv in (('rggb', 'BG'), ('bggr', 'RG'), ('gbrg', 'GR'), ('grbg', 'GB')):
    for _bits in (8, 16):
        _code: int = getattr(cv2, f'COLOR_Bayer{_cv}2BGR')
        ENCODINGS[f'bayer_{_ros}{_bits}'] = Encoding(1, _bits, _code)

PLAIN: Final = frozenset({'bgr8', '8UC3', 'rgb8', 'bgra8', '8UC4', 'rgba8', 'mono8', '8UC1'})
"""Encodings with 8 bits a channel, which OpenCV converts from a view of the message."""


@dataclass(frozen=True, slots=True)
class RawImage:
    """Fields of a sensor_msgs/Image, with its field names; `data` is not copied."""

    height: int
    width: int
    encoding: str
    step: int
    data: Data
    is_bigendian: bool = False


Converter = Callable[[RawImage], Image | None]
"""Converts an image to (H, W, 3) BGR; returns None for an encoding that it does not support.

It gets rows without padding, in the byte order of this machine.
"""


def decode_image(
    message: bytes,
    transport: str,
    limits: InputLimits = DEFAULT_LIMITS,
    converter: Converter | None = None,
) -> Image:
    """Return (H, W, 3) BGR pixels: a view of the message for bgr8, otherwise a converted copy.

    Parameters
    ----------
    message
        A serialised sensor_msgs/Image or, with transport 'compressed', a
        sensor_msgs/CompressedImage.
    transport
        'raw' or 'compressed'.
    limits
        Largest image; larger ones are refused before they are decoded.
    converter
        Converts all raw encodings but those of `PLAIN`. OpenCV converts the encodings for which it
        returns None, and everything if it is None.

    Raises
    ------
    MessageError
        The message is truncated or not CDR.
    ImageError
        The image is too large, corrupt, or of an unknown encoding; `reason` says which.

    """
    try:
        reader = Reader(message)
        reader.header()
        if transport == 'compressed':
            return _decode_compressed(reader.string(), reader.bytes(), limits)
        height, width, encoding = reader.uint(), reader.uint(), reader.string()
        big_endian = bool(reader.byte())
        image = RawImage(height, width, encoding, reader.uint(), reader.bytes(), big_endian)
    except (struct.error, IndexError) as error:
        raise MessageError(f'image message of {len(message)} bytes: {error}') from error
    layout = _check_layout(image, limits)
    size = layout.bits // 8
    pixels: npt.NDArray[Any] = np.ndarray(
        (int(height * layout.rows), width, layout.channels),
        f'{">" if big_endian else "<"}u{size}',
        image.data,
        strides=(image.step, layout.channels * size, size),
    )
    if layout.bits == 16:
        pixels = pixels.astype(np.uint16)  # in this machine's byte order
    if converter is not None and encoding not in PLAIN:
        converted = converter(_without_padding(image, pixels))
        if converted is not None:
            return converted
    if layout.code is not None:
        pixels = cv2.cvtColor(pixels, layout.code)
    if layout.bits == 16:
        pixels = cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    return np.asarray(pixels, np.uint8)


def _check_layout(image: RawImage, limits: InputLimits) -> Encoding:
    """Return the layout of an image; raise ImageError if its fields do not fit each other."""
    _check_size(image.width, image.height, limits)
    encoding = ENCODINGS.get(image.encoding)
    if encoding is None:
        raise ImageError(
            'unknown_encoding',
            f'image encoding {shorten(repr(image.encoding), 60)} is not one of '
            f'{", ".join(ENCODINGS)}',
        )
    if image.width % encoding.pair[0] or image.height % encoding.pair[1]:
        raise ImageError(
            'wrong_size',
            f'image of {image.width} x {image.height} pixels cannot be {image.encoding}: '
            f'expected multiples of {encoding.pair[0]} x {encoding.pair[1]}',
        )
    row, rows = image.width * encoding.channels * encoding.bits // 8, image.height * encoding.rows
    if image.step < row:
        raise ImageError(
            'wrong_step',
            f'image step {image.step} is less than the {row} bytes of a row of {image.width} '
            f'pixels in {image.encoding}',
        )
    # Some drivers omit the padding of the last row.
    needed = image.step * (int(rows) - 1) + row
    if len(image.data) < needed:
        raise ImageError(
            'short_image',
            f'image data has {len(image.data)} bytes; {int(rows)} rows of {image.step} need '
            f'{needed}',
        )
    return encoding


def _without_padding(image: RawImage, pixels: npt.NDArray[Any]) -> RawImage:
    """Return an image for a `Converter`: cv_bridge reads some paddings and byte orders wrongly."""
    compact = np.ascontiguousarray(pixels)
    return replace(
        image,
        step=compact.strides[0],
        data=compact.data.cast('B'),
        is_bigendian=sys.byteorder == 'big',
    )


def _decode_compressed(image_format: str, data: Data, limits: InputLimits) -> Image:
    """Return the pixels of a JPEG, PNG, WebP or BMP image; errors quote the message's format."""
    size = encoded_size(data)
    image = None
    if size is not None:
        _check_size(*size, limits)
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            image = None
    if image is None:
        raise ImageError(
            'corrupt_image',
            f'{len(data)} bytes of compressed image ({shorten(repr(image_format), 60)}) '
            'cannot be decoded as JPEG, PNG, WebP or BMP',
        )
    return np.asarray(image, np.uint8)


def _check_size(width: int, height: int, limits: InputLimits) -> None:
    if height == 0 or width == 0:
        raise ImageError('empty_image', f'image of {width} x {height} pixels has no content')
    if width * height > limits.image_size * MEGA:
        raise ImageError(
            'image_too_large',
            f'image of {width} x {height} pixels is larger than limits.image_size, '
            f'{limits.image_size:g} Mpx',
        )


# Markers of segments that begin with the image's size, and of segments allowed before these.
# Decoders skip no other segment; after 0xFF00 they search for the next marker.
_JPEG_SIZE: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BEFORE: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
_MOST_SEGMENTS: Final = 10_000
"""Most segments and fill bytes before the size of a JPEG; real files have a few hundred."""


def encoded_size(data: Data) -> Size | None:
    """Return width and height of a JPEG, PNG, WebP or BMP image; None for other data.

    The size is read where decoders read it, so that no larger image can be hidden in the data.
    """
    for begin, read in _READERS.items():
        if bytes(data[: len(begin)]) == begin:
            try:
                return read(data)
            except (struct.error, IndexError):
                return None  # truncated
    return None


def _jpeg(data: Data) -> Size | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BEFORE:
            at += 2 + struct.unpack_from('>H', data, at + 2)[0]
        elif marker in _JPEG_SIZE:
            height, width = struct.unpack_from('>HH', data, at + 5)
            return width, height
        else:
            return None
    return None


def _png(data: Data) -> Size | None:
    width, height = struct.unpack_from('>II', data, 16)
    return (width, height) if bytes(data[12:16]) == b'IHDR' else None


def _webp(data: Data) -> Size | None:
    if bytes(data[8:12]) != b'WEBP':
        return None
    kind = bytes(data[12:16])
    if kind == b'VP8 ':
        width, height = struct.unpack_from('<HH', data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b'VP8X':
        width, width_high, height, height_high = struct.unpack_from('<HBHB', data, 24)
        return (width | width_high << 16) + 1, (height | height_high << 16) + 1
    return None


def _bmp(data: Data) -> Size | None:
    (header,) = struct.unpack_from('<I', data, 14)
    width, height = struct.unpack_from('<HH' if header == 12 else '<ii', data, 18)
    return abs(width), abs(height)


_READERS: Final[dict[bytes, Callable[[Data], Size | None]]] = {
    b'\xff\xd8\xff': _jpeg,
    b'\x89PNG\r\n\x1a\n': _png,
    b'RIFF': _webp,
    b'BM': _bmp,
}
