"""Training of AFLink's motion network on ground truth with visibilities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from strongsort_ros.errors import InputError
from strongsort_ros.files.rows import GroundTruth
from strongsort_ros.refinement.aflink.candidates import Tracklets, find_candidates
from strongsort_ros.refinement.aflink.motion import (
    FEATURES,
    HIDDEN,
    MAX_AGE,
    MotionLinker,
    pair_features,
)
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import BoolArray, FloatArray, IntArray

# Recordings that are broken anew, to say how good a network is.
_TRIALS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrainingSettings(Settings):
    """Recipe of the training."""

    epochs: int = param(20, 'Times that every pair is seen.', low=1)
    breaks: int = param(60, 'Times that every recording is broken, each in its own way.', low=1)
    batch: int = param(1024, 'Pairs a step.', low=1)
    learning_rate: float = param(1e-2, 'Of Adam, at the start of a cosine to 0.', high=1.0)
    weight_decay: float = param(1e-3, 'Of Adam.', high=1.0)
    seed: int = param(0, 'The same seed and data give the same network.')


class MotionNetwork(nn.Module):
    """P(same object) of a pair from `pair_features`: one hidden layer.

    This is the form that is trained; `MotionLinker` runs it.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(FEATURES))
        self.register_buffer('deviation', torch.ones(FEATURES))
        self.hidden = nn.Linear(FEATURES, HIDDEN)
        self.output = nn.Linear(HIDDEN, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (K,) logits of (K, 8)."""
        normed = (features - self.mean) / self.deviation
        return self.output(torch.tanh(self.hidden(normed)))[:, 0]  # type: ignore[no-any-return]


def train_motion(
    truths: list[GroundTruth],
    settings: MotionTrainingSettings | None = None,
    progress: Callable[[Collection[int]], Iterable[int]] = iter,
) -> MotionNetwork:
    """Return a network that was trained on true tracks, broken where people are hidden.

    Parameters
    ----------
    truths
        Of each recording, the people with their visibilities.
    settings
        None: as the checkpoint that is shipped.
    progress
        Wraps the loop over the epochs, to show how far it is.

    Raises
    ------
    InputError
        Nobody is hidden for long and seen again.

    """
    settings = settings or MotionTrainingSettings()
    rng = np.random.default_rng(settings.seed)
    features, same, weights = training_pairs(truths, rng, settings.breaks)
    if not same.any():
        raise InputError(
            'the ground truth has nobody who is hidden, by the visibility in its last column, for '
            'more than 30 frames and seen again; train with --recipe published'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = MotionNetwork()
    network.mean.copy_(torch.from_numpy(features.mean(axis=0)))
    network.deviation.copy_(torch.from_numpy(features.std(axis=0) + 1e-6))
    x, y, w = (
        torch.from_numpy(part.astype(np.float32))
        for part in (features, same, weights / weights.mean())
    )
    optimizer = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=settings.epochs)
    for _ in progress(range(settings.epochs)):
        order = torch.from_numpy(rng.permutation(len(x)))
        for start in range(0, len(x), settings.batch):
            chosen = order[start : start + settings.batch]
            loss = binary_cross_entropy_with_logits(network(x[chosen]), y[chosen], w[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def motion_accuracy(network: MotionNetwork, truths: list[GroundTruth]) -> float:
    """Return the share of pairs of broken tracks that the network tells right, link by link."""
    features, same, _ = training_pairs(truths, np.random.default_rng(0), _TRIALS)
    costs = 1 - torch.sigmoid(network(torch.from_numpy(features.astype(np.float32)))).numpy()
    return float(np.mean((costs < MotionLinker.window.max_cost) == same))


_MIN_ROWS: Final = 2
# A person is detected from about this share of them on that is visible; drawn anew each time.
_VISIBLE: Final = (0.1, 0.45)
# In heights: how far boxes of a detector are off, each by itself and all of a piece together.
_JITTER: Final = 0.015
_BIAS: Final = np.array([0.04, 0.04, 0.04, 0.08])

TrainingPairs = tuple[FloatArray, BoolArray, FloatArray]
"""(K, 8) features of pairs, (K,) whether they are one object, (K,) what they weigh."""


def break_tracks(truth: GroundTruth, rng: np.random.Generator) -> tuple[Tracklets, IntArray]:
    """Return the tracks of a recording, broken where people are hidden, and whose they are.

    Parameters
    ----------
    truth
        Boxes of people with their visibility.
    rng
        Draws how well people have to be seen, and errors of the boxes.

    """
    order = np.lexsort((truth.frames, truth.ids))
    truth = truth.select(order[truth.visibility[order] >= rng.uniform(*_VISIBLE)])
    breaks = (np.diff(truth.ids) != 0) | (np.diff(truth.frames) > MAX_AGE)
    pieces = np.concatenate([np.zeros(min(len(truth), 1), dtype=np.int64), np.cumsum(breaks)])
    long_enough = np.bincount(pieces)[pieces] >= _MIN_ROWS
    truth, pieces = truth.select(long_enough), pieces[long_enough]
    heights = truth.tlwh[:, 3:]
    bias = rng.normal(0.0, _BIAS, (pieces.max(initial=0) + 1, 4))[pieces]
    errors = (bias + rng.normal(0.0, _JITTER, truth.tlwh.shape)) * heights
    classes = np.zeros(len(truth), dtype=np.int64)
    tracklets = Tracklets.gather(truth.frames, pieces, truth.tlwh + errors, classes)
    return tracklets, truth.ids[tracklets.order][tracklets.starts]


def training_pairs(
    truths: list[GroundTruth], rng: np.random.Generator, count: int
) -> TrainingPairs:
    """Return the pairs to learn from, of every recording broken `count` times.

    Those that linking looks at, and those of shorter gaps: near by in time and space, and never
    one object, as a tracker would not have let go of it.

    A pair weighs the square root of the rows of its shorter tracklet: longer ones matter more to
    the scores, but not in proportion, as their boxes are not independent.
    """
    parts = [_pairs(*break_tracks(truth, rng)) for truth in truths for _ in range(count)]
    features, same, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features, same, weights


def _pairs(tracklets: Tracklets, people: IntArray) -> TrainingPairs:
    window = MotionLinker.window
    earlier, later = find_candidates(tracklets, (1, window.max_gap), window.max_distance)
    rows = tracklets.stops - tracklets.starts
    return (
        pair_features(tracklets, earlier, later),
        people[earlier] == people[later],
        np.sqrt(np.minimum(rows[earlier], rows[later])),
    )
