"""Two simulated crowds with embeddings, as recordings to experiment on."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from strongsort_ros.experiments.recordings import Recording
from strongsort_ros.files.rows import DetectionRows, GroundTruth
from tools.simulation.walkers import Walkers, WalkerSettings


def crowd(seed: int, frames: int = 60) -> Recording:
    """Return a recording of a crowd."""
    settings = WalkerSettings(people=10, width=640, height=360, dimension=16, seed=seed)
    seen = list(islice(Walkers(settings), frames))
    counts = [len(frame.detections.tlwh) for frame in seen]
    detections = DetectionRows(
        np.repeat(np.arange(1, frames + 1), counts),
        np.concatenate([frame.detections.tlwh for frame in seen]),
        np.concatenate([frame.detections.scores for frame in seen]),
        np.concatenate([frame.detections.class_ids for frame in seen]),
        np.concatenate([frame.detections.embeddings for frame in seen]),
    )
    ids = np.concatenate([frame.ids for frame in seen])
    ones = np.ones(len(ids), np.int64)
    truth = GroundTruth(
        np.repeat(np.arange(1, frames + 1), [len(frame.ids) for frame in seen]), ids,
        np.concatenate([frame.tlwh for frame in seen]), ones.astype(bool), ones,
        np.concatenate([frame.visibility for frame in seen]),
    )  # fmt: skip
    return Recording(f'crowd {seed}', range(1, frames + 1), 30.0, detections, truth, {})


@pytest.fixture(scope='session')
def crowds() -> list[Recording]:
    return [crowd(1), crowd(2)]
