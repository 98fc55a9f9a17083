"""Read and write tensors in the safetensors format with NumPy.

A file is the length of its header (8 bytes, little endian), the header (JSON: name -> type, shape
and offsets), and the bytes of the tensors without gaps. Nothing in it is executed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ExtractorError, shorten

Array = npt.NDArray[Any]

MAX_HEADER: Final = 10_000_000
"""Bytes of the header; those of the largest networks have a tenth of it."""
_MAX_DIMENSIONS: Final = 8
_LENGTH: Final = 8
_METADATA: Final = '__metadata__'
# In the order of the safetensors library, which writes tensors by type from the last to the first.
# NumPy has no bfloat16, which is the upper half of a float32.
_TYPES: Final = {
    'BOOL': '?', 'U8': 'u1', 'I8': 'i1', 'I16': '<i2', 'F16': '<f2', 'BF16': '<u2',
    'I32': '<i4', 'F32': '<f4', 'F64': '<f8', 'I64': '<i8',
}  # fmt: skip
_NAMES: Final = {np.dtype(code).str: name for name, code in _TYPES.items() if name != 'BF16'}


def read_safetensors(path: Path) -> dict[str, Array]:
    """Return the arrays of a file by name; bfloat16 becomes float32.

    Raises
    ------
    ExtractorError
        The file is not readable, damaged, or not a safetensors file.

    """
    with _opened(path) as (file, size):
        return _read(file, size)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts in the header of a file by name; {} if there are none.

    Raises
    ------
    ExtractorError
        The file is not readable, damaged, or not a safetensors file.

    """
    with _opened(path) as (file, size):
        header = _read_header(file, size)
    found = header.get(_METADATA)
    texts = found if isinstance(found, dict) else {}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file, with its size; errors of reading it name the file."""
    try:
        with path.open('rb') as file:
            yield file, os.fstat(file.fileno()).st_size
    except OSError as error:
        raise ExtractorError(f'weights: {path}: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        reason = shorten(str(error), 120)
        raise ExtractorError(
            f'weights: {path} is damaged or is not a safetensors file: {reason}'
        ) from error


def _read(file: BinaryIO, size: int) -> dict[str, Array]:
    """Return the arrays of a file of `size` bytes; raise ValueError if it is damaged."""
    header = _read_header(file, size)
    header.pop(_METADATA, None)
    data = np.fromfile(file, dtype=np.uint8, count=size - file.tell())
    arrays: dict[str, Array] = {}
    end = 0
    for name, entry in sorted(header.items(), key=_sort_key):
        array = _array(entry, data, end)
        end += array.nbytes
        if entry['dtype'] == 'BF16':  # the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = array
    if end != len(data):
        raise ValueError(f'the file has {len(data)} bytes of tensors, the header describes {end}')
    return arrays


def _read_header(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return the header of a file of `size` bytes; raise ValueError if it is damaged."""
    length = int.from_bytes(file.read(_LENGTH), 'little')
    if length > min(size - _LENGTH, MAX_HEADER):
        raise ValueError(f'the header has {length} bytes, in a file of {size}')
    header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError('the header is not a JSON object')
    return header


def _sort_key(item: tuple[str, Any]) -> int:
    """Return the sum of a tensor's offsets as the sort key; empty tensors come first."""
    name, entry = item
    offsets = entry.get('data_offsets') if isinstance(entry, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
        raise ValueError(f'{shorten(name, 60)} has no data_offsets')
    return int(offsets[0] + offsets[1])


def _array(entry: dict[str, Any], data: Array, start: int) -> Array:
    """Return the tensor that begins at byte `start`, as a view of the data."""
    code, shape = entry.get('dtype'), entry.get('shape')
    if not isinstance(code, str) or code not in _TYPES:
        raise ValueError(f'unsupported type {code!r}')
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS or not all(map(_is_size, shape)):
        raise ValueError(f'unsupported shape {shape!r}')
    dtype = np.dtype(_TYPES[code])
    stop = start + math.prod(shape) * dtype.itemsize
    if entry['data_offsets'] != [start, stop] or stop > len(data):
        raise ValueError('tensors overlap, leave gaps or differ in size from their shape')
    return data[start:stop].view(dtype).reshape(shape)


def _is_size(value: object) -> bool:
    # In Python a bool is an int.
    return type(value) is int and 0 <= value < 2**48


def write_safetensors(
    file: BinaryIO, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays with the same bytes as the safetensors library.

    Parameters
    ----------
    file
        Binary file, open for writing.
    arrays
        Name -> array of type bool, integer or float.
    metadata
        Name -> text to keep in the header.

    """
    header: dict[str, Any] = {} if metadata is None else {_METADATA: dict(metadata)}
    stop = 0
    ranks = {code: rank for rank, code in enumerate(_TYPES)}
    codes = {name: _NAMES[array.dtype.newbyteorder('<').str] for name, array in arrays.items()}
    ordered = sorted(arrays.items(), key=lambda item: (-ranks[codes[item[0]]], item[0]))
    for name, array in ordered:
        start, stop = stop, stop + array.nbytes
        code = codes[name]
        header[name] = {'dtype': code, 'shape': list(array.shape), 'data_offsets': [start, stop]}
    text = json.dumps(header, separators=(',', ':'), ensure_ascii=False).encode()
    text += b' ' * (-len(text) % _LENGTH)
    file.write(len(text).to_bytes(_LENGTH, 'little') + text)
    for _, array in ordered:
        file.write(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder('<')).tobytes())
