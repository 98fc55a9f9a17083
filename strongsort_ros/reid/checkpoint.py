"""Read network parameters from a weights file and check them against a network.

Nothing in a file is ever executed: PyTorch files are read with `weights_only`, and safetensors
files hold nothing but tensors. PyTorch is imported only for its own files and networks.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require
from strongsort_ros.reid.safetensors_file import read_safetensors
from strongsort_ros.types import FloatArray

if TYPE_CHECKING:
    import torch

SAFETENSORS: Final = '.safetensors'
SUFFIXES: Final = ('.pth', '.pt', SAFETENSORS)

MAX_FILE_SIZE: Final = 4 * 2**30
"""Bytes of a weights file, unpacked."""
MAX_PARAMETERS: Final = 20_000
MAX_CONTAINERS: Final = 4
"""Containers inside one another; a file can hold one that contains itself."""

_CONTAINERS: Final = ('state_dict', 'model', 'model_state_dict')
# DataParallel adds its prefix each time a network is wrapped.
_PREFIX: Final = 'module.'
_MAX_PREFIXES: Final = 4
# Prefixes of classifiers and other parameters that embeddings do not need.
_IGNORED: Final = (
    'classifier.',
    'heads.weight',
    'heads.classifier.',
    'heads.cls_layer.',
    'pixel_mean',
    'pixel_std',
)


def check_file(path: Path, sha256: str = '') -> None:
    """Check that a weights file exists and is not too large, and its SHA-256 unless that is ''.

    Raises
    ------
    ExtractorError
        A check failed; the message names the file and the reason.

    """
    if not path.is_file():
        raise ExtractorError(f'weights: no file {path}')
    size = path.stat().st_size
    if size > MAX_FILE_SIZE:
        raise ExtractorError(f'weights: {path} has {size} bytes, at most {MAX_FILE_SIZE} are read')
    if not sha256:
        return
    with path.open('rb') as file:
        found = hashlib.file_digest(file, 'sha256').hexdigest()
    if found != sha256.lower():
        raise ExtractorError(f'weights: {path} has SHA-256 {found}, expected {sha256.lower()}')


def read_state_dict(path: Path, ignored: tuple[str, ...] = _IGNORED) -> dict[str, Any]:
    """Return the parameters in a file.

    Parameters
    ----------
    path
        A .safetensors file, or a .pth or .pt file of PyTorch.
    ignored
        Prefixes of parameter names to leave out.

    Returns
    -------
    state
        Name, without the prefixes of wrappers, -> NumPy array (.safetensors) or PyTorch tensor.

    Raises
    ------
    ExtractorError
        The file is missing, too large or damaged, or has no parameters.
    MissingPackageError
        The file is one of PyTorch, which is not installed.

    """
    if path.suffix not in SUFFIXES:
        expected = ', '.join(SUFFIXES)
        raise ExtractorError(f'weights: {path} ends in {path.suffix!r}, expected {expected}')
    check_file(path)
    state: dict[str, Any]
    if path.suffix == SAFETENSORS:
        state = dict(read_safetensors(path))
    else:
        require(f'weights: {path}', 'torch')
        state = dict(_read_torch_file(path))
    if not 0 < len(state) <= MAX_PARAMETERS:
        raise ExtractorError(
            f'weights: {path} has {len(state)} parameters, expected 1 to {MAX_PARAMETERS}'
        )
    return {
        name: value
        for name, value in _without_prefixes(state).items()
        if not name.startswith(ignored) and not name.endswith('num_batches_tracked')
    }


def load_parameters(module: torch.nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """Copy parameters from a file, arrays or tensors, into a network.

    Raises
    ------
    ExtractorError
        They do not fit the network; the message names the file and the first parameters at fault.

    """
    import torch

    expected = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith('num_batches_tracked')
    }
    check_shapes(state, expected, type(module).__name__, path)
    tensors = {name: torch.as_tensor(value) for name, value in state.items()}
    module.load_state_dict(tensors, strict=False)


def check_shapes(
    found: Mapping[str, Any], expected: Mapping[str, Any], network: str, path: Path
) -> None:
    """Check that parameters have the names and shapes of a network's.

    Parameters
    ----------
    found, expected
        Name -> array or tensor, of the file and of the network.
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
    text = '; '.join(f'{len(v)} {what}: {first_names(v)}' for what, v in faults.items() if v)
    if text:
        raise ExtractorError(f'weights: {path} does not fit {network}: parameters {text}')


def as_float64(parameter: Any) -> FloatArray:
    """Return a float64 copy of a parameter, an array or a PyTorch tensor."""
    array = parameter if isinstance(parameter, np.ndarray) else parameter.double().numpy()
    return np.array(array, dtype=np.float64)


def first_names(names: Iterable[str], count: int = 3) -> str:
    """Return the first names as text for an error."""
    listed = [shorten(name, 120) for name in names]
    return ', '.join(listed[:count]) + (', ...' if len(listed) > count else '')


def _without_prefixes(state: dict[str, Any]) -> dict[str, Any]:
    """Return parameters by the names that the networks of this package use."""
    for _ in range(_MAX_PREFIXES):
        if all(name.startswith(_PREFIX) for name in state):
            state = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    # FastReID before 1.0 called its neck `bnneck`.
    return {
        name.replace('heads.bnneck.', 'heads.bottleneck.0.'): value for name, value in state.items()
    }


def _read_torch_file(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a PyTorch file by name, without the containers around them."""
    import torch

    _check_unpacked_size(path)
    content = _unwrap(_unpickle(path), path)
    if not isinstance(content, Mapping):
        raise ExtractorError(
            f'weights: {path} holds a {type(content).__name__}, expected named parameters'
        )
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    state = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise ExtractorError(f'weights: {path} holds no parameters, only {first_names(named)}')
    for name, tensor in state.items():
        plain = tensor.layout == torch.strided and tensor.device.type == 'cpu'
        if not plain or tensor.is_quantized or tensor.is_complex():
            raise ExtractorError(
                f'weights: {path}: {shorten(name, 120)} is not a plain tensor ({tensor.layout}, '
                f'{tensor.dtype}, {tensor.device}); save the state_dict of the trained network'
            )
    return {name: tensor.detach() for name, tensor in state.items()}


def _check_unpacked_size(path: Path) -> None:
    """Refuse a file that is too large once its compressed records are unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(record.file_size for record in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # An old or a damaged file: torch.load reports what is wrong.
    if size > MAX_FILE_SIZE:
        raise ExtractorError(
            f'weights: {path} unpacks to {size} bytes, at most {MAX_FILE_SIZE} are read'
        )


def _unpickle(path: Path) -> object:
    """Return the content of a PyTorch file, which may be tensors and plain values only."""
    import torch

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
            # For this one call only: on a damaged file PyTorch raises IndexError, AssertionError,
            # TypeError, MemoryError and more.
            raise ExtractorError(
                f'weights: {path} is damaged or is not a PyTorch file: {_reason(error)}'
            ) from error


def _reason(error: Exception) -> str:
    return shorten((str(error) or type(error).__name__).splitlines()[0], 200)


def _unwrap(content: object, path: Path) -> object:
    """Return the content of the innermost container, such as `state_dict`."""
    for _ in range(MAX_CONTAINERS + 1):
        inner = None
        if isinstance(content, Mapping):
            inner = next((content[key] for key in _CONTAINERS if key in content), None)
        if not isinstance(inner, Mapping):
            return content
        content = inner
    raise ExtractorError(
        f'weights: {path} has its parameters more than {MAX_CONTAINERS} containers deep; '
        'save the state_dict alone'
    )
