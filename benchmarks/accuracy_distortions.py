"""Distortions of the recordings of `accuracy.py`: other detectors, frame rates and embeddings.

A distortion is a function of a recording and a seed; the same seed gives the same recording.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from accuracy_inputs import Recording

from strongsort_ros.types import FloatArray, Matrix

LOW = 0.6
"""Published `min_confidence`: detections of a lower score are for a stage of their own."""
DROPPED = 0.025
"""Share of the boxes that short recordings lose, for a spread over seeds."""


@dataclass(frozen=True, slots=True)
class Distortion:
    """Distortion of a recording.

    Attributes
    ----------
    apply
        Returns the distorted recording for a seed from 0.
    variants
        Number of different results; None: as many as there are seeds.

    """

    apply: Callable[[Recording, int], Recording]
    variants: int | None = 1


def unchanged(recording: Recording, _seed: int) -> Recording:
    """Return the recording."""
    return recording


def drop_boxes(recording: Recording, seed: int, share: float = DROPPED) -> Recording:
    """Return the recording without a random share of its detections."""
    kept = _rng(1, seed).random(len(recording.detections)) >= share
    return dataclasses.replace(recording, detections=recording.detections.select(kept))


def move_boxes(recording: Recording, seed: int, share: float) -> Recording:
    """Add normal noise to centre and size, of a standard deviation in shares of the size."""
    rows = recording.detections
    noise = _rng(2, seed).normal(0, share, rows.tlwh.shape)
    size = rows.tlwh[:, 2:]
    centre = rows.tlwh[:, :2] + size / 2 + noise[:, :2] * size
    size = size * np.clip(1 + noise[:, 2:], 0.5, 1.5)
    return _with_detections(recording, tlwh=np.hstack([centre - size / 2, size]))


def overconfident(recording: Recording, _seed: int, least: float = LOW) -> Recording:
    """Raise scores to the power of 0.03: 0.985 to 1. Detections below `least` are left out."""
    rows = recording.detections
    kept = rows.select(rows.scores >= least)
    scores = np.clip(kept.scores, 0, None) ** 0.03
    return _with_detections(dataclasses.replace(recording, detections=kept), scores=scores)


def squeezed(recording: Recording, _seed: int) -> Recording:
    """Move scores to 0.6 until a tenth of the distance is left."""
    return _with_detections(recording, scores=LOW + 0.1 * (recording.detections.scores - LOW))


def without_low_scores(recording: Recording, _seed: int) -> Recording:
    """Leave out the detections that the published presets do not use."""
    kept = recording.detections.scores >= LOW
    return dataclasses.replace(recording, detections=recording.detections.select(kept))


def every(recording: Recording, seed: int, step: int, told: bool) -> Recording:
    """Keep every `step`-th frame, from a phase given by the seed, and number them from 1.

    The frame rate, if told, is that of the frames kept.
    """
    frames = recording.frames[seed % step :: step]
    rate = recording.frame_rate
    numbers = np.asarray(frames)
    rows, truth = recording.detections, recording.ground_truth
    rows = rows.select(np.isin(rows.frames, numbers))
    truth = truth.select(np.isin(truth.frames, numbers))
    return dataclasses.replace(
        recording,
        frames=range(1, len(frames) + 1),
        frame_rate=rate / step if told and rate else None,
        detections=dataclasses.replace(rows, frames=np.searchsorted(numbers, rows.frames) + 1),
        ground_truth=dataclasses.replace(truth, frames=np.searchsorted(numbers, truth.frames) + 1),
        camera_motion=_chained(recording.camera_motion, frames, step),
    )


def rate_not_told(recording: Recording, _seed: int) -> Recording:
    """Return the recording without its frame rate."""
    return dataclasses.replace(recording, frame_rate=None)


def weak_embeddings(recording: Recording, seed: int, noise: float = 1.0) -> Recording:
    """Add normal noise of that norm to the embeddings, which have a norm of 1."""
    embeddings = recording.detections.embeddings
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scale = noise / np.sqrt(embeddings.shape[1])
    changed = embeddings / np.maximum(norms, 1e-12)
    changed = changed + _rng(3, seed).normal(0, scale, embeddings.shape)
    return _with_detections(
        recording, embeddings=np.where(norms > 0, changed, 0).astype(np.float32)
    )


def no_embeddings(recording: Recording, _seed: int) -> Recording:
    """Return the recording without embeddings."""
    return _with_detections(recording, embeddings=None)


DISTORTIONS: dict[str, Distortion] = {
    'clean': Distortion(unchanged),
    '2.5 % dropped': Distortion(drop_boxes, None),
    '5 % dropped': Distortion(partial(drop_boxes, share=0.05), None),
    'box noise 5 %': Distortion(partial(move_boxes, share=0.05), None),
    'box noise 10 %': Distortion(partial(move_boxes, share=0.1), None),
    'scores ^ 0.03': Distortion(overconfident),
    'all scores ^ 0.03': Distortion(partial(overconfident, least=0.0)),
    'scores to 0.6': Distortion(squeezed),
    'no low scores': Distortion(without_low_scores),
    'rate not told': Distortion(rate_not_told),
    'every 2nd': Distortion(partial(every, step=2, told=True), 2),
    'every 2nd, not told': Distortion(partial(every, step=2, told=False), 2),
    'every 4th': Distortion(partial(every, step=4, told=True), 4),
    'every 4th, not told': Distortion(partial(every, step=4, told=False), 4),
    'weak embeddings': Distortion(weak_embeddings, None),
    'no embeddings': Distortion(no_embeddings),
}
"""Name -> distortion; the first one is what the others are compared with."""


def _rng(kind: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([kind, seed])


def _with_detections(recording: Recording, **columns: object) -> Recording:
    rows = dataclasses.replace(recording.detections, **columns)
    return dataclasses.replace(recording, detections=rows)


def _chained(motion: Mapping[int, Matrix], frames: range, step: int) -> dict[int, FloatArray]:
    """Return the motion between the frames kept, by their new numbers."""
    chained = {}
    for number, frame in enumerate(frames[1:], 2):
        matrix = np.eye(3)
        for passed in range(frame - step + 1, frame + 1):
            matrix = motion.get(passed, np.eye(3)) @ matrix
        chained[number] = matrix
    return chained if motion else {}
