"""Trains a ReID network, epoch by epoch, with checkpoints from which the training goes on."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import pickle
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from strongsort_ros.errors import InputError, shorten
from strongsort_ros.files.atomic import replacing
from strongsort_ros.reid.models import Network, create_network
from strongsort_ros.reid.torch_engine import choose_device
from strongsort_ros.reid.training.data import Crops
from strongsort_ros.reid.training.losses import (
    BAG_OF_TRICKS,
    LOSSES,
    BagOfTricks,
    CosineSoftmax,
)
from strongsort_ros.reid.training.sampling import augment, pk_batches
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import Float32Array, Image, IntArray

Progress = Callable[[Collection[IntArray]], Iterable[IntArray]]
"""Wraps the batches of an epoch, to show the progress."""

_LAST_RATE: Final = 0.01  # of the learning rate, at the end of the cosine
_FIRST_RATE: Final = 0.1  # of the learning rate, before the warm-up
_TEST_BATCH: Final = 64
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings(Settings):
    """Recipe of the training; the defaults are close to those of the bag of tricks.

    That has twice the epochs, lowers the learning rate in steps, and adds a center loss.
    """

    loss: str = param(
        BAG_OF_TRICKS,
        'bag-of-tricks: identity loss after the batch normalisation neck and batch-hard triplet '
        "loss before it; cosine-softmax: DeepSORT's.",
        choices=LOSSES,
    )
    epochs: int = param(60, 'Epochs; in each, every crop is used about once.', low=1)
    people: int = param(16, 'People in a batch (P).', low=2)
    each: int = param(4, 'Crops of each person in a batch (K).', low=2)
    learning_rate: float = param(3.5e-4, 'Largest learning rate of Adam.', low=1e-9, high=1.0)
    warm_up: float = param(
        0.1, 'Share of the steps in which the learning rate rises; it then falls by a cosine.',
        high=1.0,
    )  # fmt: skip
    weight_decay: float = param(5e-4, 'Weight decay of Adam.', high=1.0)
    smoothing: float = param(0.1, 'Label smoothing of the identity loss.', high=0.99)
    margin: float = param(0.3, 'Margin of the triplet loss.')
    erasing: float = param(0.5, 'Probability of random erasing.', high=1.0)
    seed: int = param(0, 'The same seed, data and CPU give the same network.')


class Trainer:
    """Training of one network on one set of crops.

    Parameters
    ----------
    network
        The network; its module is trained in place.
    crops
        Crops for training, of at least two people with at least two crops each.
    settings
        None: the default recipe.
    device
        Where the network is trained; on a GPU in mixed precision.

    Attributes
    ----------
    epoch
        Number of epochs that are complete.
    loss
        Mean loss of the last one.

    """

    def __init__(
        self,
        network: Network,
        crops: Crops,
        settings: TrainingSettings | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.settings = s = settings or TrainingSettings()
        self.network = network
        self.epoch, self.loss = 0, math.nan
        self._device = device or torch.device('cpu')
        self._crops = crops
        people, self._labels = np.unique(crops.identities, return_inverse=True)
        self._module = network.module.to(self._device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(s.seed)
            head: nn.Module = (
                BagOfTricks(network.card.dimension, len(people), s.smoothing, s.margin)
                if s.loss == BAG_OF_TRICKS
                else CosineSoftmax(network.card.dimension, len(people))
            )
        self._head = head.to(self._device)
        parameters = [*self._module.parameters(), *self._head.parameters()]
        self._optimizer = torch.optim.Adam(
            parameters, lr=s.learning_rate, weight_decay=s.weight_decay
        )
        self._scaler = torch.amp.GradScaler(enabled=self._on_gpu)
        self._mean = 255 * torch.tensor(network.mean, device=self._device).view(1, 3, 1, 1)
        self._scale = 1 / (255 * torch.tensor(network.std, device=self._device).view(1, 3, 1, 1))

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == 'cuda'

    def run_epoch(self, progress: Progress = iter) -> None:
        """Train for one epoch."""
        s = self.settings
        rng = np.random.default_rng([s.seed, self.epoch])
        rows = list(pk_batches(self._labels, s.people, s.each, rng))
        seeds = rng.integers(2**63, size=len(rows))
        self._module.train()
        losses = []
        with _before_neck(self._module) as before, ThreadPoolExecutor(1) as reader:
            # The next batch is read and augmented in a second thread.
            waiting = reader.submit(self._read, rows[0], int(seeds[0]))
            for step, chosen in enumerate(progress(rows)):
                crops = waiting.result()
                if step + 1 < len(rows):
                    waiting = reader.submit(self._read, rows[step + 1], int(seeds[step + 1]))
                self._set_rate(self.epoch + step / len(rows))
                losses.append(self._step(crops, self._labels[chosen], before))
        self.epoch += 1
        self.loss = float(np.mean(losses))

    def _read(self, rows: IntArray, seed: int) -> Image:
        crops = self._crops.read(rows, self.network.size)
        return augment(crops, self.settings.erasing, np.random.default_rng(seed))

    def _step(self, crops: Image, labels: IntArray, before: list[torch.Tensor]) -> float:
        """Make one step of the optimizer; return the loss."""
        with torch.autocast(self._device.type, torch.float16, enabled=self._on_gpu):
            embeddings = self._module(self._normalised(crops))
        wanted = torch.from_numpy(labels).to(self._device)
        loss: torch.Tensor = self._head(before.pop().float(), embeddings.float(), wanted)
        self._optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return float(loss.detach())

    def _normalised(self, crops: Image) -> torch.Tensor:
        """Return (N, 3, H, W) RGB on the device."""
        bgr = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2)
        return (bgr.flip(1) - self._mean) * self._scale

    def _set_rate(self, epoch: float) -> None:
        share = epoch / self.settings.epochs
        warm_up = self.settings.warm_up
        if share < warm_up:
            factor = _FIRST_RATE + (1 - _FIRST_RATE) * share / warm_up
        else:
            cosine = (1 + math.cos(math.pi * (share - warm_up) / max(1 - warm_up, 1e-9))) / 2
            factor = _LAST_RATE + (1 - _LAST_RATE) * cosine
        for group in self._optimizer.param_groups:
            group['lr'] = factor * self.settings.learning_rate

    @torch.inference_mode()
    def embed(self, crops: Crops, progress: Progress = iter) -> Float32Array:
        """Return the (N, D) embeddings of crops."""
        self._module.eval()
        parts = [np.empty((0, self.network.card.dimension), dtype=np.float32)]
        batches = np.split(np.arange(len(crops)), range(_TEST_BATCH, len(crops), _TEST_BATCH))
        for rows in progress(batches):
            found = self._module(self._normalised(crops.read(rows, self.network.size)))
            parts.append(found.float().cpu().numpy())
        return np.concatenate(parts)

    def save(self, path: Path) -> None:
        """Write a checkpoint, which replaces an earlier one once it is complete.

        Raises
        ------
        InputError
            The file cannot be written.

        """
        parts = self._parts()
        state = {name: part.state_dict() for name, part in parts.items()}
        with replacing(path) as written:
            torch.save(
                {**state, 'epoch': self.epoch, 'loss': self.loss, 'training': self._training()},
                written,
            )

    def load(self, path: Path) -> None:
        """Go on from a checkpoint; nothing inside it is executed.

        Raises
        ------
        InputError
            The file is missing or damaged, or is of another network, recipe or data.

        """
        try:
            found = torch.load(path, map_location=self._device, weights_only=True)
            mine, theirs = self._training(), dict(found['training'])
            epoch, loss = int(found['epoch']), float(found['loss'])
        except FileNotFoundError as error:
            raise InputError(f'{path}: no such checkpoint to go on from') from error
        except (
            pickle.UnpicklingError, RuntimeError, LookupError, EOFError, OSError, TypeError,
            ValueError,
        ) as error:  # fmt: skip
            raise InputError(
                f'{path}: not a checkpoint of `strongsort train reid`: {shorten(str(error), 120)}'
            ) from error
        other = [name for name in mine if mine[name] != theirs.get(name)]
        if other:
            name = other[0]
            raise InputError(
                f'{path}: is of another training: {name} was {theirs.get(name)}, is {mine[name]}; '
                'repeat its options, or remove it to begin again'
            )
        try:
            for name, part in self._parts().items():
                part.load_state_dict(found[name])
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f'{path}: is damaged: {shorten(str(error), 120)}') from error
        self.epoch, self.loss = epoch, loss

    def _parts(self) -> dict[str, Any]:
        return {
            'network': self._module,
            'head': self._head,
            'optimizer': self._optimizer,
            'scaler': self._scaler,
        }

    def _training(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to fit."""
        crops = self._crops
        digest = hashlib.sha256(crops.identities.tobytes()).hexdigest()[:16]
        return {
            'format': _FORMAT,
            'network': self.network.card.name,
            'size': list(self.network.size),
            'crops': f'{len(crops)} crops ({digest})',
            **dataclasses.asdict(self.settings),
        }


def create_trainer(
    name: str,
    size: tuple[int, int],
    weights: Path | None,
    crops: Crops,
    settings: TrainingSettings,
    *,
    device: str = 'auto',
    threads: int = 1,
) -> Trainer:
    """Return the training of a new network.

    Parameters
    ----------
    name, size, weights
        See `create_network`.
    crops
        Crops for training.
    settings
        Recipe.
    device
        'auto', 'cpu', 'cuda' or 'cuda:N'.
    threads
        Threads on the CPU; PyTorch's are set for the whole process.

    Raises
    ------
    ExtractorError
        The weights or the device are not usable.

    """
    torch.set_num_threads(threads)
    network = create_network(name, size, weights, settings.seed)
    return Trainer(network, crops, settings, choose_device(device))


@contextmanager
def _before_neck(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list to which each forward pass appends the (N, D) features before the neck.

    The neck is the network's last batch normalisation: of OSNet's fully connected layer, or that
    which FastReID puts behind the pooling.
    """
    necks = (nn.BatchNorm1d, nn.BatchNorm2d)
    neck = [part for part in module.modules() if isinstance(part, necks)][-1]
    found: list[torch.Tensor] = []

    def keep(_neck: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        found.append(inputs[0].flatten(1))

    handle = neck.register_forward_pre_hook(keep)
    try:
        yield found
    finally:
        handle.remove()
