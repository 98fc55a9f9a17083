"""Frames of a camera or a stream, always the newest one; a lost connection is opened again."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from strongsort_ros.errors import InputError
from strongsort_ros.files.frames import CAMERA, Frame, FrameSource
from strongsort_ros.files.video_frames import VideoFrames
from strongsort_ros.files.video_readers import TIMEOUT, OpencvReader, Reader, open_reader
from strongsort_ros.types import Image

_log = logging.getLogger(__name__)

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each attempt to open a lost stream again; then it counts as ended."""
_POLL: Final = 0.2
"""Seconds after which a wait for a frame looks for signals."""


class LiveFrames(FrameSource):
    """Newest frames of a camera or a stream. Their times are those of their arrival.

    A thread receives all frames, so that none is old when it is taken. Frame numbers count the
    frames that were dropped as well.

    Parameters
    ----------
    name
        Name of the source, for errors.
    connect
        Opens the source.
    frame_rate
        Nominal frames per second; 0: as the source tells.
    waits
        Seconds before each attempt to open it again.

    Raises
    ------
    InputError
        The source cannot be opened, or sends no image.

    """

    live = True

    def __init__(
        self,
        name: str,
        connect: Callable[[], Reader],
        frame_rate: float = 0.0,
        waits: Sequence[float] = WAITS,
    ) -> None:
        super().__init__()
        self._shown, self.name = name, re.sub(r'\W+', '_', name.rpartition('//')[2]).strip('_')
        self._connect, self._waits, self._attempts = connect, waits, 0
        self._reader = connect()
        self.frame_rate = frame_rate or self._reader.frame_rate
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._newest: tuple[int, Image, float] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._receive, name='frames', daemon=True)
        self._thread.start()
        first = self._take(keep=True)
        if first is None:
            self.close()
            raise InputError(f'{name}: no image from it within {TIMEOUT:g} s')
        self._start = first[2]
        self.size = first[1].shape[1], first[1].shape[0]

    def __iter__(self) -> Iterator[Frame]:
        while not self._closed.is_set():
            taken = self._take()
            if taken is not None:
                yield Frame(taken[0], taken[1], taken[2] - self._start)
            elif self._ended:
                return

    def stop(self) -> None:
        """End a wait for the next frame."""
        self._closed.set()

    def close(self) -> None:
        """End the thread, and close the source."""
        self._closed.set()
        self._thread.join(TIMEOUT)
        self._reader.close()

    def _take(self, *, keep: bool = False) -> tuple[int, Image, float] | None:
        """Wait for a frame and return it; None: the source has ended, or is silent."""
        until = time.monotonic() + TIMEOUT
        with self._changed:
            while self._newest is None and not self._ended and time.monotonic() < until:
                if self._closed.is_set():
                    return None
                self._changed.wait(_POLL)
            taken = self._newest
            if not keep:
                self._newest = None
            return taken

    def _receive(self) -> None:
        """Receive frames until the source is closed or lost for good."""
        number = 0
        while not self._closed.is_set():
            for image, _ in self._reader:
                number += 1
                if image is not None:
                    self._attempts = 0
                    with self._changed:
                        self._newest = number, image, time.monotonic()
                        self._changed.notify()
                if self._closed.is_set():
                    return
            if not self._open_again():
                break
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _open_again(self) -> bool:
        while self._attempts < len(self._waits):
            wait = self._waits[self._attempts]
            self._attempts += 1
            _log.warning('%s: lost; opening it again in %g s', self._shown, wait)
            if self._closed.wait(wait):
                return False
            self._reader.close()
            try:
                self._reader = self._connect()
            except InputError:
                continue
            return True
        self.notes.append(
            f'{self._shown}: lost; {len(self._waits)} attempts to open it again failed'
        )
        return False


def open_camera(text: str, frame_rate: float = 0.0) -> FrameSource:
    """Open a camera: '0', 'camera:0' or a device such as /dev/video0.

    Raises
    ------
    InputError
        There is no such camera, or it sends no image.

    """
    number = text.removeprefix(CAMERA).removeprefix('/dev/video')
    if not number.isdecimal():
        raise InputError(f'{text}: name a camera by its number, such as {CAMERA}0')

    def connect() -> Reader:
        try:
            return OpencvReader(int(number), text)
        except InputError as error:
            devices = sorted(path.name for path in Path('/dev').glob('video*'))
            found = f'found {", ".join(devices)}' if devices else 'there is none at this machine'
            raise InputError(f'camera {number}: cannot open it; {found}') from error

    return LiveFrames(f'camera{number}', connect, frame_rate)


def open_stream(address: str, frame_rate: float = 0.0) -> FrameSource:
    """Open an address: a stream, or a video file on a server.

    Raises
    ------
    InputError
        It cannot be opened, or has no video.

    """
    shown = re.sub('//[^@/]*@', '//', address)  # without the password

    def connect() -> Reader:
        return open_reader(address, shown=shown, stream=True)

    reader = connect()
    if reader.length:
        return VideoFrames(shown, frame_rate, reader)
    readers = [reader]
    return LiveFrames(shown, lambda: readers.pop() if readers else connect(), frame_rate)
