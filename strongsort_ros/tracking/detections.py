"""Detections of one frame, as a structure of arrays."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from strongsort_ros.adapters import read_boxes
from strongsort_ros.arrays import number_array
from strongsort_ros.errors import InputError
from strongsort_ros.types import Float32Array, FloatArray, NameArray

_TEXTS: Final = frozenset({str, np.str_})
_NAMES: Final = _TEXTS | {int}


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections of one frame; row i of every array belongs to detection i.

    Values may be anything a detector returns: NaN, empty boxes, boxes outside the image. The
    tracker rejects and counts what it cannot track, and never changes these arrays. Lists, arrays
    of other numbers and CPU tensors are converted; classes given as whole numbers become their
    digits.

    Attributes
    ----------
    tlwh
        (N, 4) float64 boxes in pixels: left, top, width, height. x points right, y down, from the
        top-left corner of the image.
    scores
        (N,) float64 confidences, usually 0 to 1.
    class_ids
        (N,) str, as objects or NumPy strings. Different classes are never matched unless the
        setting `class_agnostic` is on.
    embeddings
        (N, D) float32 appearance embeddings, of any norm; None: the pipeline computes them, or the
        frame is tracked by motion. A row that is zero or not finite is ignored, and its detection
        tracked by motion.

    Raises
    ------
    InputError
        An array has a wrong type or shape; the message names it.

    Examples
    --------
    >>> from strongsort_ros import Detections
    >>> detections = Detections(tlwh=[[10, 20, 40, 80]], scores=[0.9], class_ids=['person'])
    >>> len(detections), detections.tlwh.dtype
    (1, dtype('float64'))

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
    def from_boxes(cls, boxes: Any) -> Detections:
        """Return detections given by their corners, in one of the common forms.

        Parameters
        ----------
        boxes
            (N, 4 to 6) array, tensor or list of left, top, right, bottom[, score[, class]];
            `supervision.Detections`; an ultralytics result for one image; the dict of a torchvision
            or transformers detector; `Detections`, which are returned as they are; None: no
            detections. Missing scores are 1, missing classes '0'. Classes are whole numbers and
            become their digits.

        Raises
        ------
        InputError
            It is none of these, or a part has a wrong type or shape; the message begins with
            `boxes`.

        Examples
        --------
        >>> from strongsort_ros import Detections
        >>> detections = Detections.from_boxes([(10, 20, 50, 100, 0.9, 2)])
        >>> detections.tlwh.tolist(), detections.class_ids.tolist()
        ([[10.0, 20.0, 40.0, 80.0]], ['2'])

        """
        if isinstance(boxes, Detections):
            return boxes
        xyxy, scores, classes = read_boxes(boxes)
        sizes = xyxy[:, 2:] - xyxy[:, :2]
        return cls(np.concatenate([xyxy[:, :2], sizes], axis=1), scores, classes)

    @classmethod
    def empty(cls) -> Detections:
        """Return no detections; for the tracker that is a frame too."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.str_))

    def with_embeddings(self, embeddings: Float32Array | None) -> Detections:
        """Return the same detections with other embeddings; the other arrays are shared."""
        return Detections(self.tlwh, self.scores, self.class_ids, embeddings)


def check_detections(detections: object) -> None:
    """Raise InputError unless the argument is `Detections`."""
    if not isinstance(detections, Detections):
        raise InputError(
            f'detections: {type(detections).__name__}, expected Detections; '
            'Detections.from_boxes converts other forms'
        )


def _names(values: Any) -> NameArray:
    """Return class names as an array of str; an array of str is not copied."""
    array: NameArray | None = values if isinstance(values, np.ndarray) else None
    if array is not None and array.dtype.kind == 'U':
        return array
    names = values.tolist() if hasattr(values, 'tolist') else values
    kinds = {*map(type, names)} if isinstance(names, (list, tuple)) else {None}
    if not kinds <= _NAMES:
        raise InputError(f'class_ids: {reprlib.repr(values)}, expected an array of str')
    if array is not None and kinds <= _TEXTS:
        return array
    return np.array([str(name) for name in names], dtype=object)
