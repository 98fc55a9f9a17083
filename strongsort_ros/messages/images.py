"""Image messages to BGR pixels, as views where the encoding allows.

A live node and a replay decode here, so both see the same pixels. Conversions are OpenCV's, with
the codes and the scaling (255 / 65535 from 16 bits to 8) of cv_bridge's conversion to bgr8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ImageError, shorten
from strongsort_ros.messages.limits import DEFAULT_LIMITS, MEGA, InputLimits
from strongsort_ros.types import Image, Size

Data = bytes | memoryview

# Markers of a segment that begins with the image's size, and of those that may come before it.
# Decoders pass over no others: where 0xFF00 stands, they look for the next marker at once.
_JPEG_SIZE: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BEFORE: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
_MOST_SEGMENTS: Final = 10_000
"""Segments and fill bytes before the size of a JPEG; real ones have a few hundred at most."""


def encoded_size(data: Data) -> Size | None:
    """Return width and height of a JPEG, PNG, WebP or BMP image; None: it is none of these.

    The size is where decoders look for it, so that they cannot find a larger one.
    """
    for begin, read in _READERS.items():
        if bytes(data[: len(begin)]) == begin:
            try:
                return read(data)
            except (struct.error, IndexError):
                return None  # cut short
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


class Encoding(NamedTuple):
    """How pixels lie in a message: channels of so many bits, and OpenCV's code that makes BGR."""

    channels: int
    bits: int = 8
    code: int | None = None
    rows: float = 1.0
    """Rows of data for each row of pixels: colours of nv12 come in rows of their own."""
    pair: tuple[int, int] = (1, 1)
    """Width and height are multiples of these: pixels that share their colours."""


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
# OpenCV names a Bayer pattern by its second row and column, ROS by its first ones.
for _ros, _cv in (('rggb', 'BG'), ('bggr', 'RG'), ('gbrg', 'GR'), ('grbg', 'GB')):
    for _bits in (8, 16):
        _code: int = getattr(cv2, f'COLOR_Bayer{_cv}2BGR')
        ENCODINGS[f'bayer_{_ros}{_bits}'] = Encoding(1, _bits, _code)

COMMON: Final = frozenset({'bgr8', '8UC3', 'rgb8', 'bgra8', '8UC4', 'rgba8', 'mono8', '8UC1'})
"""Encodings that are never left to a `Converter`."""


@dataclass(frozen=True, slots=True)
class RawImage:
    """What sensor_msgs/Image says, with its names; `data` is not copied."""

    height: int
    width: int
    encoding: str
    step: int
    data: bytes | memoryview
    is_bigendian: bool = False

    def decode(
        self, limits: InputLimits = DEFAULT_LIMITS, converter: Converter | None = None
    ) -> Image:
        """Return (H, W, 3) BGR: a view of the message for bgr8, else a converted copy.

        Parameters
        ----------
        limits
            Larger images are refused.
        converter
            Makes BGR of encodings that are not `COMMON`, after their size was checked, where it
            can; by default OpenCV does. Data of the other byte order are never left to it.

        Raises
        ------
        ImageError
            Size, step or data do not fit each other, or the encoding is not among `ENCODINGS`
            (reason `unknown_encoding`).

        """
        _check_size(self.width, self.height, limits)
        encoding = ENCODINGS.get(self.encoding)
        if encoding is None:
            raise ImageError(
                'unknown_encoding',
                f'image encoding {shorten(repr(self.encoding), 60)} is not one of '
                f'{", ".join(ENCODINGS)}',
            )
        pixels = self._view(encoding)
        if converter is not None and self.encoding not in COMMON and not self.is_bigendian:
            converted = converter(self)
            if converted is not None:
                return converted
        return self._to_bgr(pixels, encoding)

    def _view(self, encoding: Encoding) -> npt.NDArray[Any]:
        if self.width % encoding.pair[0] or self.height % encoding.pair[1]:
            raise ImageError(
                'wrong_size',
                f'image of {self.width} x {self.height} pixels cannot be {self.encoding}: '
                f'expected multiples of {encoding.pair[0]} x {encoding.pair[1]}',
            )
        step, rows = self.step, int(self.height * encoding.rows)
        size = encoding.bits // 8
        row = self.width * encoding.channels * size
        if step < row:
            raise ImageError(
                'wrong_step',
                f'image step {step} is less than the {row} bytes of a row of {self.width} pixels '
                f'in {self.encoding}',
            )
        # The last row needs no padding; some drivers leave it out.
        needed = step * (rows - 1) + row
        if len(self.data) < needed:
            raise ImageError(
                'short_image',
                f'image data has {len(self.data)} bytes; {rows} rows of {step} need {needed}',
            )
        order = '>' if self.is_bigendian else '<'
        shape = (rows, self.width, encoding.channels)
        strides = (step, encoding.channels * size, size)
        return np.ndarray(shape, f'{order}u{size}', self.data, strides=strides)

    def _to_bgr(self, pixels: npt.NDArray[Any], encoding: Encoding) -> Image:
        if encoding.bits == 16:
            pixels = pixels.astype(np.uint16)  # of this machine's byte order
        if encoding.code is not None:
            pixels = cv2.cvtColor(pixels, encoding.code)
        if encoding.bits == 16:
            pixels = cv2.convertScaleAbs(pixels, alpha=255 / 65535)
        return np.asarray(pixels, np.uint8)


Converter = Callable[[RawImage], Image | None]
"""Makes (H, W, 3) BGR of an image; None: it cannot."""


@dataclass(frozen=True, slots=True)
class CompressedImage:
    """What sensor_msgs/CompressedImage says; `data` is not copied."""

    format: str
    data: bytes | memoryview

    def decode(self, limits: InputLimits = DEFAULT_LIMITS) -> Image:
        """Return (H, W, 3) BGR.

        Raises
        ------
        ImageError
            The data are no JPEG, PNG, WebP or BMP image that OpenCV reads, or it is larger than
            `limits` allow.

        """
        size = encoded_size(self.data)
        image = None
        if size is not None:
            _check_size(*size, limits)
            try:
                image = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR)
            except cv2.error:
                image = None
        if image is None:
            raise ImageError(
                'corrupt_image',
                f'{len(self.data)} bytes of compressed image ({shorten(repr(self.format), 60)}) '
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
