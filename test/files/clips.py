"""Tiny videos and images for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from strongsort_ros.types import Image


def picture(step: int, height: int = 96, width: int = 128) -> Image:
    """Return a grey image with a bright person-sized box that moves right with each step."""
    image = np.full((height, width, 3), 60, np.uint8)
    image[:, :, 1] += (np.arange(width) % 16).astype(np.uint8)
    left = 6 + 4 * step
    image[30:80, left : left + 20] = (40, 180, 240)
    return image


def box(step: int) -> tuple[int, int, int, int]:
    """Return the left, top, width and height of the box in a picture."""
    return 6 + 4 * step, 30, 20, 50


def write_clip(path: Path, frames: int = 20, rate: float = 25.0) -> Path:
    """Write a video of pictures with OpenCV: .avi is Motion JPEG, .webm and .mp4 VP9."""
    codecs = {'.avi': 'MJPG', '.webm': 'VP90', '.mp4': 'vp09'}
    codec = cv2.VideoWriter.fourcc(*codecs[path.suffix])
    writer = cv2.VideoWriter(str(path), codec, rate, (128, 96))
    for step in range(frames):
        writer.write(picture(step))
    writer.release()
    return path


def write_images(folder: Path, names: Sequence[str]) -> Path:
    """Write a picture for each name."""
    folder.mkdir(parents=True)
    for step, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), picture(step))
    return folder


def write_detections(path: Path, frames: Sequence[int], *, first_step: int = 0) -> Path:
    """Write the detections of pictures."""
    rows = []
    for step, frame in enumerate(frames, first_step):
        left, top, width, height = box(step)
        rows.append(f'{frame},-1,{left},{top},{width},{height},0.875\n')
    path.write_text(''.join(rows))
    return path
