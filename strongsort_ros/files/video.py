"""Write videos for browsers: VP9 with OpenCV, or H.264 and VP9 with PyAV if installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Self

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
    with VideoWriter(path, frame_rate) as video:
        for image in images:
            video.write(image)
    return video.count


class VideoWriter:
    """Context manager that writes a video image by image; see `write_video`.

    The file appears when the block ends without error.

    Parameters
    ----------
    path
        Output file; its suffix selects the container.
    frame_rate
        Images per second.

    Attributes
    ----------
    count
        Number of images written.

    Raises
    ------
    InputError
        There are no images, their size changes, or the file cannot be written.

    """

    def __init__(self, path: Path | str, frame_rate: float) -> None:
        self._path, self._rate, self.count = path, frame_rate, 0
        self._suffix = Path(path).suffix.lower()
        self._size = 0, 0
        self._stack = ExitStack()
        if self._suffix not in _FOURCC:
            endings = ', '.join(_FOURCC)
            raise InputError(f'{path}: a video ends in {endings}; name it .webm or .mp4')

    def __enter__(self) -> Self:
        self._written = self._stack.enter_context(replacing(self._path))
        return self

    def __exit__(self, *raised: Any) -> None:
        if raised[0] is not None or self.count:
            self._stack.__exit__(*raised)
            return
        error = InputError(f'{self._path}: no images to write')
        self._stack.__exit__(InputError, error, None)
        raise error

    def write(self, image: Image) -> None:
        """Write the next image, (H, W, 3) uint8 BGR."""
        height, width = image.shape[:2]
        if not self.count:
            opened = _pyav if has_pyav() and self._suffix in _PYAV else _opencv
            self._size = width, height
            self._write = self._stack.enter_context(
                opened(self._path, self._written, self._suffix, self._rate, self._size)
            )
        if (width, height) != self._size:
            raise InputError(
                f'{self._path}: image {self.count + 1} is {width}x{height}, '
                f'those before are {self._size[0]}x{self._size[1]}'
            )
        self._write(image)
        self.count += 1


def has_pyav() -> bool:
    """Return whether PyAV is installed."""
    found = importlib.util.find_spec('av')
    return found is not None and found.origin is not None  # not just a folder of that name


@contextmanager
def _opencv(
    path: Path | str, written: Path, suffix: str, rate: float, size: tuple[int, int]
) -> Iterator[Write]:
    codec = cv2.VideoWriter.fourcc(*_FOURCC[suffix])
    with silenced_stderr():
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
def silenced_stderr() -> Iterator[None]:
    """Discard what FFmpeg's C code writes to stderr."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
