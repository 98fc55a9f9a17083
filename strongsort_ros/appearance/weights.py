"""Reads a file of weights and builds the network that it belongs to.

Nothing in a file is ever executed: PyTorch files are read with `weights_only`, safetensors files
hold nothing but tensors.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from strongsort_ros.appearance.cards import CARDS
from strongsort_ros.appearance.extractor import NetworkCard
from strongsort_ros.appearance.osnet import CHANNELS, WIDTHS, OSNet
from strongsort_ros.appearance.resnest import BotResNeSt50
from strongsort_ros.errors import ExtractorError

TORCH_SUFFIXES: Final = ('.pth', '.pt', '.safetensors')
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

_OSNET_MARK: Final = 'conv2.0.conv2a.conv1.weight'
_RESNEST_MARK: Final = 'backbone.layer1.0.conv2.bn0.weight'
# Names of classifiers and other things that embeddings do not need.
_IGNORED: Final = (
    'classifier.',
    'heads.weight',
    'heads.classifier.',
    'heads.cls_layer.',
    'pixel_mean',
    'pixel_std',
)
_CONTAINERS: Final = ('state_dict', 'model', 'model_state_dict')


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


def check_file(path: Path, sha256: str = '') -> None:
    """Raise ExtractorError unless `path` is a file, with that SHA-256 where one is given."""
    if not path.is_file():
        raise ExtractorError(f'weights: no file {path}')
    if not sha256:
        return
    with path.open('rb') as file:
        found = hashlib.file_digest(file, 'sha256').hexdigest()
    if found != sha256.lower():
        raise ExtractorError(f'weights: {path} has SHA-256 {found}, expected {sha256.lower()}')


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


def read_state(path: Path, ignored: tuple[str, ...] = _IGNORED) -> dict[str, torch.Tensor]:
    """Return name -> tensor of a file, without wrappers, prefixes and `ignored` beginnings."""
    if path.suffix not in TORCH_SUFFIXES:
        expected = ', '.join(TORCH_SUFFIXES)
        raise ExtractorError(f'weights: {path} ends in {path.suffix!r}: expected {expected}')
    check_file(path)
    content: Any = _read_safetensors(path) if path.suffix == '.safetensors' else _read_torch(path)
    while isinstance(content, Mapping):
        inner = next((content[key] for key in _CONTAINERS if key in content), None)
        if not isinstance(inner, Mapping):
            break
        content = inner
    if not isinstance(content, Mapping):
        raise ExtractorError(f'weights: {path} holds a {type(content).__name__}, not parameters')
    state = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    if not state:
        names = _some(str(key) for key in content)
        raise ExtractorError(f'weights: {path} holds no parameters, only {names}')
    return {
        name: tensor
        for name, tensor in _plain_names(state).items()
        if not name.startswith(ignored) and not name.endswith('num_batches_tracked')
    }


def fit(module: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copy `state` into `module`, or raise ExtractorError that says what does not fit."""
    expected = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith('num_batches_tracked')
    }
    shapes = [
        f'{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}'
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    faults = {
        'missing': [name for name in expected if name not in state],
        'unexpected': [name for name in state if name not in expected],
        'of another shape': shapes,
    }
    found = '; '.join(f'{len(v)} {what}: {_some(v)}' for what, v in faults.items() if v)
    if found:
        raise ExtractorError(
            f'weights: {path} does not fit {type(module).__name__}: parameters {found}'
        )
    module.load_state_dict(dict(state), strict=False)


def _recognise(state: Mapping[str, torch.Tensor], path: Path) -> tuple[nn.Module, str]:
    """Return an empty network of the architecture that the names and shapes tell."""
    if _OSNET_MARK in state and 'conv1.conv.weight' in state:
        stem = len(state['conv1.conv.weight'])
        for name, width in WIDTHS.items():
            if int(width * CHANNELS[0]) == stem:
                return OSNet(width), name
        raise ExtractorError(f'weights: {path} is an OSNet with a stem of {stem} channels')
    if _RESNEST_MARK in state:
        return BotResNeSt50(), 'bot_resnest50'
    raise ExtractorError(
        f'weights: {path} is not a network known here (OSNet by torchreid, BoT ResNeSt-50 by '
        f'FastReID); it has {len(state)} parameters: {_some(state)}. Others run as .onnx, '
        f"those of timm as 'timm:NAME@{path}'"
    )


def _plain_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    while state and all(name.startswith('module.') for name in state):
        state = {name.removeprefix('module.'): tensor for name, tensor in state.items()}
    # FastReID before 1.0 called its neck `bnneck`.
    return {
        name.replace('heads.bnneck.', 'heads.bottleneck.0.'): tensor
        for name, tensor in state.items()
    }


def _read_torch(path: Path) -> object:
    # FastReID keeps its best score beside the parameters, as a NumPy number.
    scalar = np.float64(0).__reduce__()[0]
    safe: list[Any] = [(scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')]
    safe += [np.dtype, *(type(np.dtype(code)) for code in ('f4', 'f8', 'i8'))]
    try:
        with torch.serialization.safe_globals(safe):
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise ExtractorError(
            f'weights: {path} holds more than tensors and is refused, or is not a PyTorch file: '
            f'{_first_line(error)}. Save the state_dict alone, best as .safetensors'
        ) from error
    except Exception as error:
        # What a damaged file makes PyTorch raise has no limits: IndexError, AssertionError, ...
        raise ExtractorError(
            f'weights: {path} is damaged or is not a PyTorch file: {_first_line(error)}'
        ) from error


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise ExtractorError(
            f'weights: {path} needs safetensors: pip install safetensors'
        ) from error
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ExtractorError(
            f'weights: {path} is damaged or is not a safetensors file: {_first_line(error)}'
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _some(names: Iterable[str], count: int = 3) -> str:
    listed = list(names)
    return ', '.join(listed[:count]) + (', ...' if len(listed) > count else '')
