"""Reads a file of weights and builds the network that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.checkpoint import check_shapes, read_state, some
from strongsort_ros.reid.interfaces import CARDS, IMAGENET_MEAN, IMAGENET_STD, NetworkCard
from strongsort_ros.reid.models.osnet import CHANNELS, WIDTHS, OSNet
from strongsort_ros.reid.models.resnest import BotResNeSt50

_OSNET_MARK: Final = 'conv2.0.conv2a.conv1.weight'
_RESNEST_MARK: Final = 'backbone.layer1.0.conv2.bn0.weight'


@dataclass(frozen=True, slots=True)
class Network:
    """A network ready for inference and what it expects.

    Attributes
    ----------
    module
        Maps (N, 3, height, width) normalised RGB to (N, D); in evaluation mode.
    size
        Height and width of its input, pixels.
    mean, std
        Of each channel, RGB, for pixels in [0, 1].

    """

    module: nn.Module
    card: NetworkCard
    size: tuple[int, int] = (256, 128)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def load_network(path: Path) -> Network:
    """Return the network whose weights are in a file of torchreid or FastReID.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names it and
        what does not fit.

    """
    state = read_state(path)
    module, name = _recognise(state, path)
    fit(module, state, path)
    return Network(module.eval(), CARDS[name])


def fit(module: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """Copy parameters, arrays or tensors, into a network.

    Raises
    ------
    ExtractorError
        They do not fit; the message names the file and what does not fit.

    """
    expected = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith('num_batches_tracked')
    }
    check_shapes(state, expected, type(module).__name__, path)
    tensors = {name: torch.as_tensor(value) for name, value in state.items()}
    module.load_state_dict(tensors, strict=False)


def _recognise(state: Mapping[str, Any], path: Path) -> tuple[nn.Module, str]:
    """Return an empty network of the architecture that the names and shapes tell."""
    if _OSNET_MARK in state and 'conv1.conv.weight' in state:
        stem = next(iter(state['conv1.conv.weight'].shape), 0)
        for name, width in WIDTHS.items():
            if int(width * CHANNELS[0]) == stem:
                return OSNet(width), name
        raise ExtractorError(f'weights: {path} is an OSNet with a stem of {stem} channels')
    if _RESNEST_MARK in state:
        return BotResNeSt50(), 'bot_resnest50'
    raise ExtractorError(
        f'weights: {path} is not a network known here (OSNet by torchreid, BoT ResNeSt-50 by '
        f'FastReID); it has {len(state)} parameters: {some(state)}. Others run as .onnx, '
        f"those of timm as 'timm:NAME@{path}'"
    )
