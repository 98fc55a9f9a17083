"""Residual of the background in real sequences after the camera motion is undone.

The true motion is not known, so this measures the mean absolute difference of grey values between
the current image and the previous one moved by the estimate, outside the boxes of both frames, at
full resolution. `none` does not move the previous image; `rigid` is `ecc` without zoom. The
sequences are MOTChallenge folders, with the boxes in `det/det.txt` or the file named by
`--detections`, or videos, without boxes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

from strongsort_ros.types import FloatArray, Image, Matrix

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import cv2
import numpy as np

from strongsort_ros.camera_motion import CameraMotionSettings, create_camera_motion

MODES = ('none', 'published', 'rigid', 'ecc')


def frames(path: Path, detections: str) -> Iterator[tuple[Image, FloatArray]]:
    """Yield the images of a folder with their (N, 4) boxes, or those of a video without boxes."""
    if path.is_dir():
        rows = np.loadtxt(path / 'det' / detections, delimiter=',', ndmin=2)
        for image in sorted((path / 'img1').iterdir()):
            yield np.asarray(cv2.imread(str(image))), rows[rows[:, 0] == int(image.stem), 2:6]
        return
    video = cv2.VideoCapture(str(path))
    while True:
        found, frame = video.read()
        if not found:
            return
        yield np.asarray(frame), np.empty((0, 4))


def background(shape: tuple[int, ...], tlwh: FloatArray) -> Image:
    """Return a mask: 1 outside the boxes, which are widened by a tenth of their size."""
    mask = np.ones(shape[:2], np.uint8)
    for x, y, w, h in tlwh:
        top, left = max(0, int(y - 0.1 * h)), max(0, int(x - 0.1 * w))
        mask[top : max(0, int(y + 1.1 * h)), left : max(0, int(x + 1.1 * w))] = 0
    return mask


def residual(
    before: Image, after: Image, mask_before: Image, mask_after: Image, matrix: Matrix
) -> float:
    """Return the mean absolute grey difference outside the boxes after the motion is undone."""
    size = after.shape[::-1]
    moved = cv2.warpAffine(before, matrix[:2], size, flags=cv2.INTER_CUBIC)
    free = cv2.warpAffine(mask_before, matrix[:2], size, flags=cv2.INTER_NEAREST) & mask_after
    # The border has no counterpart in the other image.
    free[:40] = free[-40:] = 0
    free[:, :40] = free[:, -40:] = 0
    return float(cv2.mean(cv2.absdiff(moved, after), mask=free)[0])


def main() -> None:
    """Measure the sequences and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('sequences', type=Path, nargs='+', help='MOTChallenge folders, videos')
    parser.add_argument('--detections', default='det.txt', help='name of a file in det/')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(f'{"sequence, mode":32s} residual  median    unknown  ms median    p95')
    for folder in args.sequences:
        estimators = {mode: create_camera_motion(mode) for mode in MODES if mode != 'rigid'}
        estimators['rigid'] = create_camera_motion('ecc', CameraMotionSettings(max_zoom=0.0))
        left: dict[str, list[float]] = {mode: [] for mode in MODES}
        taken: dict[str, list[float]] = {mode: [] for mode in MODES}
        unknown = dict.fromkeys(MODES, 0)
        previous: tuple[Image, Image] | None = None
        for image, tlwh in frames(folder, args.detections):
            grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            mask = background(image.shape, tlwh)
            for mode, estimator in estimators.items():
                start = time.perf_counter()
                motion = estimator.estimate(image, tlwh) if estimator else None
                taken[mode].append((time.perf_counter() - start) * 1e3)
                if previous is not None:
                    matrix = motion.matrix if motion else np.eye(3)
                    left[mode].append(residual(previous[0], grey, previous[1], mask, matrix))
                    unknown[mode] += motion is not None and motion.score == 0
            previous = grey, mask
        for mode in MODES:
            print(
                f'{folder.name + ", " + mode:32s} {np.mean(left[mode]):8.3f} '
                f'{np.median(left[mode]):7.3f} {unknown[mode]:4d} /{len(left[mode]):4d} '
                f'{np.median(taken[mode][1:]):10.2f} {np.percentile(taken[mode][1:], 95):6.2f}'
            )


if __name__ == '__main__':
    main()
