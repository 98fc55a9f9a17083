"""Frames of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from strongsort_ros.errors import InputError
from strongsort_ros.files.frames import FRAME_RATE, Frame, FrameSource
from strongsort_ros.files.video_readers import Reader, open_reader

_SHORT = 0.9  # of the frames or seconds that a file announces


class VideoFrames(FrameSource):
    """Frames of a video, numbered from 1, at the times that the video has for them.

    Parameters
    ----------
    source
        File, or address of a file.
    frame_rate
        Frames per second, used instead of the times in the video; 0: use these.
    reader
        Reader that is open already.

    Raises
    ------
    InputError
        It is no video, or has no frame that can be decoded.

    """

    def __init__(self, source: str, frame_rate: float = 0.0, reader: Reader | None = None) -> None:
        super().__init__()
        self.name = Path(source).stem
        self._source = source
        self._reader = reader if reader is not None else open_reader(source)
        self._timed = not frame_rate
        self.frame_rate = frame_rate or self._reader.frame_rate or FRAME_RATE
        self.variable = self._timed
        self.numbers = range(1, self._reader.length + 1) if self._reader.length else None
        self._decoded = iter(self._reader)
        self._head = []
        for image, seconds in self._decoded:
            self._head.append((image, seconds))
            if image is not None:
                self.size = image.shape[1], image.shape[0]
                return
        self.close()
        raise InputError(f'{source}: no frame of it can be decoded')

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __iter__(self) -> Iterator[Frame]:
        number, start, seconds = 0, None, -1 / self.frame_rate
        for number, (image, time) in enumerate(chain(self._head, self._decoded), 1):
            self._head = []
            expected = seconds + 1 / self.frame_rate
            if start is None and time is not None:
                start = time - expected
            known = self._timed and time is not None and start is not None
            later = known and time - start > seconds  # type: ignore[operator]
            seconds = time - start if later else expected  # type: ignore[operator]
            if image is None:
                self.faults.append(f'{self._source}: frame {number} cannot be decoded')
            yield Frame(number, image, seconds)
        self._check_end(number, seconds + 1 / self.frame_rate)

    def _check_end(self, frames: int, seconds: float) -> None:
        """Note that the video is shorter than it announces."""
        announced, duration = self._reader.length, self._reader.duration
        if frames < _SHORT * announced and seconds < _SHORT * duration:
            self.notes.append(
                f'{self._source}: read {frames} of {announced} frames; the file is cut off or '
                'damaged'
            )
