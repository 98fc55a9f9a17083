"""The one door: a name or a file in, an extractor out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch

from strongsort_ros.appearance.cards import CARDS, card_for
from strongsort_ros.appearance.colour import ColourExtractor
from strongsort_ros.appearance.engine import Engine
from strongsort_ros.appearance.extractor import Extractor
from strongsort_ros.appearance.fallback import CPU, FALLBACKS, NONE, Fallback
from strongsort_ros.appearance.network_extractor import NetworkExtractor
from strongsort_ros.appearance.onnx_engine import engine_of_file, engine_of_network
from strongsort_ros.appearance.timm_backbone import load_timm
from strongsort_ros.appearance.torch_engine import TorchEngine
from strongsort_ros.appearance.weights import TORCH_SUFFIXES, Network, check_file, load_network
from strongsort_ros.errors import ExtractorError

_log = logging.getLogger(__name__)

COLOUR: Final = 'colour'
TIMM: Final = 'timm:'
_CPU: Final = torch.device('cpu')


def load_extractor(
    weights: str | Path = '', device: str = 'auto', *, sha256: str = '', fallback: str = NONE
) -> Extractor:
    """Return an extractor.

    Parameters
    ----------
    weights
        '' or 'colour': the colour descriptor, which needs no weights. A .pth, .pt or .safetensors
        file with the parameters of an OSNet (torchreid) or a BoT ResNeSt-50 (FastReID); which one
        is seen from the file. An .onnx file. 'timm:NAME' or 'timm:NAME@FILE'.
    device
        'auto': a GPU if there is one; 'cpu'; 'cuda'; 'cuda:N'.
    sha256
        Of the file; '': not checked.
    fallback
        While the device fails: 'none', its error is raised; 'motion', rows of zeros; 'cpu', the
        same network there.

    Raises
    ------
    ExtractorError
        The weights or the device cannot be used; the message says why and what to do.

    """
    where = choose_device(device)
    if fallback not in FALLBACKS:
        raise ExtractorError(f'fallback: {fallback!r} is not one of: {", ".join(FALLBACKS)}')
    text = str(weights)
    if text in ('', COLOUR):
        _log.warning(
            'no ReID weights: people are told apart by the colours of their clothes; '
            'docs/weights.md says where to get a network that does it better'
        )
        return ColourExtractor()
    if text.startswith(TIMM):
        name, _, file = text.removeprefix(TIMM).partition('@')
        return _extractor_of(load_timm(name, file, sha256), where, fallback)
    path = Path(weights).expanduser()
    check_file(path, sha256)
    if path.suffix == '.onnx':
        return _extractor_of_onnx(path, where, fallback, explicit=device != 'auto')
    if path.suffix in TORCH_SUFFIXES:
        return _extractor_of(load_network(path), where, fallback)
    expected = ', '.join((*TORCH_SUFFIXES, '.onnx'))
    raise ExtractorError(f'weights: {path} ends in {path.suffix!r}: expected {expected}')


def choose_device(device: str) -> torch.device:
    """Return the device meant by 'auto', 'cpu', 'cuda' or 'cuda:N'.

    Raises
    ------
    ExtractorError
        It is none of them, or there is no such GPU.

    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == 'auto':
        return torch.device('cuda:0' if gpus else 'cpu')
    if device == 'cpu':
        return torch.device('cpu')
    asked = re.fullmatch(r'cuda(?::([0-9]+))?', device)
    if asked is None:
        raise ExtractorError(f"device: {device!r}: expected 'auto', 'cpu', 'cuda' or 'cuda:N'")
    index = int(asked[1] or 0)
    if index >= gpus:
        raise ExtractorError(
            f'device: {device!r} asked for, but PyTorch {torch.__version__} sees {gpus} GPUs: '
            "check the driver and that PyTorch is a CUDA build, or use 'auto' or 'cpu'"
        )
    return torch.device('cuda', index)


def _extractor_of(network: Network, device: torch.device, fallback: str) -> Extractor:
    engine: Engine | None = engine_of_network(network) if device.type == 'cpu' else None
    engine = engine or TorchEngine(network, device)

    def spare() -> Engine:
        return TorchEngine(network, _CPU)

    return _announced(
        NetworkExtractor(network.card, engine, _fallback(engine, spare, device, fallback))
    )


def _fallback(
    engine: Engine, spare: Callable[[], Engine], device: torch.device, kind: str
) -> Fallback | None:
    if kind == NONE:
        return None
    return Fallback(engine, spare if kind == CPU and device.type != 'cpu' else None)


def _extractor_of_onnx(
    path: Path, device: torch.device, fallback: str, *, explicit: bool
) -> Extractor:
    try:
        engine = engine_of_file(path, device)
    except ExtractorError:
        # A GPU that PyTorch sees is not always one that onnxruntime can use.
        if explicit or device.type == 'cpu':
            raise
        device = _CPU
        engine = engine_of_file(path, device)

    def spare() -> Engine:
        return engine_of_file(path, _CPU)

    name = next((known for known in CARDS if known in path.stem), path.stem)
    card = card_for(name, engine.dimension, str(path))
    return _announced(NetworkExtractor(card, engine, _fallback(engine, spare, device, fallback)))


def _announced(extractor: NetworkExtractor) -> Extractor:
    card = extractor.card
    _log.info(
        '%s: %d-d, %s; max_cosine_distance %g (%s)',
        card.name, card.dimension, extractor.engine.name, card.max_cosine_distance,
        card.threshold_source,
    )  # fmt: skip
    return extractor
