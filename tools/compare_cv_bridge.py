"""Compare the pixels decoded by this package with those of cv_bridge, for every encoding.

    PYTHONPATH=. python tools/compare_cv_bridge.py

Run it with a Python that has cv_bridge, from ROS or from Debian's python3-cv-bridge. The exit
status is 1 if a pixel differs in an encoding that cv_bridge converts to bgr8.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
from cv_bridge import CvBridge, CvBridgeError

from strongsort_ros.messages.images import ENCODINGS, RawImage, decode_raw

SIZES = ((2, 2), (48, 64), (480, 640), (1081, 1922))


def random_image(name: str, height: int, width: int) -> RawImage:
    """Return an image of random bytes, without padding."""
    encoding = ENCODINGS[name]
    step = width * encoding.channels * encoding.bits // 8
    rng = np.random.default_rng(height)
    data = rng.integers(0, 256, int(height * encoding.rows) * step, np.uint8).tobytes()
    return RawImage(height, width, name, step, data)


def difference(name: str) -> str:
    """Return '' if all pixels are equal, else the error of cv_bridge or the number that differs."""
    for height, width in SIZES:
        image = random_image(name, height + height % 2 * (name[:2] == 'nv'), width)
        try:
            theirs = CvBridge().imgmsg_to_cv2(image, 'bgr8')
        except (CvBridgeError, cv2.error, RuntimeError) as error:
            return f'cv_bridge: {error}'
        unequal = np.count_nonzero(np.asarray(theirs) != decode_raw(image))
        if unequal:
            return f'DIFFERENT: {unequal} values of {height} x {width} pixels'
    return ''


def main() -> int:
    """Print a line for each encoding; return the exit status."""
    print(f'NumPy {np.__version__}, OpenCV {cv2.__version__}')
    found = {name: difference(name) for name in ENCODINGS}
    for name, text in found.items():
        print(f'{name:14} {text or "equal"}')
    return int(any(text.startswith('DIFFERENT') for text in found.values()))


if __name__ == '__main__':
    sys.exit(main())
