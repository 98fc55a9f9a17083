"""Reads the tensors of a PyTorch file (.pth, .pt)."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from strongsort_ros.appearance.checkpoint import LARGEST_FILE, some
from strongsort_ros.errors import ExtractorError, shorten

_CONTAINERS: Final = ('state_dict', 'model', 'model_state_dict')
_DEEPEST: Final = 4
"""Containers within each other; a file can hold one that contains itself."""


def read_torch(path: Path) -> dict[str, torch.Tensor]:
    """Return name -> tensor of a file, without the containers around them.

    Raises
    ------
    ExtractorError
        The file is damaged, holds more than tensors and plain values, or no parameters.

    """
    _check_unpacked_size(path)
    content = _load(path)
    for _ in range(_DEEPEST):
        inner = _inner(content)
        if inner is None:
            break
        content = inner
    else:
        if _inner(content) is not None:
            raise ExtractorError(
                f'weights: {path} has its parameters more than {_DEEPEST} containers deep; '
                'save the state_dict alone'
            )
    if not isinstance(content, Mapping):
        raise ExtractorError(f'weights: {path} holds a {type(content).__name__}, not parameters')
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    state = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise ExtractorError(f'weights: {path} holds no parameters, only {some(named)}')
    for name, tensor in state.items():
        plain = tensor.layout == torch.strided and tensor.device.type == 'cpu'
        if not plain or tensor.is_quantized or tensor.is_complex():
            raise ExtractorError(
                f'weights: {path}: {shorten(name, 120)} is not a plain tensor ({tensor.layout}, '
                f'{tensor.dtype}, {tensor.device}); save the state_dict of the trained network'
            )
    return {name: tensor.detach() for name, tensor in state.items()}


def _inner(content: object) -> Mapping[Any, Any] | None:
    """Return the container that a container holds; None: it holds none."""
    if not isinstance(content, Mapping):
        return None
    inner = next((content[key] for key in _CONTAINERS if key in content), None)
    return inner if isinstance(inner, Mapping) else None


def _check_unpacked_size(path: Path) -> None:
    """Refuse a file whose records, which may be compressed, are too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(record.file_size for record in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # an old or a damaged file: PyTorch tells
    if size > LARGEST_FILE:
        raise ExtractorError(
            f'weights: {path} unpacks to {size} bytes, at most {LARGEST_FILE} are read'
        )


def _load(path: Path) -> object:
    # FastReID keeps its best score beside the parameters, as a NumPy number.
    scalar = np.float64(0).__reduce__()[0]
    safe: list[Any] = [(scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')]
    safe += [np.dtype, *(type(np.dtype(code)) for code in ('f4', 'f8', 'i8'))]
    with torch.serialization.safe_globals(safe):
        try:
            return torch.load(path, map_location='cpu', weights_only=True)
        except pickle.UnpicklingError as error:
            raise ExtractorError(
                f'weights: {path} holds more than tensors and is refused, or is not a PyTorch '
                f'file: {_reason(error)}. Save the state_dict alone, best as .safetensors'
            ) from error
        except Exception as error:
            # This one call alone: a damaged file makes PyTorch raise IndexError, AssertionError,
            # TypeError, MemoryError and more.
            raise ExtractorError(
                f'weights: {path} is damaged or is not a PyTorch file: {_reason(error)}'
            ) from error


def _reason(error: Exception) -> str:
    return shorten((str(error) or type(error).__name__).splitlines()[0], 200)
