"""Videos out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.recording.atomic import replacing


def write_video(
    path: Path | str, images: Iterable[npt.NDArray[np.uint8]], frame_rate: float
) -> int:
    """Write images of one size as an .mp4 and return how many there were.

    Parameters
    ----------
    path
        File to be; its ending chooses the container.
    images
        (H, W, 3) uint8 BGR each.
    frame_rate
        Images a second.

    Raises
    ------
    InputError
        There are no images, their size changes, or OpenCV cannot write such a file.

    """
    count, size, writer = 0, (0, 0), None
    with replacing(path) as written:
        try:
            for image in images:
                height, width = image.shape[:2]
                if writer is None:
                    size, writer = (width, height), _open(path, written, frame_rate, image)
                if (width, height) != size:
                    raise InputError(
                        f'{path}: image {count + 1} is {width}x{height}, '
                        f'those before are {size[0]}x{size[1]}'
                    )
                writer.write(image)
                count += 1
        finally:
            if writer is not None:
                writer.release()
        if count == 0:
            raise InputError(f'{path}: no images to write')
    return count


def _open(
    path: Path | str, written: Path, frame_rate: float, image: npt.NDArray[np.uint8]
) -> cv2.VideoWriter:
    height, width = image.shape[:2]
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(written), codec, frame_rate, (width, height))
    if not writer.isOpened():
        writer.release()
        raise InputError(f'{path}: OpenCV cannot write such a video; name it .mp4')
    return writer
