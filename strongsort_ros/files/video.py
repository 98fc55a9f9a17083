"""Write videos for browsers: VP9 with OpenCV, or H.264 and VP9 with PyAV if installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing
from strongsort_ros.types import Image

Write = Callable[[Image], object]

_FOURCC: Final = {'.webm': 'VP90', '.mp4': 'vp09', '.avi': 'mp4v'}
# VP9's defaults take about a second per frame.
_FAST_VP9: Final = {'deadline': 'realtime', 'cpu-used': '8', 'row-mt': '1', 'crf': '34', 'b': '0'}
_H264: Final = {'preset': 'veryfast', 'crf': '23'}
_PYAV: Final = {'.webm': ('libvpx-vp9', _FAST_VP9), '.mp4': ('libx264', _H264)}
_MAX_DENOMINATOR: Final = 1001  # as in 30000/1001 frames per second


def write_video(path: Path | str, images: Iterable[Image], frame_rate: float) -> int:
    """Write images of one size as a video and return their number.

    A .webm file is VP9. An .mp4 file is H.264 if PyAV is installed (`pip install av`), which is
    several times faster, and VP9 otherwise. An .avi file is MPEG-4, which browsers do not play.

    Parameters
    ----------
    path
        Output file; its suffix selects the container.
    images
        (H, W, 3) uint8 BGR each.
    frame_rate
        Images per second.

    Raises
    ------
    InputError
        There are no images, their size changes, or the file cannot be written.

    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FOURCC:
        raise InputError(f'{path}: a video ends in {", ".join(_FOURCC)}; name it .webm or .mp4')
    count, size = 0, (0, 0)
    with ExitStack() as stack:
        written = stack.enter_context(replacing(path))
        for image in images:
            height, width = image.shape[:2]
            if not count:
                opened = _pyav if has_pyav() and suffix in _PYAV else _opencv
                size = width, height
                write = stack.enter_context(opened(path, written, suffix, frame_rate, size))
            if (width, height) != size:
                raise InputError(
                    f'{path}: image {count + 1} is {width}x{height}, '
                    f'those before are {size[0]}x{size[1]}'
                )
            write(image)
            count += 1
        if count == 0:
            raise InputError(f'{path}: no images to write')
    return count


def has_pyav() -> bool:
    """Return whether PyAV is installed."""
    found = importlib.util.find_spec('av')
    return found is not None and found.origin is not None  # not just a folder of that name


@contextmanager
def _opencv(
    path: Path | str, written: Path, suffix: str, rate: float, size: tuple[int, int]
) -> Iterator[Write]:
    codec = cv2.VideoWriter.fourcc(*_FOURCC[suffix])
    with _silenced_stderr():
        writer = cv2.VideoWriter(str(written), codec, rate, size)
    try:
        if not writer.isOpened():
            raise InputError(f'{path}: this OpenCV cannot write such a video; pip install av')
        yield lambda image: writer.write(image)
    finally:
        writer.release()


@contextmanager
def _pyav(
    path: Path | str, written: Path, suffix: str, rate: float, size: tuple[int, int]
) -> Iterator[Write]:
    import av

    codec, options = _PYAV[suffix]
    if codec not in av.codecs_available:
        raise InputError(f'{path}: this PyAV has no {codec}; name it .webm, or pip uninstall av')
    header = {'movflags': 'faststart'} if suffix == '.mp4' else {}
    with av.open(str(written), 'w', options=header) as video:
        fraction = Fraction(rate).limit_denominator(_MAX_DENOMINATOR)
        stream: Any = video.add_stream(codec, rate=fraction, options=options)
        # Chroma is stored for blocks of two by two pixels.
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = 'yuv420p'

        def write(image: Image) -> None:
            right, below = stream.width - size[0], stream.height - size[1]
            even = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format='bgr24')
            video.mux(stream.encode(frame))

        yield write
        video.mux(stream.encode())


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Discard what FFmpeg's C code writes to stderr."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
