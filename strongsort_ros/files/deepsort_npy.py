"""Read and write DeepSORT's .npy files: N detections, 10 columns and D of the embedding, D >= 0."""

from __future__ import annotations

import os
import tokenize
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.motchallenge import PERSON
from strongsort_ros.files.rows import DetectionRows
from strongsort_ros.files.text_table import MAX_FRAME
from strongsort_ros.types import BoolArray

_COLUMNS = 10


def load_deepsort(path: Path | str, class_id: str = PERSON) -> DetectionRows:
    """Read rows of `frame, -1, left, top, width, height, confidence, -1, -1, -1, embedding`.

    Raises
    ------
    InputError
        The file is missing, not such an array, or has an invalid number; the message names the
        row, counted from 0.

    """
    try:
        with Path(path).open('rb') as file:
            array = _read_table(path, file)
    except OSError as error:
        raise InputError(f'{path}: cannot read it: {error.strerror}') from error
    boxes = array[:, :_COLUMNS].astype(np.float64)
    embeddings = array[:, _COLUMNS:].astype(np.float32)
    _refuse(path, ~np.all(np.isfinite(boxes), axis=1), 'a number that is not finite')
    _refuse(path, ~np.all(np.isfinite(embeddings), axis=1), 'an embedding that is not finite')
    frame = boxes[:, 0]
    integer = (frame == np.floor(frame)) & (frame >= 0) & (frame <= MAX_FRAME)
    _refuse(path, ~integer, f'the frame is not an integer in 0..{MAX_FRAME}')
    _refuse(path, np.any(boxes[:, 4:6] < 0, axis=1), 'negative width or height')
    if (np.diff(frame) < 0).any():
        order = np.argsort(frame, kind='stable')
        boxes, embeddings = boxes[order], embeddings[order]
    return DetectionRows(
        boxes[:, 0].astype(np.int64),
        np.ascontiguousarray(boxes[:, 2:6]),
        boxes[:, 6],
        np.full(len(boxes), class_id),
        embeddings if embeddings.shape[1] else None,
    )


def save_deepsort(path: Path | str, rows: DetectionRows) -> None:
    """Write detections and their embeddings, if they have any, as float32.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    dimension = 0 if rows.embeddings is None else rows.embeddings.shape[1]
    array = np.full((len(rows), _COLUMNS + dimension), -1, dtype=np.float32)
    array[:, 0] = rows.frames
    array[:, 2:6] = rows.tlwh
    array[:, 6] = rows.scores
    if rows.embeddings is not None:
        array[:, _COLUMNS:] = rows.embeddings
    with replacing(path) as written, written.open('wb') as file:
        np.save(file, array, allow_pickle=False)


def _read_table(path: Path | str, file: BinaryIO) -> npt.NDArray[Any]:
    """Return (N, 10 + D) numbers; memory is allocated only if the file is long enough."""
    try:
        shape, fortran, dtype = _read_header(file)
    # The header is a Python literal; NumPy passes on the errors of its parser.
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError,
            tokenize.TokenError) as error:  # fmt: skip
        raise InputError(f'{path}: not a .npy file of numbers') from error
    if dtype.kind not in 'fiu':
        raise InputError(f'{path}: not a NumPy array of numbers')
    valid = all(type(size) is int and size >= 0 for size in shape)
    if not valid or len(shape) != 2 or shape[1] < _COLUMNS:
        raise InputError(f'{path}: shape {shape}, expected (N, 10 + length of embeddings)')
    left = os.fstat(file.fileno()).st_size - file.tell()
    needed = shape[0] * shape[1] * dtype.itemsize
    if left < needed:
        raise InputError(f'{path}: truncated: {left} bytes, shape {shape} needs {needed}')
    values = np.fromfile(file, dtype, shape[0] * shape[1])
    return values.reshape(shape, order='F' if fortran else 'C')


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f'version {version}')


def _refuse(path: Path | str, bad: BoolArray, what: str) -> None:
    if bad.any():
        raise InputError(f'{path}, row {int(np.argmax(bad))}: {what}')
