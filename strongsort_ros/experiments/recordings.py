"""Recordings to experiment on: what a tracker gets, and the ground truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from strongsort_ros.camera_motion import create_camera_motion
from strongsort_ros.camera_motion.motion_file import CameraMotionFile
from strongsort_ros.errors import InputError
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.deepsort_npy import load_deepsort
from strongsort_ros.files.motchallenge import load_detections, load_ground_truth
from strongsort_ros.files.rows import DetectionRows, GroundTruth, TrackRows
from strongsort_ros.files.sequence import (
    ImageFolder,
    find_detections,
    has_images,
    load_sequence_info,
)
from strongsort_ros.refinement.tracks import RefinementSteps, apply_steps
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import FRAME_RATE, Tracker
from strongsort_ros.tracking.tracks import TENTATIVE
from strongsort_ros.types import BoolArray, Float32Array, IntArray, Matrix

Progress = Callable[[Sequence[int]], Iterable[int]]


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that a tracker gets of one sequence, and its ground truth.

    Attributes
    ----------
    name
        Name of the sequence.
    frames
        Frames to track and to score.
    frame_rate
        Frames per second.
    detections
        Detections with embeddings, or without any.
    ground_truth
        True boxes of these frames.
    camera_motion
        Frame -> (3, 3) from the frame before; a frame without one has not moved.
    max_cosine_distance
        Value of the setting 'auto' for these embeddings; None: that of the preset.
    image_size
        Width and height in pixels; None: not known.

    """

    name: str
    frames: range
    frame_rate: float
    detections: DetectionRows
    ground_truth: GroundTruth
    camera_motion: Mapping[int, Matrix]
    max_cosine_distance: float | None = None
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSource:
    """Where detections, embeddings and camera motion come from.

    Attributes
    ----------
    detections
        Name of a file in `det/`; '' for det.txt or the only one.
    features
        Folder of DeepSORT .npy files, whose names begin with those of the sequences, instead.
    motion
        File of camera motion {sequence: {frame: 3 x 3}}; None: estimated from the images.
    reid
        ReID weights for embeddings from the images; '': colour histograms.
    second_half
        Use only frames from length // 2 + 2, the published validation half.

    """

    detections: str = ''
    features: Path | None = None
    motion: Path | None = None
    reid: str = ''
    second_half: bool = False


def load_recording(folder: Path, source: RecordingSource, progress: Progress = iter) -> Recording:
    """Load a sequence with its ground truth; embeddings and camera motion come from its images.

    Parameters
    ----------
    folder
        MOTChallenge folder with `gt/gt.txt`, and `det/` or `source.features`.
    source
        Where the rest comes from.
    progress
        Wraps the loop over the images.

    Raises
    ------
    InputError
        A file is missing or invalid.

    """
    rows = _load_rows(folder, source)
    known = (folder / 'seqinfo.ini').exists()
    info = load_sequence_info(folder) if known else None
    truth = load_ground_truth(folder / 'gt' / 'gt.txt')
    if not len(truth):
        raise InputError(f'{folder / "gt" / "gt.txt"}: no boxes to score against')
    if source.second_half and info is None:
        raise InputError(f'{folder}: the second half needs seqinfo.ini')
    first = info.second_half if info and source.second_half else int(truth.frames.min())
    last = info.length if info else int(max(truth.frames.max(), rows.frames.max(initial=0)))
    frames = range(first, last + 1)
    recording = Recording(
        folder.resolve().name, frames, info.frame_rate if info else FRAME_RATE,
        rows.select(_inside(rows.frames, frames)),
        truth.select(_inside(truth.frames, frames)), _motion_of(folder, source, frames),
    )  # fmt: skip
    wants_images = rows.embeddings is None or source.motion is None
    return _from_images(recording, folder, source, progress) if wants_images else recording


def _load_rows(folder: Path, source: RecordingSource) -> DetectionRows:
    if source.features is None:
        named = folder / 'det' / source.detections
        return load_detections(named if source.detections else find_detections(folder))
    name = folder.resolve().name
    found = sorted(source.features.glob(f'{name}*.npy'))
    if len(found) != 1:
        raise InputError(
            f'{source.features}: {len(found)} files of the form {name}*.npy, expected one'
        )
    return load_deepsort(found[0])


def _motion_of(folder: Path, source: RecordingSource, frames: range) -> dict[int, Matrix]:
    if source.motion is None:
        return {}
    motion = CameraMotionFile.load(source.motion).sequence(folder.resolve().name)
    return {frame: motion.at(frame).matrix for frame in frames if motion.at(frame).score > 0}


def _inside(frames: IntArray, wanted: range) -> BoolArray:
    inside: BoolArray = (frames >= wanted.start) & (frames < wanted.stop)
    return inside


def _from_images(
    recording: Recording, folder: Path, source: RecordingSource, progress: Progress
) -> Recording:
    """Add embeddings and camera motion from the images, where there are images."""
    if not has_images(folder):
        return recording
    rows, images = recording.detections, ImageFolder(folder)
    extractor = load_extractor(source.reid) if rows.embeddings is None else None
    estimator = create_camera_motion('ecc') if source.motion is None else None
    motion, size = dict(recording.camera_motion), recording.image_size
    embeddings: list[Float32Array] = []
    for frame in progress(recording.frames):
        seen = rows.at(frame)
        image = images.read(frame) if frame in images.paths else None
        if image is None:
            if extractor:
                embeddings.append(np.zeros((len(seen), extractor.card.dimension), np.float32))
            continue
        size = image.shape[1], image.shape[0]
        if extractor:
            embeddings.append(extractor.extract(image, seen.tlwh))
        if estimator:
            motion[frame] = estimator.estimate(image, seen.tlwh).matrix
    if extractor:
        rows = replace(rows, embeddings=np.concatenate(embeddings))
    distance = extractor.card.max_cosine_distance if extractor else None
    return replace(
        recording, detections=rows, camera_motion=motion, max_cosine_distance=distance,
        image_size=size,
    )  # fmt: skip


def track(
    recording: Recording, settings: TrackerSettings, *, camera_motion: bool = True
) -> tuple[TrackRows, float]:
    """Return the tracks of a recording, tentative ones included, and the seconds that it took."""
    if settings.max_cosine_distance == AUTO:
        fallback = TrackerSettings.robust().max_cosine_distance
        settings = settings.replace(max_cosine_distance=recording.max_cosine_distance or fallback)
    tracker = Tracker(settings, recording.frame_rate)
    if recording.image_size:
        tracker.set_image_size(*recording.image_size)
    motion = recording.camera_motion if camera_motion else {}
    steps = []
    start = time.perf_counter()
    for frame in recording.frames:
        tracks = tracker.update(recording.detections.at(frame), motion.get(frame))
        steps.append((frame, tracks))
    seconds = time.perf_counter() - start
    kept = (
        (frame, tracks.all.select(
            (tracks.all.states == TENTATIVE) | np.isin(tracks.all.ids, tracks.ids)
        ))
        for frame, tracks in steps
    )  # fmt: skip
    return TrackRows.collect(kept), seconds


def scored(
    recording: Recording, tracks: TrackRows, steps: RefinementSteps | None = None
) -> ScoredSequence:
    """Return the reported or refined tracks with their ground truth, to score."""
    done = apply_steps(tracks, steps or RefinementSteps()).tracks
    return ScoredSequence(recording.name, recording.ground_truth, done, recording.frames)
