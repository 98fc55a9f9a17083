"""Tracks drawn on the images: video, pictures and a moving picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from strongsort_ros.evaluation.report.model import Picture
from strongsort_ros.files.drawing import draw_tracks, shrink
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.video import has_pyav, write_video
from strongsort_ros.types import Image
from tools.demonstration.moving_picture import moving_picture, moving_picture_stride
from tools.demonstration.source import Source

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

_PICTURES = 6
_SMALL = 480  # pixels: VP9 by OpenCV takes a tenth of a second an image


def drawn_frames(source: Source, tracks: TrackRows, frames: Iterable[int]) -> Iterator[Image]:
    """Yield the images of some frames with their tracks."""
    for frame in frames:
        image = source.images.read(frame)
        assert image is not None
        draw_tracks(image, tracks, frame)
        yield image


def render_video(path: Path, source: Source, tracks: TrackRows, progress: Progress) -> None:
    """Write all images with their tracks, small ones where only the slow encoder is there."""
    frames = progress(list(source.images.paths), len(source.images))
    images = drawn_frames(source, tracks, frames)
    if not has_pyav():
        images = (shrink(image, _SMALL) for image in images)
    write_video(path, images, source.info.frame_rate)


def save_pictures(folder: Path, source: Source, tracks: TrackRows) -> list[Picture]:
    """Write a few frames, evenly spread over the sequence, as JPEG; return them smaller."""
    folder.mkdir()
    frames = list(source.images.paths)
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, _PICTURES + 1)[1:].astype(int)]
    pictures = []
    for frame, image in zip(chosen, drawn_frames(source, tracks, chosen), strict=True):
        cv2.imwrite(str(folder / f'{frame:06}.jpg'), image)
        pictures.append(Picture.encode(image, f'frame {frame} with its tracks'))
    return pictures


def moving_picture_of(source: Source, tracks: TrackRows, frames: list[int]) -> Picture:
    """Return consecutive frames with their tracks as a moving picture."""
    stride = moving_picture_stride(source.info.frame_rate)
    images = drawn_frames(source, tracks, frames[::stride])
    return moving_picture(images, source.info.frame_rate / stride, 'the tracks, moving')
