"""Reads the parameters of a network from a file and compares them with those of a network.

Nothing in a file is ever executed: PyTorch files are read with `weights_only`, safetensors files
hold nothing but tensors. Only PyTorch files need PyTorch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from strongsort_ros.appearance.safetensors_file import read_safetensors
from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require

SAFETENSORS: Final = '.safetensors'
SUFFIXES: Final = ('.pth', '.pt', SAFETENSORS)

LARGEST_FILE: Final = 4 * 2**30
"""Bytes of a file of weights, unpacked."""
MOST_TENSORS: Final = 20_000
# DataParallel's, once for each time that it was wrapped.
_PREFIX: Final = 'module.'
_MOST_PREFIXES: Final = 4
# Names of classifiers and other things that embeddings do not need.
_IGNORED: Final = (
    'classifier.',
    'heads.weight',
    'heads.classifier.',
    'heads.cls_layer.',
    'pixel_mean',
    'pixel_std',
)


class Shaped(Protocol):
    """A NumPy array or a tensor of PyTorch."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""


def check_file(path: Path, sha256: str = '') -> None:
    """Check that `path` is a file of a sensible size, with that SHA-256 where one is given.

    Raises
    ------
    ExtractorError
        It is not; the message names the file and says why.

    """
    if not path.is_file():
        raise ExtractorError(f'weights: no file {path}')
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ExtractorError(f'weights: {path} has {size} bytes, at most {LARGEST_FILE} are read')
    if not sha256:
        return
    with path.open('rb') as file:
        found = hashlib.file_digest(file, 'sha256').hexdigest()
    if found != sha256.lower():
        raise ExtractorError(f'weights: {path} has SHA-256 {found}, expected {sha256.lower()}')


def read_state(path: Path, ignored: tuple[str, ...] = _IGNORED) -> dict[str, Any]:
    """Return the parameters in a file.

    Parameters
    ----------
    path
        A .safetensors file, or a .pth or .pt file of PyTorch.
    ignored
        Beginnings of names that are left out.

    Returns
    -------
    state
        Name, without prefixes of wrappers, -> NumPy array (.safetensors) or tensor of PyTorch.

    Raises
    ------
    ExtractorError
        The file is missing, too large, damaged, or has no parameters.
    MissingPackageError
        It is a file of PyTorch, which is not installed.

    """
    if path.suffix not in SUFFIXES:
        expected = ', '.join(SUFFIXES)
        raise ExtractorError(f'weights: {path} ends in {path.suffix!r}: expected {expected}')
    check_file(path)
    state: dict[str, Any]
    if path.suffix == SAFETENSORS:
        state = dict(read_safetensors(path))
    else:
        require(f'weights: {path}', 'torch')
        from strongsort_ros.appearance.torch_file import read_torch

        state = dict(read_torch(path))
    if not 0 < len(state) <= MOST_TENSORS:
        raise ExtractorError(
            f'weights: {path} has {len(state)} parameters, expected 1 to {MOST_TENSORS}'
        )
    return {
        name: tensor
        for name, tensor in _plain_names(state).items()
        if not name.startswith(ignored) and not name.endswith('num_batches_tracked')
    }


def check_shapes(
    found: Mapping[str, Shaped], expected: Mapping[str, Shaped], network: str, path: Path
) -> None:
    """Check that parameters are those of a network.

    Parameters
    ----------
    found, expected
        Name -> parameter, of the file and of the network.
    network
        Name of the network, for the error.
    path
        The file, for the error.

    Raises
    ------
    ExtractorError
        A parameter is missing, unexpected or of another shape; the message names the first ones.

    """
    shapes = [
        f'{name} is {tuple(found[name].shape)}, not {tuple(parameter.shape)}'
        for name, parameter in expected.items()
        if name in found and tuple(found[name].shape) != tuple(parameter.shape)
    ]
    faults = {
        'missing': [name for name in expected if name not in found],
        'unexpected': [name for name in found if name not in expected],
        'of another shape': shapes,
    }
    text = '; '.join(f'{len(v)} {what}: {some(v)}' for what, v in faults.items() if v)
    if text:
        raise ExtractorError(f'weights: {path} does not fit {network}: parameters {text}')


def as_float64(parameter: Any) -> npt.NDArray[np.float64]:
    """Return a parameter, an array or a tensor of PyTorch, as an array of its own."""
    array = parameter if isinstance(parameter, np.ndarray) else parameter.double().numpy()
    return np.array(array, dtype=np.float64)


def some(names: Iterable[str], count: int = 3) -> str:
    """Return the first names as text."""
    listed = [shorten(name, 120) for name in names]
    return ', '.join(listed[:count]) + (', ...' if len(listed) > count else '')


def _plain_names(state: dict[str, Any]) -> dict[str, Any]:
    for _ in range(_MOST_PREFIXES):
        if all(name.startswith(_PREFIX) for name in state):
            state = {name.removeprefix(_PREFIX): tensor for name, tensor in state.items()}
    # FastReID before 1.0 called its neck `bnneck`.
    return {
        name.replace('heads.bnneck.', 'heads.bottleneck.0.'): tensor
        for name, tensor in state.items()
    }
