"""Frames of a video, a folder of images, a sequence, a camera or a stream, one after the other.

with open_frames('street.mp4') as source:
for frame in source:
print(frame.number, frame.seconds, frame.image.shape)
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from strongsort_ros.errors import InputError
from strongsort_ros.files.sequence import (
    IMAGE_SUFFIXES,
    has_images,
    load_sequence_info,
    numbered_images,
    read_image,
)
from strongsort_ros.types import Image, Size

FRAME_RATE: Final = 30.0
"""Frames per second of a folder of images that does not tell."""

CAMERA: Final = 'camera:'
_KITTI_RATE: Final = 10.0
_KITTI: Final = ('image_02/data', 'image_02', 'image_2')
_SUBFOLDERS: Final = ('img1', *_KITTI, 'images')
"""Folders of images in the folder of a sequence: MOTChallenge and DanceTrack, KITTI, others."""
_KITTI_PART: Final = re.compile('image_0?[0-3]')


class Frame(NamedTuple):
    """Frame of a source.

    Attributes
    ----------
    number
        Frame number: of an image its number in the file name, otherwise counted from 1.
    image
        (H, W, 3) uint8 BGR. None: it cannot be decoded.
    seconds
        Time since the begin of the source; it increases from frame to frame.

    """

    number: int
    image: Image | None
    seconds: float


class FrameSource(ABC):
    """Frames in their order. A context manager closes it; it is iterated once.

    Attributes
    ----------
    name
        Short name, such as the stem of a video's file name.
    size
        Width and height of the images, pixels.
    frame_rate
        Nominal frames per second; 0: unknown.
    numbers
        Frame numbers, ascending; None: their number is unknown, as for a camera.
    faults
        Description of each frame that could not be decoded so far.
    notes
        Remarks for the user so far, such as that a video is cut off.
    variable
        The time from frame to frame may vary: `frame_rate` is an average.
    live
        The frames come from a camera or a stream, and those that are not taken in time are dropped.

    """

    name: str
    size: Size
    frame_rate: float
    numbers: range | list[int] | None = None
    variable = False
    live = False

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.notes: list[str] = []

    @property
    def length(self) -> int | None:
        """Number of frames; None: unknown. That of a video can be wrong by a few frames."""
        return None if self.numbers is None else len(self.numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (images need none)
        """Release files and devices."""

    def stop(self) -> None:  # noqa: B027
        """End a wait for the next frame; a signal handler may call it."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""


def open_frames(source: str | Path, frame_rate: float = 0.0) -> FrameSource:
    """Open a source of frames.

    Parameters
    ----------
    source
        A video file; a folder of images, or of a MOTChallenge, DanceTrack, MOT20 or KITTI sequence;
        'camera:0' or '0' for the first camera, a device such as /dev/video0; the address of a
        stream, such as rtsp://host/path or http://host/path.
    frame_rate
        Frames per second; 0: as the source tells, 30 for images without seqinfo.ini (KITTI: 10).

    Raises
    ------
    InputError
        The source does not exist or cannot be read.

    """
    text = str(source)
    if '://' in text:
        from strongsort_ros.files.live_frames import open_stream

        return open_stream(text, frame_rate)
    if is_camera(text):
        from strongsort_ros.files.live_frames import open_camera

        return open_camera(text, frame_rate)
    path = Path(source)
    if path.is_dir():
        return ImageFrames(path, frame_rate)
    if not path.exists():
        raise InputError(f'{path}: no such file or folder')
    from strongsort_ros.files.video_frames import VideoFrames

    return VideoFrames(text, frame_rate)


def is_camera(text: str) -> bool:
    """Return whether a text names a camera: `0`, `camera:0`, /dev/video0."""
    if text.startswith((CAMERA, '/dev/video')):
        return True
    return text.isdecimal() and not Path(text).exists()


class ImageFrames(FrameSource):
    """Images of a folder in the order of their numbers.

    Parameters
    ----------
    folder
        Folder of images, or of a sequence. Images without any number are sorted by name and
        counted from 1.
    frame_rate
        Frames per second; 0: of seqinfo.ini, otherwise 30 (KITTI: 10).

    Raises
    ------
    InputError
        There are no images, or two have the same number.

    """

    def __init__(self, folder: Path, frame_rate: float = 0.0) -> None:
        super().__init__()
        images, self.name, rate = _find_images(folder)
        self.frame_rate = frame_rate or rate
        self._paths = _paths(images)
        self.numbers = list(self._paths)
        self.size = self._first_size()

    def __iter__(self) -> Iterator[Frame]:
        first = next(iter(self._paths))
        for number, path in self._paths.items():
            yield Frame(number, self._read(path), (number - first) / self.frame_rate)

    def _read(self, path: Path) -> Image | None:
        try:
            return read_image(path)
        except InputError as error:
            self.faults.append(str(error))
            return None

    def _first_size(self) -> Size:
        """Return the size of the first image that can be read."""
        for path in self._paths.values():
            try:
                height, width = read_image(path).shape[:2]
            except InputError as error:
                fault = error
            else:
                return width, height
        raise InputError(f'none of the {len(self._paths)} images can be read: {fault}')


def _paths(folder: Path) -> dict[int, Path]:
    """Return the images of a folder by frame number."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    if files and not any(re.search(r'\d', path.stem) for path in files):
        return dict(enumerate(sorted(files), 1))
    return numbered_images(folder)


def _find_images(folder: Path) -> tuple[Path, str, float]:
    """Return the folder of the images, the name of the sequence and its frame rate.

    Raises
    ------
    InputError
        Neither the folder nor the usual folders in it have images.

    """
    name, parts = folder.resolve().name, folder.resolve().parts
    kitti = any(map(_KITTI_PART.fullmatch, parts[-3:]))
    if (folder / 'seqinfo.ini').is_file():
        info = load_sequence_info(folder)
        return folder / info.image_folder, info.name, info.frame_rate
    if has_images(folder):
        images = folder / 'img1' if (folder / 'img1').is_dir() else folder
        return images, name, _KITTI_RATE if kitti else FRAME_RATE
    for below in _SUBFOLDERS:
        if (folder / below).is_dir() and has_images(folder / below):
            return folder / below, name, _KITTI_RATE if below in _KITTI else FRAME_RATE
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir())
    hint = f'; name one of its folders: {", ".join(inside[:5])}' if inside else ''
    raise InputError(f'{folder}: no images ({", ".join(IMAGE_SUFFIXES)}) in it{hint}')
