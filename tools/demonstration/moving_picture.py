"""Images as an animated WebP, which browsers show where they play no .mp4."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2

from strongsort_ros.errors import MissingPackageError
from strongsort_ros.evaluation.report.model import Picture
from strongsort_ros.files.drawing import shrink
from strongsort_ros.types import Image

_RATE = 10.0  # images a second, about
_WIDTH = 480
_QUALITY = 40


def moving_picture_stride(frame_rate: float) -> int:
    """Return of how many frames one is enough for a moving picture."""
    return max(round(frame_rate / _RATE), 1)


def moving_picture(images: Iterable[Image], frame_rate: float, text: str) -> Picture:
    """Return images, at least one, as a moving picture.

    Parameters
    ----------
    images
        (H, W, 3) uint8 BGR each, of one size; they are made smaller.
    frame_rate
        Images a second.
    text
        What it shows.

    Raises
    ------
    MissingPackageError
        OpenCV is too old to write animations.

    """
    if not hasattr(cv2, 'Animation'):
        raise MissingPackageError(
            f'a moving picture needs OpenCV 4.11 or newer, this is {cv2.__version__}: '
            'pip install --upgrade opencv-python'
        )
    animation = cv2.Animation()
    animation.frames = [shrink(image, _WIDTH) for image in images]
    animation.durations = [round(1000 / frame_rate)] * len(animation.frames)
    # OpenCV writes animations to files only.
    with tempfile.TemporaryDirectory(prefix='strongsort-picture-') as folder:
        path = Path(folder) / 'moving.webp'
        cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
        return Picture.load(path, text)
