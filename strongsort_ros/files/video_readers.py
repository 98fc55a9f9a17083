"""Decode videos and streams: with PyAV where it is installed, otherwise with OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

import cv2
import numpy as np

from strongsort_ros.errors import InputError, shorten
from strongsort_ros.files.video import has_pyav, silenced_stderr
from strongsort_ros.types import Image

TIMEOUT: Final = 10.0
"""Longest wait for a stream to open or to send a packet, seconds."""

_MAX_RATE: Final = 1000.0
_RIGHT_ANGLE: Final = 90
_FOUR: Final = 4


class Reader(Protocol):
    """Images of a video in their order, each with its time.

    Attributes
    ----------
    frame_rate
        Average frames per second; 0: unknown.
    length
        Number of frames as the file tells; 0: it does not.
    duration
        Seconds as the file tells; 0: it does not.

    """

    frame_rate: float
    length: int
    duration: float

    def __iter__(self) -> Iterator[tuple[Image | None, float | None]]:
        """Yield (image, seconds); None: the frame cannot be decoded, its time is unknown."""

    def close(self) -> None:
        """Close the file or the device."""


def open_reader(source: str, *, shown: str = '', stream: bool = False) -> Reader:
    """Open a video file, or with `stream` an address.

    Parameters
    ----------
    source
        File or address.
    shown
        Name of it in errors; '': the same.
    stream
        Limit the time to wait for packets.

    Raises
    ------
    InputError
        It does not exist, or is no video.

    """
    opened = PyavReader if has_pyav() else OpencvReader
    return opened(source, shown or source, stream=stream)


class PyavReader:
    """Reader of FFmpeg's libraries in PyAV: exact times, and frames that fail one by one."""

    def __init__(self, source: str, shown: str, *, stream: bool = False) -> None:
        import av

        options: dict[str, Any] = {'timeout': (TIMEOUT, TIMEOUT)} if stream else {}
        if source.startswith('rtsp'):
            options['options'] = {'rtsp_transport': 'tcp'}
        try:
            self._container = av.open(source, metadata_errors='ignore', **options)
        except (av.FFmpegError, OSError) as error:
            raise InputError(f'{shown}: {_not_a_video(error)}') from error
        if not self._container.streams.video:
            self._container.close()
            raise InputError(f'{shown}: no video in it')
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = 'AUTO'
        self._errors = av.FFmpegError
        self.frame_rate = _plausible(self._stream.average_rate)
        self.length, self.duration = self._stream.frames, self._seconds_of_file()
        if not self.length:
            self.length = round(self.duration * self.frame_rate)
        elif self.frame_rate:  # exact, while a damaged file may tell its own shorter duration
            self.duration = self.length / self.frame_rate

    def __iter__(self) -> Iterator[tuple[Image | None, float | None]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, OSError):
                return  # also where a file is cut off, or a stream ends
            try:
                frames = packet.decode()
            except self._errors:
                yield None, None
                continue
            for frame in frames:
                turns = getattr(frame, 'rotation', 0) // _RIGHT_ANGLE
                image = np.rot90(frame.to_ndarray(format='bgr24'), turns % _FOUR)
                yield np.ascontiguousarray(image, np.uint8), frame.time

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _seconds_of_file(self) -> float:
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return (self._container.duration or 0) / 1e6


class OpencvReader:
    """Reader of OpenCV: a video, a stream, or a camera by its number."""

    def __init__(self, source: str | int, shown: str, *, stream: bool = False) -> None:
        self._capture = cv2.VideoCapture()
        milliseconds = round(1000 * TIMEOUT)
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds,
        ]  # fmt: skip
        with silenced_stderr(), suppress(cv2.error):
            if isinstance(source, int):
                self._capture.open(source)
            elif stream:
                self._capture.open(source, cv2.CAP_FFMPEG, limits)
            else:
                self._capture.open(source, cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise InputError(f'{shown}: not a video that OpenCV can read')
        self.frame_rate = _plausible(self._capture.get(cv2.CAP_PROP_FPS))
        self.length = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.duration = self.length / self.frame_rate if self.frame_rate else 0.0

    def __iter__(self) -> Iterator[tuple[Image | None, float | None]]:
        while True:
            found, image = self._capture.read()
            if not found:
                return
            yield image.astype(np.uint8, copy=False), self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3

    def close(self) -> None:
        """Close the file or the device."""
        self._capture.release()


def _plausible(rate: Any) -> float:
    """Return a rate, or 0 if it is missing or absurd."""
    return float(rate) if rate and 0 < rate <= _MAX_RATE else 0.0


def _not_a_video(error: Exception) -> str:
    reason = getattr(error, 'strerror', None) or str(error)
    return f'not a video that can be read ({shorten(reason, 100)})'
