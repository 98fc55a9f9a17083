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

_TRIALS = 10  # random breaks of every recording for validation


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrainingSettings(Settings):
    """Recipe of the training."""

    epochs: int = param(20, 'Epochs: uses of every pair.', low=1)
    breaks: int = param(60, 'Random breaks of every recording.', low=1)
    batch: int = param(1024, 'Pairs per step.', low=1)
    learning_rate: float = param(1e-2, 'Initial rate of Adam; falls to 0 by a cosine.', high=1.0)
    weight_decay: float = param(1e-3, 'Weight decay of Adam.', high=1.0)
    seed: int = param(0, 'The same seed and data give the same network.')


class MotionNetwork(nn.Module):
    """P(same object) of a pair from `pair_features`: one hidden layer.

    This form is for training; `MotionLinker` runs the network in NumPy.
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
    """Train a network on true tracks, broken where people are hidden.

    Parameters
    ----------
    truths
        People of each recording, with visibilities.
    settings
        None: the recipe of the checkpoint that comes with the package.
    progress
        Wraps the loop over the epochs, to show its progress.

    Returns
    -------
    network
        In evaluation mode.

    Raises
    ------
    InputError
        No person is hidden for long and visible again.

    """
    settings = settings or MotionTrainingSettings()
    rng = np.random.default_rng(settings.seed)
    features, same, weights = training_pairs(truths, rng, settings.breaks)
    if not same.any():
        raise InputError(
            'no person of the ground truth is hidden for more than 30 frames and visible again, '
            'by the visibility in the last column; train with --recipe published'
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
    """Return the share of pairs of broken tracks that the network classifies correctly."""
    features, same, _ = training_pairs(truths, np.random.default_rng(0), _TRIALS)
    costs = 1 - torch.sigmoid(network(torch.from_numpy(features.astype(np.float32)))).numpy()
    return float(np.mean((costs < MotionLinker.window.max_cost) == same))


_MIN_ROWS: Final = 2
# Range of the visibility from which a person is detected; drawn for every break.
_VISIBLE: Final = (0.1, 0.45)
# Errors of a detector, in box heights: of each box, and common to all boxes of a tracklet.
_JITTER: Final = 0.015
_BIAS: Final = np.array([0.04, 0.04, 0.04, 0.08])

TrainingPairs = tuple[FloatArray, BoolArray, FloatArray]
"""(K, 8) features of pairs, (K,) whether they are the same object, (K,) weights."""


def break_tracks(truth: GroundTruth, rng: np.random.Generator) -> tuple[Tracklets, IntArray]:
    """Return tracklets of a recording, broken where people are hidden, and their person ids.

    Parameters
    ----------
    truth
        Boxes of people with visibility.
    rng
        Draws the visibility from which people are detected, and errors of the boxes.

    """
    order = np.lexsort((truth.frames, truth.ids))
    truth = truth.select(order[truth.visibility[order] >= rng.uniform(*_VISIBLE)])
    breaks = (np.diff(truth.ids) != 0) | (np.diff(truth.frames) > MAX_AGE)
    fragments = np.concatenate([np.zeros(min(len(truth), 1), dtype=np.int64), np.cumsum(breaks)])
    long_enough = np.bincount(fragments)[fragments] >= _MIN_ROWS
    truth, fragments = truth.select(long_enough), fragments[long_enough]
    heights = truth.tlwh[:, 3:]
    bias = rng.normal(0.0, _BIAS, (fragments.max(initial=0) + 1, 4))[fragments]
    errors = (bias + rng.normal(0.0, _JITTER, truth.tlwh.shape)) * heights
    classes = np.zeros(len(truth), dtype=np.int64)
    tracklets = Tracklets.gather(truth.frames, fragments, truth.tlwh + errors, classes)
    return tracklets, truth.ids[tracklets.order][tracklets.starts]


def training_pairs(
    truths: list[GroundTruth], rng: np.random.Generator, count: int
) -> TrainingPairs:
    """Return pairs for training, of every recording broken `count` times.

    These are the candidates of linking, and pairs with shorter gaps, which are never the same
    object, as a tracker would not have ended its track.

    The weight of a pair is the square root of the length of its shorter tracklet: longer ones
    matter more to the scores, but less than in proportion, as their boxes are not independent.
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
