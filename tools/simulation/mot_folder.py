"""Write a drawn scene as a MOTChallenge sequence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from strongsort_ros.files.atomic import replacing
from strongsort_ros.types import FloatArray
from tools.simulation.scene import Scene, SceneFrame

Progress = Callable[[Iterable[SceneFrame]], Iterable[SceneFrame]]
"""Iterates over the frames and shows the progress; `iter` shows none."""


def write_mot_folder(
    scene: Scene,
    folder: Path | str,
    name: str = 'drawn-scene',
    progress: Progress = iter,
) -> None:
    """Write img1/, gt/gt.txt, det/det.txt, seqinfo.ini and camera_motion.json.

    camera_motion.json holds the true motion of the camera from the previous frame,
    {name: {frame: 3 x 3 matrix}}, in the format of StrongSORT's published camera motion.

    Parameters
    ----------
    scene
        Scene to draw.
    folder
        New folder; it must not exist.
    name
        Name of the sequence.
    progress
        Iterates over the frames and shows the progress.

    Raises
    ------
    InputError
        The folder exists, or it cannot be written.

    """
    motion: dict[str, list[list[float]]] = {}
    truth: list[FloatArray] = []
    detections: list[FloatArray] = []
    with replacing(folder, overwrite=False) as written:
        for part in ('img1', 'gt', 'det'):
            (written / part).mkdir(parents=True)
        for frame in progress(scene):
            image = written / 'img1' / f'{frame.frame:06}.jpg'
            if not cv2.imwrite(str(image), frame.image, [cv2.IMWRITE_JPEG_QUALITY, 92]):
                raise OSError(f'{image}: cannot write the image')
            truth.append(_truth_rows(frame))
            detections.append(_detection_rows(frame))
            motion[str(frame.frame)] = np.round(frame.camera_motion, 9).tolist()
        _save(written / 'gt' / 'gt.txt', truth, '%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,%.4f')
        _save(written / 'det' / 'det.txt', detections, '%d,%d,%.3f,%.3f,%.3f,%.3f,%.4f')
        (written / 'camera_motion.json').write_text(json.dumps({name: motion}), encoding='ascii')
        (written / 'seqinfo.ini').write_text(_sequence_info(scene, name), encoding='utf-8')


def _truth_rows(frame: SceneFrame) -> FloatArray:
    """Return the nine columns of gt.txt: each box counts (1) and is a pedestrian (1)."""
    ones = np.ones(len(frame.ids))
    rows = [ones * frame.frame, frame.ids, frame.tlwh, ones, ones, frame.visibility]
    return np.column_stack(rows)[np.argsort(frame.ids)]


def _detection_rows(frame: SceneFrame) -> FloatArray:
    seen = frame.detections
    ones = np.ones(len(seen))
    return np.column_stack([ones * frame.frame, -ones, seen.tlwh, seen.scores])


def _save(path: Path, rows: list[FloatArray], form: str) -> None:
    np.savetxt(path, np.concatenate(rows), fmt=form, encoding='ascii')


def _sequence_info(scene: Scene, name: str) -> str:
    s = scene.settings
    return (
        f'[Sequence]\nname={name}\nimDir=img1\nframeRate={s.frame_rate:g}\n'
        f'seqLength={s.frames}\nimWidth={s.width}\nimHeight={s.height}\nimExt=.jpg\n'
    )
