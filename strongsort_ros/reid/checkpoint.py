"""Reads the parameters of a network from a file and compares them with those of a network.

Nothing in a file is ever executed: PyTorch files are read with `weights_only`, safetensors files
hold nothing but tensors. Only PyTorch files need PyTorch.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require
from strongsort_ros.reid.safetensors_file import read_safetensors

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
        from strongsort_ros.reid.checkpoint import read_torch

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
