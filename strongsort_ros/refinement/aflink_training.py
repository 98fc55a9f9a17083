"""Training of AFLink's network on the ground truth of MOTChallenge sequences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from strongsort_ros.appearance.safetensors_file import write_safetensors
from strongsort_ros.recording.atomic import replacing
from strongsort_ros.refinement.aflink_postlinker import PostLinker
from strongsort_ros.refinement.aflink_published import PublishedLinker
from strongsort_ros.refinement.aflink_samples import training_pairs, validation_pairs
from strongsort_ros.settings import Settings, setting
from strongsort_ros.tracking.detections import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AflinkTrainingSettings(Settings):
    """Recipe of the training; the defaults are the published program's, and a seed."""

    epochs: int = setting(20, 'Times that every track is seen.', low=1)
    batch: int = setting(16, 'Tracks a step; each gives four pairs.', low=1)
    learning_rate: float = setting(1e-3, 'Of Adam, at the start.', high=1.0)
    final_rate: float = setting(1e-5, 'Of Adam, at the end of a cosine.', high=1.0)
    weight_decay: float = setting(1e-5, 'Of Adam.', high=1.0)
    seed: int = setting(0, 'The same seed and data give the same network.')


def train(
    tracks: list[FloatArray],
    settings: AflinkTrainingSettings | None = None,
    progress: Callable[[Collection[int]], Iterable[int]] = iter,
) -> PostLinker:
    """Return a network that was trained on true tracks, in evaluation mode.

    Parameters
    ----------
    tracks
        Each (n, 3) of frame, x and y, with n >= 30 (`load_true_tracks`).
    settings
        None: the published recipe.
    progress
        Wraps the loop over the epochs, to show how far it is.

    """
    settings = settings or AflinkTrainingSettings()
    rng = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = PostLinker()
    optimizer = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=settings.epochs, eta_min=settings.final_rate
    )
    loss = nn.CrossEntropyLoss()
    batch = min(settings.batch, len(tracks))
    network.train()
    for _ in progress(range(settings.epochs)):
        order = rng.permutation(len(tracks))
        # What is left of an epoch is too few for batch normalisation.
        for start in range(0, len(tracks) - batch + 1, batch):
            chosen = [tracks[place] for place in order[start : start + batch]]
            earlier, later, labels = training_pairs(chosen, rng)
            logits = network(torch.from_numpy(earlier), torch.from_numpy(later))
            optimizer.zero_grad()
            loss(logits, torch.from_numpy(labels)).backward()
            optimizer.step()
        schedule.step()
    return network.eval()


def pair_accuracy(linker: PublishedLinker, tracks: list[FloatArray]) -> float:
    """Return the share of `validation_pairs` that it tells right."""
    earlier, later, labels = validation_pairs(tracks)
    same = linker.score(earlier, later) < 0.5
    return float(np.mean(same == (labels == 1)))


def save_linker(path: Path | str, network: nn.Module) -> None:
    """Write the weights of a network as .safetensors.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    with replacing(path) as written, written.open('wb') as file:
        write_safetensors(file, arrays)
