"""Width and height of a compressed image, read from its header before it is decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

Data = bytes | memoryview
Size = tuple[int, int]

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
