"""Training of AFLink's motion network on ground truth with visibilities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from strongsort_ros.errors import InputError
from strongsort_ros.recording.rows import GroundTruth
from strongsort_ros.refinement.aflink_motion import FEATURES, HIDDEN, MotionLinker
from strongsort_ros.refinement.aflink_pieces import piece_pairs
from strongsort_ros.settings import Settings, setting

# Recordings that are broken anew, to say how good a network is.
_TRIALS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrainingSettings(Settings):
    """Recipe of the training."""

    epochs: int = setting(20, 'Times that every pair is seen.', low=1)
    breaks: int = setting(60, 'Times that every recording is broken, each in its own way.', low=1)
    batch: int = setting(1024, 'Pairs a step.', low=1)
    learning_rate: float = setting(1e-2, 'Of Adam, at the start of a cosine to 0.', high=1.0)
    weight_decay: float = setting(1e-3, 'Of Adam.', high=1.0)
    seed: int = setting(0, 'The same seed and data give the same network.')


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
    features, same, weights = piece_pairs(truths, rng, settings.breaks)
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
    features, same, _ = piece_pairs(truths, np.random.default_rng(0), _TRIALS)
    costs = 1 - torch.sigmoid(network(torch.from_numpy(features.astype(np.float32)))).numpy()
    return float(np.mean((costs < MotionLinker.window.max_cost) == same))
