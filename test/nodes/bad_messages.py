"""Invalid and unusual messages as bytes, generated from a seed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np

Rng = np.random.Generator

ENCODINGS = (
    'bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'mono16', 'bgr16', 'rgba16', '8UC1', '8UC3', '8UC4',
    '8UC7', '16UC1', '16SC3', '32FC1', '64FC4', 'bayer_rggb8', 'bayer_grbg16', 'yuv422', 'nv12',
    'uyvy', '', 'nonsense', 'bgr8\0', 'é' * 40,
)  # fmt: skip
STAMPS = (0, 1, -1, 5_000_000_000, 10**18, 2**31 * 10**9 - 1, -(2**31) * 10**9, 30 * 10**9)
NUMBERS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-308, -1e-320, 1e9, -1e9, 1e308, -1e308, np.nan, np.inf, -np.inf,
)  # fmt: skip
LENGTHS = (0, 1, 2, 7, 1000, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


class Cdr:
    """Writer of CDR that does not check what it writes."""

    def __init__(self) -> None:
        self.data = bytearray(b'\0\1\0\0')

    def put(self, form: str, *values: object) -> Cdr:
        for value in values:
            self.data += bytes((4 - len(self.data)) % struct.calcsize(form))
            self.data += struct.pack('<' + form, value)
        return self

    def text(self, text: bytes, length: int | None = None) -> Cdr:
        self.put('I', len(text) + 1 if length is None else length)
        self.data += text + b'\0'
        return self

    def header(self, stamp: int, frame_id: bytes = b'camera') -> Cdr:
        seconds, nanoseconds = divmod(stamp, 10**9)
        return (
            self.put('i', max(min(seconds, 2**31 - 1), -(2**31)))
            .put('I', nanoseconds)
            .text(frame_id)
        )


def pick(rng: Rng, values: tuple[object, ...]) -> object:
    return values[int(rng.integers(len(values)))]


def any_stamp(rng: Rng) -> int:
    near = 1_000_000_000_000 + int(rng.integers(-200, 200)) * 33_333_333
    return near if rng.random() < 0.7 else int(pick(rng, STAMPS))


def any_number(rng: Rng) -> float:
    return float(rng.normal(200, 300)) if rng.random() < 0.6 else float(pick(rng, NUMBERS))


def any_text(rng: Rng) -> bytes:
    kinds = (b'person', b'', b'\xff\xfe\x80', 'Ж猫'.encode(), b'a' * 300, b'with\0nul')
    return bytes(pick(rng, kinds))


def detections(rng: Rng, count: int | None = None) -> bytes:
    """Return a well-formed Detection2DArray with arbitrary values."""
    cdr = Cdr().header(any_stamp(rng), any_text(rng) if rng.random() < 0.2 else b'camera')
    count = int(rng.integers(0, 8)) if count is None else count
    cdr.put('I', count)
    for _ in range(count):
        cdr.header(any_stamp(rng))
        results = int(pick(rng, (0, 1, 1, 1, 2, 5)))
        cdr.put('I', results)
        for _ in range(results):
            cdr.text(any_text(rng)).put('d', any_number(rng), *(any_number(rng),) * 43)
        cdr.put('d', *(any_number(rng) for _ in range(5)))
        cdr.text(any_text(rng))
    return bytes(cdr.data)


def many_detections(rng: Rng) -> bytes:
    return detections(rng, int(rng.integers(500, 2000)))


def image(rng: Rng) -> bytes:
    """Return a sensor_msgs/Image; its size, step, encoding and data are usually inconsistent."""
    height, width = (int(pick(rng, (0, 1, 3, 24, 31, 2**16, 2**32 - 1))) for _ in range(2))
    encoding = str(pick(rng, ENCODINGS)) if rng.random() < 0.7 else 'bgr8'
    step = (3 * width) % 2**32 if rng.random() < 0.5 else int(pick(rng, LENGTHS))
    size = height * step if height * step < 2**16 and rng.random() < 0.6 else rng.integers(0, 3000)
    data = rng.integers(0, 256, int(size), np.uint8).tobytes()
    cdr = Cdr().header(any_stamp(rng)).put('I', height, width).text(encoding.encode())
    cdr.put('B', int(rng.integers(0, 256))).put('I', step)
    claimed = len(data) if rng.random() < 0.8 else int(pick(rng, LENGTHS))
    cdr.put('I', claimed).data.extend(data)
    return bytes(cdr.data)


def compressed_image(rng: Rng) -> bytes:
    """Return a sensor_msgs/CompressedImage of an image file that is usually damaged."""
    suffix = str(pick(rng, ('.jpg', '.png', '.webp', '.bmp')))
    shape = (int(rng.integers(1, 40)), int(rng.integers(1, 40)), 3)
    data = bytearray(cv2.imencode(suffix, rng.integers(0, 256, shape, np.uint8))[1].tobytes())
    way = rng.random()
    if way < 0.3:
        del data[int(rng.integers(0, len(data))) :]
    elif way < 0.7:
        for at in rng.integers(0, len(data), 5):
            data[at] = int(rng.integers(256))
    elif way < 0.75:
        data = bytearray(huge_png(int(pick(rng, (100_000, 2**31 - 1)))))
    form = pick(rng, (b'jpeg', b'png', b'', b'bgr8; jpeg compressed bgr8', b'nonsense'))
    cdr = Cdr().header(any_stamp(rng)).text(bytes(form))
    cdr.put('I', len(data) if rng.random() < 0.9 else int(pick(rng, LENGTHS))).data.extend(data)
    return bytes(cdr.data)


def huge_png(side: int, pixels: bytes = bytes(10_000)) -> bytes:
    """Return a small PNG whose header claims a square grey image with this side length."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', check)

    head = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    data = chunk(b'IDAT', zlib.compress(pixels))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + data + chunk(b'IEND', b'')


def noise(rng: Rng) -> bytes:
    """Return random bytes, some with the first bytes of a message."""
    data = rng.integers(0, 256, int(rng.integers(0, 400)), np.uint8).tobytes()
    starts = (b'', b'\0\1\0\0', b'\0\0\0\0', bytes(Cdr().header(any_stamp(rng)).data))
    return bytes(pick(rng, starts)) + data


def damaged(rng: Rng, message: bytes) -> bytes:
    """Return a message that was truncated, extended or changed, possibly in its length fields."""
    data = bytearray(message)
    way = rng.random()
    if way < 0.35:
        del data[int(rng.integers(0, len(data) + 1)) :]
    elif way < 0.45:
        data += rng.integers(0, 256, int(rng.integers(1, 50)), np.uint8).tobytes()
    elif way < 0.8 and len(data) > 8:
        at = int(rng.integers(4, len(data) - 3))
        data[at : at + 4] = struct.pack('<I', int(pick(rng, LENGTHS)))
    elif len(data) > 4:
        for at in rng.integers(4, len(data), 4):
            data[at] = int(rng.integers(256))
    return bytes(data)


def bad_messages(seed: int, count: int, transport: str) -> Iterator[tuple[str, bytes]]:
    """Yield a number of (topic, serialised message) pairs, the same for the same seed."""
    rng = np.random.default_rng(seed)
    picture: Callable[[Rng], bytes] = compressed_image if transport == 'compressed' else image
    for number in range(count):
        topic = 'image' if rng.random() < 0.5 else 'detections'
        sound = picture if topic == 'image' else detections
        if number % 500 == 499:
            yield 'detections', many_detections(rng)
        way = rng.random()
        if way < 0.1:
            yield topic, noise(rng)
        elif way < 0.5:
            yield topic, damaged(rng, sound(rng))
        elif way < 0.55:
            yield topic, (detections if topic == 'image' else picture)(rng)
        else:
            yield topic, sound(rng)
