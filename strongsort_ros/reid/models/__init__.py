"""Networks of known architecture, and which of them a weights file belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import nn

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.cards import card_of_file
from strongsort_ros.reid.checkpoint import (
    SAFETENSORS,
    first_names,
    load_parameters,
    read_state_dict,
)
from strongsort_ros.reid.interfaces import CARDS, IMAGENET_MEAN, IMAGENET_STD, NetworkCard
from strongsort_ros.reid.models.osnet import CHANNELS, WIDTHS, OSNet
from strongsort_ros.reid.models.resnest import BotResNeSt50
from strongsort_ros.reid.models.resnet import BotResNet50
from strongsort_ros.reid.safetensors_file import read_metadata

# Parameters that only one architecture has.
_OSNET_PARAMETER: Final = 'conv2.0.conv2a.conv1.weight'
_RESNEST_PARAMETER: Final = 'backbone.layer1.0.conv2.bn0.weight'
_RESNET_PARAMETER: Final = 'backbone.layer1.0.bn2.weight'
# The first parameter of torchvision's ResNets, and the prefix of its classifier.
_TORCHVISION_PARAMETER: Final = 'conv1.weight'
_TORCHVISION_CLASSIFIER: Final = 'fc.'
_BACKBONE: Final = 'backbone.'
_NECK: Final = 'heads.bottleneck.0'

SIZE: Final = (256, 128)
"""Height and width of the networks' input, pixels, unless their card has others."""

NETWORKS: Final[Mapping[str, Callable[[], nn.Module]]] = MappingProxyType(
    {
        **{name: partial(OSNet, width) for name, width in WIDTHS.items()},
        'bot_resnest50': BotResNeSt50,
        'bot_resnet50': BotResNet50,
    }
)
"""Name -> function that returns an untrained network."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network with its weights, ready for inference.

    Attributes
    ----------
    module
        Maps (N, 3, height, width) normalised RGB to (N, D); in evaluation mode.
    card
        Name, dimension and threshold.
    size
        Height and width of the input, pixels.
    mean, std
        Mean and standard deviation of each RGB channel for normalising, pixels in [0, 1].

    """

    module: nn.Module
    card: NetworkCard
    size: tuple[int, int] = SIZE
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def load_network(path: Path) -> Network:
    """Return the network whose weights are in a file of torchreid, FastReID or `train reid`.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names the file
        and the first parameters at fault.

    """
    state = read_state_dict(path)
    name = _name(state, path)
    module = NETWORKS[name]()
    load_parameters(module, state, path)
    metadata = read_metadata(path) if path.suffix == SAFETENSORS else {}
    card, size = card_of_file(metadata, CARDS[name], path)
    return Network(module.eval(), card, size or SIZE)


def create_network(
    name: str, size: tuple[int, int], weights: Path | None = None, seed: int = 0
) -> Network:
    """Return a network to train.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    size
        Height and width of its input, pixels.
    weights
        Initial weights: a file of this network, or torchvision's of ResNet-50. None: random ones.
    seed
        Of the random weights.

    Raises
    ------
    ExtractorError
        The file does not fit the network.

    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = NETWORKS[name]()
    if weights is not None:
        state = read_state_dict(weights)
        if name == 'bot_resnet50' and _TORCHVISION_PARAMETER in state:
            inside = {k: v for k, v in state.items() if not k.startswith(_TORCHVISION_CLASSIFIER)}
            state = {f'{_BACKBONE}{name}': value for name, value in inside.items()}
            neck = module.get_submodule(_NECK).state_dict().items()
            state |= {f'{_NECK}.{k}': v for k, v in neck if not k.endswith('num_batches_tracked')}
        load_parameters(module, state, weights)
    return Network(module, CARDS[name], size)


def _name(state: Mapping[str, Any], path: Path) -> str:
    """Return the name of the architecture that parameters belong to."""
    if _OSNET_PARAMETER in state and 'conv1.conv.weight' in state:
        stem = next(iter(state['conv1.conv.weight'].shape), 0)
        for name, width in WIDTHS.items():
            if int(width * CHANNELS[0]) == stem:
                return name
        expected = ', '.join(str(int(width * CHANNELS[0])) for width in WIDTHS.values())
        raise ExtractorError(
            f'weights: {path} is an OSNet with a stem of {stem} channels, expected {expected}'
        )
    if _RESNEST_PARAMETER in state:
        return 'bot_resnest50'
    if _RESNET_PARAMETER in state:
        return 'bot_resnet50'
    raise ExtractorError(
        f'weights: {path} belongs to no supported network (OSNet of torchreid, BoT ResNeSt-50 and '
        f'ResNet-50 of FastReID); its {len(state)} parameters: {first_names(state)}. Export other '
        f"networks to .onnx, or give those of timm as 'timm:NAME@{path}'"
    )
