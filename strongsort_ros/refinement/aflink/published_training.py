"""Training of AFLink's published network on true tracks that are cut in two.

Y. Du et al.: StrongSORT, arXiv 2202.13514, section 3.3; pairs are made as in the published program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.motchallenge import load_ground_truth
from strongsort_ros.files.rows import GroundTruth
from strongsort_ros.files.sequence import load_sequence_info
from strongsort_ros.refinement.aflink.candidates import LENGTH, normalise
from strongsort_ros.refinement.aflink.published import PostLinker, PublishedLinker
from strongsort_ros.reid.safetensors_file import write_safetensors
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import FloatArray, IntArray

MIN_ROWS: Final = 30
"""Shorter true tracks are left out."""

_PEDESTRIAN: Final = 1

LabelledPairs = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], IntArray]
"""Two inputs (K, 30, 3) of the network, normalised, and labels (K,): 1 for the same object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AflinkTrainingSettings(Settings):
    """Recipe of the training; the defaults are those of the published program."""

    epochs: int = param(20, 'Epochs: uses of every track.', low=1)
    batch: int = param(16, 'Tracks per step; each gives four pairs.', low=1)
    learning_rate: float = param(1e-3, 'Initial learning rate of Adam.', high=1.0)
    final_rate: float = param(1e-5, 'Final learning rate of Adam, reached by a cosine.', high=1.0)
    weight_decay: float = param(1e-5, 'Weight decay of Adam.', high=1.0)
    seed: int = param(0, 'The same seed and data give the same network.')


def train_published(
    tracks: list[FloatArray],
    settings: AflinkTrainingSettings | None = None,
    progress: Callable[[Collection[int]], Iterable[int]] = iter,
) -> PostLinker:
    """Train a network on true tracks.

    Parameters
    ----------
    tracks
        (n, 3) of frame, x and y each, with n >= 30 (`load_true_tracks`).
    settings
        None: the published recipe.
    progress
        Wraps the loop over the epochs, to show its progress.

    Returns
    -------
    network
        In evaluation mode.

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
        # The rest of an epoch is too small for batch normalisation.
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
    """Return the share of `validation_pairs` that the network classifies correctly."""
    earlier, later, labels = validation_pairs(tracks)
    same = linker.score(earlier, later) < 0.5
    return float(np.mean(same == (labels == 1)))


def save_weights(path: Path | str, network: nn.Module) -> None:
    """Write the weights of a network as .safetensors.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    with replacing(path) as written, written.open('wb') as file:
        write_safetensors(file, arrays)


def load_true_tracks(folder: Path | str, half: str = '') -> list[FloatArray]:
    """Load the tracks of pedestrians of a MOTChallenge sequence, (n, 3) of frame, x and y each.

    x and y are the top-left corner in pixels; tracks of fewer than 30 boxes are left out.

    Parameters
    ----------
    folder
        Sequence folder with gt/gt.txt, and with seqinfo.ini if a half is chosen.
    half
        '', 'first' or 'second' half of the published split; gt/gt_train_half.txt is used as the
        first half if it exists.

    Raises
    ------
    InputError
        A file is missing or invalid.

    """
    truth = load_pedestrians(folder, half)
    order = np.lexsort((truth.frames, truth.ids))
    rows = np.column_stack([truth.frames, truth.tlwh[:, :2]])[order]
    borders = np.flatnonzero(np.diff(truth.ids[order])) + 1
    return [track for track in np.split(rows, borders) if len(track) >= MIN_ROWS]


def load_pedestrians(folder: Path | str, half: str = '') -> GroundTruth:
    """Load the considered boxes of pedestrians; parameters and errors as `load_true_tracks`."""
    folder = Path(folder)
    first_half = folder / 'gt' / 'gt_train_half.txt'
    use_half = half == 'first' and first_half.is_file()
    truth = load_ground_truth(first_half if use_half else folder / 'gt' / 'gt.txt')
    used = truth.considered & (truth.classes == _PEDESTRIAN)
    if half:
        in_second = truth.frames >= load_sequence_info(folder).second_half
        used &= in_second if half == 'second' else ~in_second
    return truth.select(used)


def load_training_tracks(folders: list[Path], half: str = '') -> list[FloatArray]:
    """Load the tracks of several sequences; raise InputError if there are none."""
    tracks = [track for folder in folders for track in load_true_tracks(folder, half)]
    if not tracks:
        names = ', '.join(map(str, folders)) or 'no folder'
        raise InputError(f'{names}: no track of at least {MIN_ROWS} boxes to train on')
    return tracks


def training_pairs(tracks: list[FloatArray], rng: np.random.Generator) -> LabelledPairs:
    """Return 4 N random pairs of N tracks.

    Every track is cut at a random place, where some rows are left out. Its halves are a positive
    pair; negative pairs are the halves in reverse order, and with the later half shifted in time
    or in the image.
    """
    halves = [_training_halves(track, rng) for track in tracks]
    times = _signs(rng, (len(tracks), 1)) * rng.integers(30, 101, (len(tracks), 1))
    moves = _signs(rng, (len(tracks), 2)) * rng.integers(100, 501, (len(tracks), 2))
    return _pairs(halves, times, moves)


def validation_pairs(tracks: list[FloatArray]) -> LabelledPairs:
    """Return fixed pairs: cut in the middle, shifted by 50 frames or by 300 pixels."""
    halves = [(track[: len(track) // 2], track[len(track) // 2 :]) for track in tracks]
    signs = np.array([[(-1.0) ** (len(track) // 2)] for track in tracks])
    return _pairs(halves, 50 * signs, np.repeat(300 * signs, 2, axis=1))


def _training_halves(track: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    cut = int(rng.integers(MIN_ROWS // 3, len(track) - MIN_ROWS // 3, endpoint=True))
    end, start = cut + int(rng.normal(-5, 3)), cut + int(rng.normal(5, 3))
    return track[: max(end, 1)], track[min(start, len(track) - 1) :]


def _signs(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return rng.choice([-1.0, 1.0], shape)


def _pairs(
    halves: list[tuple[FloatArray, FloatArray]], times: FloatArray, moves: FloatArray
) -> LabelledPairs:
    """Return one positive and three negatives of each track; times (N, 1), moves (N, 2)."""
    firsts, seconds = [], []
    for (earlier, later), time, move in zip(halves, times, moves, strict=True):
        late, shifted = later.copy(), later.copy()
        late[:, :1] += time
        shifted[:, 1:] += move
        firsts += [earlier, later, earlier, earlier]
        seconds += [later, earlier, late, shifted]
    first = [_padded(rows[-LENGTH:], before=True) for rows in firsts]
    second = [_padded(rows[:LENGTH], before=False) for rows in seconds]
    labels = np.tile(np.array([1, 0, 0, 0]), len(halves))
    return *normalise(np.stack(first), np.stack(second)), labels


def _padded(rows: FloatArray, *, before: bool) -> FloatArray:
    missing = LENGTH - len(rows)
    return np.pad(rows, ((missing, 0) if before else (0, missing), (0, 0)))
