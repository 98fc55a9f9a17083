"""Recordings of `accuracy.py`: detections, embeddings, camera motion and ground truth in memory.

Real sequences come from the data folder, drawn ones from `tools.simulation`. Embeddings and camera
motion that are computed from images are cached in a folder.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from strongsort_ros.camera_motion import CameraMotionFile, create_camera_motion
from strongsort_ros.files.deepsort_npy import load_deepsort
from strongsort_ros.files.motchallenge import load_detections, load_ground_truth
from strongsort_ros.files.rows import DetectionRows, GroundTruth
from strongsort_ros.files.sequence import ImageFolder, load_sequence_info
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import Float32Array, FloatArray, Image, IntArray, Matrix
from tools.simulation.scene import Scene, SceneSettings
from tools.simulation.walkers import Walkers, WalkerSettings

MOT17 = {'02': 'synthetic128', '04': 'synthetic128', '05': 'synthetic128', '09': 'osnet512'}
OSNET = 'osnet_x0_25_msmt17.onnx'
SCENES = {
    'still': SceneSettings(camera_pan=0.0, camera_shake=0.0, seed=1),
    'moving': SceneSettings(seed=2),
    'moving, 10 Hz': SceneSettings(frame_rate=10.0, frames=200, seed=3),
}
CROWDS = {
    '30 Hz': WalkerSettings(people=30, dimension=128, seed=1),
    '10 Hz': WalkerSettings(people=20, dimension=128, seed=2, frame_rate=10.0),
    '5 Hz': WalkerSettings(people=15, dimension=128, seed=3, frame_rate=5.0),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that a tracker gets of one sequence, and its ground truth.

    Attributes
    ----------
    name
        Name of the sequence.
    frames
        Numbers of the frames to track and to score.
    frame_rate
        Frames per second as the tracker is told; None: it is not told.
    detections
        Detections of all scores; rows of zeros are embeddings that are not known.
    ground_truth
        True boxes.
    camera_motion
        Frame number -> (3, 3) matrix from the frame before; a frame without one has not moved.
    auto_distance
        Threshold that the setting 'auto' of `max_cosine_distance` stands for.
    image_size
        Width and height in pixels as the tracker is told; None: it is not told.

    """

    name: str
    frames: range
    frame_rate: float | None
    detections: DetectionRows
    ground_truth: GroundTruth
    camera_motion: Mapping[int, Matrix]
    auto_distance: float = 0.45
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Folders to read from.

    Attributes
    ----------
    data
        Folder of real sequences and weights.
    cache
        Folder for embeddings and camera motion computed from images.
    frames
        Number of frames to use of each recording; None: all.

    """

    data: Path
    cache: Path
    frames: int | None = None


def mot17(source: Source) -> list[Recording]:
    """Return the second halves of MOT17: YOLOX boxes, those of low score without embeddings."""
    motions = CameraMotionFile.load(source.data / 'mot17' / 'ecc_val.json')
    recordings = []
    for number, features in MOT17.items():
        name = f'MOT17-{number}-FRCNN'
        folder = source.data / 'mot17' / name
        info = load_sequence_info(folder)
        strong = load_deepsort(source.data / 'deepsort_features' / f'{name}_{features}.npy')
        weak = load_detections(source.data / 'yolox_low' / f'{name}.txt')
        frames = range(info.second_half, info.length + 1)
        recordings.append(
            Recording(
                name, frames, info.frame_rate, _joined(strong, weak),
                _cut(load_ground_truth(folder / 'gt' / 'gt.txt'), frames),
                motions.sequence(name).matrices,
            )
        )  # fmt: skip
    return recordings


def dance(source: Source) -> list[Recording]:
    """Return people who dance: true trajectories, simulated detections, still camera."""
    recordings = []
    for folder in sorted(path.parent for path in (source.data / 'dance').glob('*/seqinfo.ini')):
        info = load_sequence_info(folder)
        rows = load_deepsort(folder.with_suffix('.npy'))
        frames = range(1, info.length + 1)
        truth = _cut(load_ground_truth(folder / 'gt' / 'gt.txt'), frames)
        recordings.append(Recording(info.name, frames, info.frame_rate, rows, truth, {}))
    return recordings


def from_images(
    source: Source,
    path: str,
    detections: str,
    weights: str,
    scores: Callable[[FloatArray], FloatArray] = lambda scores: scores,
) -> list[Recording]:
    """Return a sequence with images: embeddings by `weights`, camera motion by `ecc`.

    The detections of low score that MOT17's sequences have get no embeddings.

    Parameters
    ----------
    source
        Folders.
    path
        Folder of the sequence in the data folder.
    detections
        File of detections in the folder `det`.
    weights
        `colour` or the file of a ReID network in the folder `reid` of the data folder.
    scores
        Map from the scores (N,) of the file to scores (N,) from 0 to 1.

    """
    folder = source.data / path
    info, images = load_sequence_info(folder), ImageFolder(folder)
    rows = load_detections(folder / 'det' / detections)
    rows = rows.select(np.isin(rows.frames, list(images.paths)))
    seen = ((frame, images.read(frame), rows.at(frame)) for frame in images.paths)
    file = source.cache / f'{info.name}_{detections}_{weights}.npz'
    embeddings, motion, distance, size = _computed(file, seen, _weights(source, weights))
    kept = DetectionRows(rows.frames, rows.tlwh, scores(rows.scores), rows.class_ids, embeddings)
    frames = range(min(images.paths), max(images.paths) + 1)
    truth = _cut(load_ground_truth(folder / 'gt' / 'gt.txt'), frames)
    if (low := source.data / 'yolox_low' / f'{info.name}.txt').exists():
        weak = load_detections(low)
        kept = _joined(kept, weak.select(np.isin(weak.frames, list(images.paths))))
    return [Recording(info.name, frames, info.frame_rate, kept, truth, motion, distance, size)]


def scenes(source: Source) -> list[Recording]:
    """Return drawn scenes: embeddings by colour, camera motion by `ecc`, from their images."""
    return [_scene(source, name, settings) for name, settings in SCENES.items()]


def crowds(_source: Source, settings: Mapping[str, WalkerSettings] = CROWDS) -> list[Recording]:
    """Return simulated crowds with simulated embeddings; 300 frames each."""
    return [_crowd(name, crowd) for name, crowd in settings.items()]


def _scene(source: Source, name: str, settings: SceneSettings) -> Recording:
    drawn = list(Scene(settings))
    seen = ((f.frame, f.image, f.detections) for f in drawn)
    file = source.cache / f'scene_{settings.seed}_{settings.frames}_{settings.frame_rate:g}.npz'
    embeddings, motion, distance, size = _computed(file, seen, 'colour')
    rows = detection_rows(((f.frame, f.detections) for f in drawn), embeddings)
    truth = truth_rows((f.frame, f.ids, f.tlwh, f.visibility) for f in drawn)
    frames = range(1, settings.frames + 1)
    return Recording(name, frames, settings.frame_rate, rows, truth, motion, distance, size)


def _crowd(name: str, settings: WalkerSettings, length: int = 300) -> Recording:
    seen = list(itertools.islice(Walkers(settings), length))
    embeddings = np.concatenate([f.detections.embeddings for f in seen])
    rows = detection_rows(((f.frame, f.detections) for f in seen), embeddings)
    truth = truth_rows((f.frame, f.ids, f.tlwh, f.visibility) for f in seen)
    frames = range(1, length + 1)
    return Recording(name, frames, settings.frame_rate, rows, truth, {})


def _weights(source: Source, weights: str) -> str:
    return weights if weights == 'colour' else str(source.data / 'reid' / weights)


def _computed(
    file: Path, seen: Iterable[tuple[int, Image | None, Detections]], weights: str
) -> tuple[Float32Array, dict[int, Matrix], float, tuple[int, int]]:
    """Return embeddings (N, D), camera motion, threshold and size of images; cached in a file."""
    if not file.exists():
        extractor, estimator = load_extractor(weights, 'cpu'), create_camera_motion('ecc')
        embeddings, frames, matrices, size = [], [], [], (0, 0)
        for frame, image, detections in seen:
            embeddings.append(extractor.extract(image, detections.tlwh))
            frames.append(frame)
            matrices.append(estimator.estimate(image, detections.tlwh).matrix)
            size = image.shape[1], image.shape[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix('.part.npz')
        np.savez(
            part, embeddings=np.concatenate(embeddings), frames=frames, matrices=matrices,
            distance=extractor.card.max_cosine_distance, size=size,
        )  # fmt: skip
        part.rename(file)
    with np.load(file, allow_pickle=False) as stored:
        motion = dict(zip(stored['frames'].tolist(), stored['matrices'], strict=True))
        width, height = stored['size'].tolist()
        return stored['embeddings'], motion, float(stored['distance']), (width, height)


def _joined(strong: DetectionRows, weak: DetectionRows) -> DetectionRows:
    """Return both kinds of detections in the order of frames; weak ones have no embeddings."""
    none = np.zeros((len(weak), strong.embeddings.shape[1]), np.float32)
    parts = strong, dataclasses.replace(weak, embeddings=none)
    columns = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in DetectionRows.__dataclass_fields__
    ]
    return DetectionRows(*columns).select(np.argsort(columns[0], kind='stable'))


def _cut(truth: GroundTruth, frames: range) -> GroundTruth:
    return truth.select((truth.frames >= frames.start) & (truth.frames < frames.stop))


def detection_rows(
    seen: Iterable[tuple[int, Detections]], embeddings: Float32Array
) -> DetectionRows:
    """Return the detections of (frame, detections) with the (N, D) embeddings of all rows."""
    frames, detections = zip(*seen, strict=True)
    return DetectionRows(
        np.repeat(frames, [len(one) for one in detections]),
        np.concatenate([one.tlwh for one in detections]),
        np.concatenate([one.scores for one in detections]),
        np.concatenate([one.class_ids for one in detections]).astype(np.str_),
        embeddings,
    )


def truth_rows(seen: Iterator[tuple[int, IntArray, FloatArray, FloatArray]]) -> GroundTruth:
    """Return the truth of (frame, ids, tlwh, visibility)."""
    frames, ids, tlwh, visibility = zip(*seen, strict=True)
    number = np.concatenate(ids)
    ones = np.ones(len(number), dtype=np.int64)
    return GroundTruth(
        np.repeat(frames, [len(one) for one in ids]), number, np.concatenate(tlwh),
        ones.astype(bool), ones, np.concatenate(visibility),
    )  # fmt: skip


def _to_unit(scores: FloatArray) -> FloatArray:
    """Return s / (s + 10), at least 0: the scores of ACF are not bounded."""
    scores = np.maximum(scores, 0.0)
    return scores / (scores + 10.0)


def _images(
    path: str, detections: str, weights: str, scores: Callable[[FloatArray], FloatArray] | None
) -> Callable[[Source], list[Recording]]:
    arguments = (path, detections, weights) + ((scores,) if scores else ())
    return lambda source: from_images(source, *arguments)


TUD, KITTI, EXCERPT = 'mot15/TUD-Campus', 'mot15/KITTI-17', 'mot17/MOT17-09-FRCNN'
GROUPS: dict[str, Callable[[Source], list[Recording]]] = {
    'MOT17': mot17,
    'dance': dance,
    'TUD-Campus': _images(TUD, 'frcnn.txt', OSNET, None),
    'KITTI-17': _images(KITTI, 'frcnn.txt', OSNET, None),
    'MOT17-09 pixels': _images(EXCERPT, 'yolox.txt', OSNET, None),
    'scenes': scenes,
    'crowds': crowds,
    'TUD-Campus acf': _images(TUD, 'acf.txt', OSNET, _to_unit),
    'KITTI-17 acf': _images(KITTI, 'acf.txt', OSNET, _to_unit),
    'TUD-Campus acf raw': _images(TUD, 'acf.txt', OSNET, None),
    'KITTI-17 acf raw': _images(KITTI, 'acf.txt', OSNET, None),
    'TUD-Campus colour': _images(TUD, 'frcnn.txt', 'colour', None),
    'KITTI-17 colour': _images(KITTI, 'frcnn.txt', 'colour', None),
    'MOT17-09 pixels colour': _images(EXCERPT, 'yolox.txt', 'colour', None),
}
"""Name -> loader of sequences whose boxes are pooled in the scores."""
DRAWN = frozenset({'scenes', 'crowds'})
"""Groups that need no data folder."""
SMALL = frozenset(GROUPS) - DRAWN - {'MOT17', 'dance'}
"""Groups so short that one identity decides; their inputs lose 2.5 % of the boxes, by seeds."""


@lru_cache(maxsize=2)
def load(group: str, source: Source) -> list[Recording]:
    """Return the recordings of a group, cut to the first frames of the source."""
    recordings = GROUPS[group](source)
    return [dataclasses.replace(one, frames=one.frames[: source.frames]) for one in recordings]
