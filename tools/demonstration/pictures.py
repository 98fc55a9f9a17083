"""Tracks drawn on the images: video, pictures and a moving picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from demonstration.source import Source
from strongsort_ros.recording.atomic import replacing
from strongsort_ros.recording.drawing import draw_tracks
from strongsort_ros.recording.rows import TrackRows
from strongsort_ros.recording.video import write_video

Image = npt.NDArray[np.uint8]
Progress = Callable[[Iterable[Any], int], Iterable[Any]]

_PICTURES = 6
_MOVING_RATE = 10.0  # images a second
_MOVING_WIDTH = 480


def drawn_frames(source: Source, tracks: TrackRows, frames: Iterable[int]) -> Iterator[Image]:
    """Yield the images of some frames with their tracks."""
    for frame in frames:
        image = source.images.read(frame)
        assert image is not None
        draw_tracks(image, tracks, frame)
        yield image


def render_video(path: Path, source: Source, tracks: TrackRows, progress: Progress) -> None:
    """Write all images with their tracks."""
    frames = progress(list(source.images.paths), len(source.images))
    write_video(path, drawn_frames(source, tracks, frames), source.info.frame_rate)


def save_pictures(folder: Path, source: Source, tracks: TrackRows) -> list[Path]:
    """Write a few frames, evenly spread over the sequence, as JPEG; return their files."""
    folder.mkdir()
    frames = list(source.images.paths)
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, _PICTURES + 1)[1:].astype(int)]
    files = []
    for frame, image in zip(chosen, drawn_frames(source, tracks, chosen), strict=True):
        files.append(folder / f'{frame:06}.jpg')
        cv2.imwrite(str(files[-1]), image)
    return files


def save_moving_picture(path: Path, source: Source, tracks: TrackRows, frames: list[int]) -> None:
    """Write frames as an animated WebP, which browsers show where they play no .mp4.

    Parameters
    ----------
    path
        File to be, .webp.
    source, tracks
        What to draw.
    frames
        Numbers of consecutive frames; as many are left out as the lower rate asks for.

    """
    stride = max(round(source.info.frame_rate / _MOVING_RATE), 1)
    chosen = frames[::stride]
    animation = cv2.Animation()
    animation.frames = [_small(image) for image in drawn_frames(source, tracks, chosen)]
    milliseconds = round(1000 * stride / source.info.frame_rate)
    animation.durations = [milliseconds] * len(chosen)
    with replacing(path) as written:
        cv2.imwriteanimation(str(written), animation, [cv2.IMWRITE_WEBP_QUALITY, 55])


def _small(image: Image) -> Image:
    height = round(image.shape[0] * _MOVING_WIDTH / image.shape[1])
    small = cv2.resize(image, (_MOVING_WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
