"""Compare the pixels that this package decodes from every encoding with those of cv_bridge.

    PYTHONPATH=. python tools/compare_cv_bridge.py [--write test/messages/cv_bridge_pixels.npz]

Run it with a Python that has cv_bridge: on a machine with ROS, or with Debian's
python3-cv-bridge. The exit status is 1 if a pixel differs in an encoding that cv_bridge converts
to bgr8. With --write, the pixels of cv_bridge are saved for the tests, which run without it.
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cv_bridge import CvBridge, CvBridgeError

from strongsort_ros.messages.images import ENCODINGS, RawImage, decode_image

SIZES = ((2, 2), (48, 64), (480, 640), (1081, 1922))
SAVED_SIZE = (10, 12)


def random_image(name: str, height: int, width: int, big_endian: bool = False) -> RawImage:
    """Return an image of random bytes, without padding."""
    encoding = ENCODINGS[name]
    step = width * encoding.channels * encoding.bits // 8
    rng = np.random.default_rng(height)
    data = rng.integers(0, 256, int(height * encoding.rows) * step, np.uint8).tobytes()
    return RawImage(height, width, name, step, data, big_endian)


def message_of(image: RawImage, padding: int = 0) -> bytes:
    """Return a serialised sensor_msgs/Image, its rows padded."""
    rows = np.frombuffer(image.data, np.uint8).reshape(-1, image.step)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=255).tobytes()
    encoding = image.encoding.encode() + b'\0'
    message = struct.pack('<iII4xII', 1, 2, 1, image.height, image.width)
    message += struct.pack('<I', len(encoding)) + encoding + bytes([image.is_bigendian])
    message += bytes(-len(message) % 4) + struct.pack('<II', image.step + padding, len(data))
    return b'\0\1\0\0' + message + data


def cv_bridge_pixels(image: RawImage) -> np.ndarray:
    """Return the pixels that cv_bridge converts to bgr8."""
    return np.asarray(CvBridge().imgmsg_to_cv2(image, 'bgr8'))


def difference(name: str) -> str:
    """Return '' if all pixels are equal, else cv_bridge's error or the number of differences.

    cv_bridge gets the image itself, and through `decode_image`, as the tracker node hands it over.
    """
    for height, width in SIZES:
        for big_endian, padding in ((False, 0), (True, 0), (False, 6)):
            even = height + height % 2 * (name[:2] == 'nv')
            image = random_image(name, even, width, big_endian)
            message = message_of(image, padding)
            ours = decode_image(message, 'raw')
            try:
                theirs = cv_bridge_pixels(image)
                handed_over = decode_image(message, 'raw', converter=cv_bridge_pixels)
            except (CvBridgeError, cv2.error, RuntimeError) as error:
                return f'cv_bridge: {error}'
            unequal = np.count_nonzero((theirs != ours) | (handed_over != ours))
            if unequal:
                return f'DIFFERENT: {unequal} values of {height} x {width} pixels'
    return ''


def save(path: Path, names: list[str]) -> None:
    """Save a small image of each encoding, as `NAME`, and its pixels, as `NAME bgr8`."""
    saved: dict[str, Any] = {}
    for name in names:
        image = random_image(name, *SAVED_SIZE)
        saved[name] = np.frombuffer(image.data, np.uint8)
        saved[f'{name} bgr8'] = cv_bridge_pixels(image)
    np.savez_compressed(path, **saved)


def main() -> int:
    """Print a line for each encoding; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--write', type=Path, help='file for the pixels of cv_bridge (.npz)')
    options = parser.parse_args()
    print(f'NumPy {np.__version__}, OpenCV {cv2.__version__}')
    found = {name: difference(name) for name in ENCODINGS}
    for name, text in found.items():
        print(f'{name:14} {text or "equal"}')
    if options.write:
        save(options.write, [name for name, text in found.items() if not text])
    return int(any(text.startswith('DIFFERENT') for text in found.values()))


if __name__ == '__main__':
    sys.exit(main())
