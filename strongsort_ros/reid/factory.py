"""Loads a feature extractor by name or from a weights file.

PyTorch is imported only for networks that run in it or come from its files.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongsort_ros.errors import ExtractorError
from strongsort_ros.packages import require
from strongsort_ros.reid.checkpoint import SUFFIXES, check_file
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.reid.interfaces import CARDS, Engine, Extractor, NetworkCard, card_for
from strongsort_ros.reid.network_extractor import CPU, FALLBACKS, NONE, Fallback, NetworkExtractor
from strongsort_ros.reid.onnx_engine import engine_of_file

_log = logging.getLogger(__name__)

AUTO: Final = 'auto'
COLOUR: Final = 'colour'
ONNX: Final = '.onnx'
TIMM: Final = 'timm:'


def load_extractor(
    weights: str | Path = '',
    device: str = AUTO,
    *,
    sha256: str = '',
    fallback: str = NONE,
    threads: int = 1,
) -> Extractor:
    """Return an extractor.

    Parameters
    ----------
    weights
        '' or 'colour': the colour descriptor, which needs no weights. A .pth, .pt or .safetensors
        file with the parameters of an OSNet (torchreid) or a BoT ResNeSt-50 (FastReID); which one
        is seen from the file. An .onnx file. 'timm:NAME' or 'timm:NAME@FILE'.
    device
        'auto': a GPU if there is one; 'cpu'; 'cuda'; 'cuda:N'. Of a network; colours need none.
    sha256
        Of the file; '': not checked.
    fallback
        While the device fails: 'none', its error is raised; 'motion', rows of zeros; 'cpu', the
        same network there.
    threads
        Threads of a network on the CPU; those of PyTorch are set for the whole process.

    Raises
    ------
    ExtractorError
        The weights or the device cannot be used; the message says why and what to do.
    MissingPackageError
        The weights or the device need a package that is not installed.

    """
    if device not in (AUTO, CPU) and not re.fullmatch('cuda(:[0-9]{1,4})?', device):
        raise ExtractorError(f"device: {device!r}: expected 'auto', 'cpu', 'cuda' or 'cuda:N'")
    if fallback not in FALLBACKS:
        raise ExtractorError(f'fallback: {fallback!r} is not one of: {", ".join(FALLBACKS)}')
    if threads < 1:
        raise ExtractorError(f'threads: {threads}, expected at least 1')
    text = str(weights)
    if text in ('', COLOUR):
        _log.warning(
            'no ReID weights: people are told apart by the colours of their clothes; '
            'docs/weights.md says where to get a network that does it better'
        )
        return ColourExtractor()
    path = Path(weights).expanduser()
    if not text.startswith(TIMM):
        check_file(path, sha256)
        if path.suffix == ONNX:
            return _of_onnx_file(path, device, fallback, threads)
        if path.suffix not in SUFFIXES:
            expected = ', '.join((*SUFFIXES, ONNX))
            raise ExtractorError(f'weights: {path} ends in {path.suffix!r}: expected {expected}')
    require(f'weights: {text}', 'torch')
    return _of_torch(text, device, sha256, fallback, threads)


def _of_torch(weights: str, device: str, sha256: str, fallback: str, threads: int) -> Extractor:
    """Return an extractor of a network that PyTorch builds."""
    import torch

    from strongsort_ros.reid.models.timm_backbone import load_timm
    from strongsort_ros.reid.onnx_export import engine_of_network
    from strongsort_ros.reid.torch_engine import TorchEngine, choose_device
    from strongsort_ros.reid.weights import load_network

    where = choose_device(device)
    torch.set_num_threads(threads)
    if weights.startswith(TIMM):
        name, _, file = weights.removeprefix(TIMM).partition('@')
        network = load_timm(name, file, sha256)
    else:
        network = load_network(Path(weights).expanduser())
    engine: Engine | None = engine_of_network(network, threads) if where.type == CPU else None

    def spare() -> Engine:
        return TorchEngine(network, torch.device(CPU))

    return _extractor(
        network.card, engine or TorchEngine(network, where),
        spare if where.type != CPU else None, fallback,
    )  # fmt: skip


def _of_onnx_file(path: Path, device: str, fallback: str, threads: int) -> Extractor:
    where = 'cuda' if device == AUTO else device
    try:
        engine = engine_of_file(path, where, threads)
    except ExtractorError:
        if device != AUTO:
            raise
        where = CPU
        engine = engine_of_file(path, where, threads)

    def spare() -> Engine:
        return engine_of_file(path, CPU, threads)

    name = next((known for known in CARDS if known in path.stem), path.stem)
    card = card_for(name, engine.dimension, str(path))
    return _extractor(card, engine, spare if where != CPU else None, fallback)


def _extractor(
    card: NetworkCard, engine: Engine, spare: Callable[[], Engine] | None, fallback: str
) -> Extractor:
    _log.info(
        '%s: %d-d, %s; max_cosine_distance %g (%s)',
        card.name, card.dimension, engine.name, card.max_cosine_distance, card.threshold_source,
    )  # fmt: skip
    instead = None if fallback == NONE else Fallback(engine, spare if fallback == CPU else None)
    return NetworkExtractor(card, engine, instead)
