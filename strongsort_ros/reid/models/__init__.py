"""Networks of known architecture, and which of them a weights file belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import nn

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.checkpoint import first_names, load_parameters, read_state_dict
from strongsort_ros.reid.interfaces import CARDS, IMAGENET_MEAN, IMAGENET_STD, NetworkCard
from strongsort_ros.reid.models.osnet import CHANNELS, WIDTHS, OSNet
from strongsort_ros.reid.models.resnest import BotResNeSt50

# Parameters that only one architecture has.
_OSNET_PARAMETER: Final = 'conv2.0.conv2a.conv1.weight'
_RESNEST_PARAMETER: Final = 'backbone.layer1.0.conv2.bn0.weight'


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
    size: tuple[int, int] = (256, 128)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def load_network(path: Path) -> Network:
    """Return the network whose weights are in a file of torchreid or FastReID.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names the file
        and the first parameters at fault.

    """
    state = read_state_dict(path)
    module, name = _empty_network(state, path)
    load_parameters(module, state, path)
    return Network(module.eval(), CARDS[name])


def _empty_network(state: Mapping[str, Any], path: Path) -> tuple[nn.Module, str]:
    """Return an untrained network of the architecture that the parameters belong to; its name."""
    if _OSNET_PARAMETER in state and 'conv1.conv.weight' in state:
        stem = next(iter(state['conv1.conv.weight'].shape), 0)
        for name, width in WIDTHS.items():
            if int(width * CHANNELS[0]) == stem:
                return OSNet(width), name
        expected = ', '.join(str(int(width * CHANNELS[0])) for width in WIDTHS.values())
        raise ExtractorError(
            f'weights: {path} is an OSNet with a stem of {stem} channels, expected {expected}'
        )
    if _RESNEST_PARAMETER in state:
        return BotResNeSt50(), 'bot_resnest50'
    raise ExtractorError(
        f'weights: {path} belongs to no supported network (OSNet of torchreid, BoT ResNeSt-50 of '
        f'FastReID); its {len(state)} parameters: {first_names(state)}. Export other networks '
        f"to .onnx, or give those of timm as 'timm:NAME@{path}'"
    )
