"""Load a feature extractor by name or from a weights file.

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
from strongsort_ros.reid.cards import card_of_file
from strongsort_ros.reid.checkpoint import SUFFIXES, check_file
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.reid.interfaces import CARDS, Engine, Extractor, NetworkCard, card_for
from strongsort_ros.reid.network_extractor import CPU, FALLBACKS, NONE, NetworkExtractor
from strongsort_ros.reid.onnx_engine import engine_from_file, engine_from_network

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
    """Load a feature extractor.

    Parameters
    ----------
    weights
        '' or 'colour': the colour descriptor, which needs no weights. A .pth, .pt or .safetensors
        file: OSNet (torchreid), BoT ResNeSt-50 or BoT ResNet-50 (FastReID), recognised by its
        parameters. An .onnx file. 'timm:NAME' or 'timm:NAME@FILE'.
    device
        'auto' (a GPU if there is one), 'cpu', 'cuda' or 'cuda:N'; ignored by the colour descriptor.
    sha256
        Expected SHA-256 of the file; '': not checked.
    fallback
        While the device fails: 'none' raises its error, 'motion' returns rows of zeros, 'cpu' runs
        the same network on the CPU.
    threads
        Threads of a network on the CPU; PyTorch's are set for the whole process.

    Returns
    -------
    Extractor
        Its `extract(image, tlwh)` takes a (H, W, 3) uint8 BGR image and (N, 4) boxes in pixels,
        and returns (N, D) float32 embeddings.

    Raises
    ------
    ExtractorError
        The weights or the device are not usable; the message gives the reason and what to do.
    MissingPackageError
        The weights or the device need a package that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from strongsort_ros import load_extractor
    >>> extractor = load_extractor('colour')
    >>> image = np.full((480, 640, 3), 128, dtype=np.uint8)
    >>> boxes = np.array([[100.0, 50, 80, 200], [300, 60, 75, 190]])  # left, top, width, height
    >>> extractor.extract(image, boxes).shape
    (2, 256)

    """
    if device not in (AUTO, CPU) and not re.fullmatch('cuda(:[0-9]{1,4})?', device):
        raise ExtractorError(f"device: {device!r}, expected 'auto', 'cpu', 'cuda' or 'cuda:N'")
    if fallback not in FALLBACKS:
        raise ExtractorError(f'fallback: {fallback!r}, expected one of {", ".join(FALLBACKS)}')
    if threads < 1:
        raise ExtractorError(f'threads: {threads}, expected at least 1')
    name = str(weights)
    if name in ('', COLOUR):
        _log.warning(
            'no ReID weights: appearance is a colour histogram, which cannot distinguish people '
            'in identical clothing; docs/weights.md lists better networks'
        )
        return ColourExtractor()
    path = Path(weights).expanduser()
    if not name.startswith(TIMM):
        check_file(path, sha256)
        if path.suffix == ONNX:
            return _load_onnx(path, device, fallback, threads)
        if path.suffix not in SUFFIXES:
            expected = ', '.join((*SUFFIXES, ONNX))
            raise ExtractorError(f'weights: {path} ends in {path.suffix!r}, expected {expected}')
    require(f'weights: {name}', 'torch')
    return _load_torch(name, device, sha256, fallback, threads)


def _load_torch(weights: str, device: str, sha256: str, fallback: str, threads: int) -> Extractor:
    """Return an extractor for a network that is built in PyTorch."""
    import torch

    from strongsort_ros.reid.models import load_network
    from strongsort_ros.reid.models.timm_backbone import load_timm
    from strongsort_ros.reid.torch_engine import TorchEngine, choose_device

    chosen = choose_device(device)
    torch.set_num_threads(threads)
    if weights.startswith(TIMM):
        name, _, file = weights.removeprefix(TIMM).partition('@')
        network = load_timm(name, file, sha256)
    else:
        network = load_network(Path(weights).expanduser())
    if chosen.type == CPU:
        engine = engine_from_network(network, threads) or TorchEngine(network, chosen)
        return _extractor(network.card, engine, fallback)

    def create_cpu_engine() -> Engine:
        return TorchEngine(network, torch.device(CPU))

    return _extractor(network.card, TorchEngine(network, chosen), fallback, create_cpu_engine)


def _load_onnx(path: Path, device: str, fallback: str, threads: int) -> Extractor:
    """Return an extractor for an ONNX file."""
    chosen = 'cuda' if device == AUTO else device
    try:
        engine = engine_from_file(path, chosen, threads)
    except ExtractorError:
        if device != AUTO:
            raise
        chosen = CPU
        engine = engine_from_file(path, chosen, threads)

    def create_cpu_engine() -> Engine:
        return engine_from_file(path, CPU, threads)

    name = next((known for known in CARDS if known in path.stem), path.stem)
    known = card_for(name, engine.dimension, str(path))
    card, _ = card_of_file(engine.session.get_modelmeta().custom_metadata_map, known, path)
    return _extractor(card, engine, fallback, create_cpu_engine if chosen != CPU else None)


def _extractor(
    card: NetworkCard,
    engine: Engine,
    fallback: str,
    create_cpu_engine: Callable[[], Engine] | None = None,
) -> Extractor:
    _log.info(
        '%s: %d-d, %s; max_cosine_distance %g (%s)',
        card.name, card.dimension, engine.name, card.max_cosine_distance, card.threshold_source,
    )  # fmt: skip
    return NetworkExtractor(card, engine, fallback, create_cpu_engine)
