"""What a detector saw in one frame, as a structure of arrays."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError, shorten
from strongsort_ros.types import Float32Array, FloatArray, NameArray

_TEXTS: Final = frozenset({str, np.str_})
_NAMES: Final = _TEXTS | {int}


@dataclass(frozen=True, slots=True)
class Detections:
    """One frame's detections; row i of every array belongs to detection i.

    Values are as the detector gave them: they may be NaN, empty boxes or outside the image.
    The tracker rejects and counts what cannot be tracked, and never changes these arrays.
    Whatever becomes such arrays may be given: lists, arrays of other numbers, tensors of the CPU;
    whole numbers as classes become their digits.

    Attributes
    ----------
    tlwh
        (N, 4) float64, pixels: left, top, width, height. x right, y down, origin at the
        top-left corner of the image.
    scores
        (N,) float64 confidences, by convention in [0, 1].
    class_ids
        (N,) str: an array of objects or of NumPy's texts.
    embeddings
        (N, D) float32 appearance, of any length, or None when the frame has no image. A row of
        zeros or with NaN says nothing about its detection, which is then tracked by motion.

    Raises
    ------
    InputError
        A field is no such array, or not as long as the others; the message names it.

    """

    tlwh: FloatArray
    scores: FloatArray
    class_ids: NameArray
    embeddings: Float32Array | None = None

    def __post_init__(self) -> None:
        tlwh, scores = number_array('tlwh', self.tlwh), number_array('scores', self.scores)
        class_ids, embeddings = _names(self.class_ids), self.embeddings
        n = len(scores) if scores.ndim else 0
        if scores.shape != (n,):
            raise InputError(f'scores: shape {scores.shape}, expected (N,)')
        if tlwh.shape == (0,):
            tlwh = tlwh.reshape(0, 4)
        if tlwh.shape != (n, 4):
            raise InputError(f'tlwh: shape {tlwh.shape}, expected ({n}, 4)')
        if class_ids.shape != (n,):
            raise InputError(f'class_ids: shape {class_ids.shape}, expected ({n},)')
        if embeddings is not None:
            embeddings = number_array('embeddings', embeddings, np.float32)
            if embeddings.ndim != 2 or len(embeddings) != n:
                raise InputError(f'embeddings: shape {embeddings.shape}, expected ({n}, D)')
        for name, array in zip(self.__slots__, (tlwh, scores, class_ids, embeddings), strict=True):
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Detections:
        """Return a frame in which nothing was seen."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.str_))

    def with_embeddings(self, embeddings: Float32Array | None) -> Detections:
        """Return the same detections with other embeddings; arrays are shared, not copied."""
        return Detections(self.tlwh, self.scores, self.class_ids, embeddings)


def number_array(
    name: str, values: object, kind: type[np.floating[Any]] = np.float64
) -> npt.NDArray[Any]:
    """Return values as an array of numbers; itself where it is one of this kind already.

    Raises
    ------
    InputError
        They are no numbers; the message begins with `name`.

    """
    if isinstance(values, np.ndarray) and values.dtype == kind:
        return values
    try:
        array = np.asarray(values)
        if array.dtype.kind in 'fiub' or array.size == 0:
            return array.astype(kind)
    except (TypeError, ValueError, RuntimeError) as error:  # of what they are made of
        raise InputError(f'{name}: {shorten(str(error), 200)}') from error
    raise InputError(f'{name}: {reprlib.repr(values)}, expected an array of numbers')


def _names(values: Any) -> NameArray:
    """Return names as an array of texts; itself where it is one already."""
    array: NameArray | None = values if isinstance(values, np.ndarray) else None
    if array is not None and array.dtype.kind == 'U':
        return array
    names = values.tolist() if hasattr(values, 'tolist') else values
    kinds = {*map(type, names)} if isinstance(names, (list, tuple)) else {None}
    if not kinds <= _NAMES:
        raise InputError(f'class_ids: {reprlib.repr(values)}, expected an array of texts')
    if array is not None and kinds <= _TEXTS:
        return array
    return np.array([str(name) for name in names], dtype=object)
