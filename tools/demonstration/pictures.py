"""Tracks drawn on the images: a video, stills and an animation that browsers show."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from strongsort_ros.errors import MissingPackageError
from strongsort_ros.evaluation.report.model import Picture
from strongsort_ros.files.drawing import draw_tracks, shrink
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.video import has_pyav, write_video
from strongsort_ros.types import Image
from tools.demonstration.source import Source

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

STILLS: Final = 6
SMALL_WIDTH: Final = 480
"""Pixels; OpenCV's VP9 encoder takes 0.1 s for an image of this width."""
ANIMATION_RATE: Final = 10.0
"""Images per second, about."""
ANIMATION_QUALITY: Final = 40
"""WebP quality, 0 to 100."""


def drawn_frames(source: Source, tracks: TrackRows, frames: Iterable[int]) -> Iterator[Image]:
    """Yield the images of some frames with their tracks."""
    for frame in frames:
        image = source.images.read(frame)
        assert image is not None
        draw_tracks(image, tracks, frame)
        yield image


def render_video(path: Path, source: Source, tracks: TrackRows, progress: Progress) -> None:
    """Write a video of all images with their tracks; without PyAV the images are made smaller."""
    frames = progress(list(source.images.paths), len(source.images))
    images = drawn_frames(source, tracks, frames)
    if not has_pyav():
        images = (shrink(image, SMALL_WIDTH) for image in images)
    write_video(path, images, source.info.frame_rate)


def save_stills(folder: Path, source: Source, tracks: TrackRows) -> list[Picture]:
    """Write evenly spaced frames with their tracks as JPEG; return them for the report."""
    folder.mkdir()
    frames = list(source.images.paths)
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, STILLS + 1)[1:].astype(int)]
    pictures = []
    for frame, image in zip(chosen, drawn_frames(source, tracks, chosen), strict=True):
        cv2.imwrite(str(folder / f'{frame:06}.jpg'), image)
        pictures.append(Picture.encode(image, f'frame {frame} with its tracks'))
    return pictures


def animation_of(source: Source, tracks: TrackRows, frames: list[int]) -> Picture:
    """Return consecutive frames with their tracks as an animation."""
    stride = animation_stride(source.info.frame_rate)
    images = drawn_frames(source, tracks, frames[::stride])
    return animation(images, source.info.frame_rate / stride, 'animation of the tracks')


def animation_stride(frame_rate: float) -> int:
    """Return the number of frames from one image of an animation to the next."""
    return max(round(frame_rate / ANIMATION_RATE), 1)


def animation(images: Iterable[Image], frame_rate: float, text: str) -> Picture:
    """Return images as an animated WebP.

    Parameters
    ----------
    images
        At least one, all of one size; they are made smaller.
    frame_rate
        Images per second.
    text
        Description for the report.

    Raises
    ------
    MissingPackageError
        OpenCV is too old to write animations.

    """
    if not hasattr(cv2, 'Animation'):
        raise MissingPackageError(
            f'animations need OpenCV 4.11 or newer, this is {cv2.__version__}: '
            'pip install --upgrade opencv-python'
        )
    written = cv2.Animation()
    written.frames = [shrink(image, SMALL_WIDTH) for image in images]
    written.durations = [round(1000 / frame_rate)] * len(written.frames)
    # OpenCV writes animations to files only.
    with tempfile.TemporaryDirectory(prefix='strongsort-picture-') as folder:
        path = Path(folder) / 'animation.webp'
        cv2.imwriteanimation(str(path), written, [cv2.IMWRITE_WEBP_QUALITY, ANIMATION_QUALITY])
        return Picture(path.read_bytes(), text)
