"""Serialised image messages for tests."""

from __future__ import annotations

import struct

from strongsort_ros.messages.cdr import DEFAULT_LIMITS, InputLimits
from strongsort_ros.messages.images import Converter, RawImage, decode_image
from strongsort_ros.types import Image


def text(value: str) -> bytes:
    """Return a serialised string, padded for the uint32 that follows."""
    data = value.encode() + b'\0'
    return struct.pack('<I', len(data)) + data + bytes(-len(data) % 4)


def raw_message(image: RawImage) -> bytes:
    """Return a serialised sensor_msgs/Image."""
    head = struct.pack('<iI', 1, 2) + text('camera') + struct.pack('<II', image.height, image.width)
    encoding = image.encoding.encode() + b'\0'
    head += struct.pack('<I', len(encoding)) + encoding + bytes([image.is_bigendian])
    head += bytes(-len(head) % 4) + struct.pack('<II', image.step, len(image.data))
    return b'\0\1\0\0' + head + bytes(image.data)


def decode_raw(
    image: RawImage, limits: InputLimits = DEFAULT_LIMITS, converter: Converter | None = None
) -> Image:
    """Decode an image as a message."""
    return decode_image(raw_message(image), 'raw', limits, converter)


def decode_compressed(data: bytes, limits: InputLimits = DEFAULT_LIMITS) -> Image:
    """Decode a file as a message."""
    head = struct.pack('<iI', 1, 2) + text('camera') + text('jpeg') + struct.pack('<I', len(data))
    return decode_image(b'\0\1\0\0' + head + data, 'compressed', limits)
