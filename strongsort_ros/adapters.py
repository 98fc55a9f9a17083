"""Boxes of other libraries as arrays, and tracks as `supervision.Detections`.

One function per foreign type. Types are recognised by their attributes, so no library is imported
to read its results.
"""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from strongsort_ros.arrays import box_array, number_array
from strongsort_ros.errors import InputError, shorten
from strongsort_ros.packages import require
from strongsort_ros.types import FloatArray, IntArray

_LARGEST_WHOLE: Final = 2.0**53
_FORMS: Final = (
    '(N, 4 to 6) array of left, top, right, bottom[, score[, class]], supervision.Detections, '
    'ultralytics Results, or a dict of boxes, scores and labels'
)


class Boxes(NamedTuple):
    """Detections of one image by their corners.

    Attributes
    ----------
    xyxy
        (N, 4) float64 pixels: left, top, right, bottom.
    scores
        (N,) float64; 1 where none were given.
    classes
        (N,) int64; 0 where none were given.

    """

    xyxy: FloatArray
    scores: FloatArray
    classes: IntArray


def read_boxes(boxes: Any) -> Boxes:
    """Return boxes that are given in one of the common forms.

    Parameters
    ----------
    boxes
        (N, 4 to 6) array, tensor or list of left, top, right, bottom[, score[, class]];
        `supervision.Detections`; ultralytics' `Results`; the dict of a torchvision or transformers
        detector; a list of one result; None: no boxes.

    Raises
    ------
    InputError
        It is none of these, or a part has a wrong type or shape; the message names it.

    """
    if boxes is None:
        return from_array(np.empty((0, 6)))
    if isinstance(boxes, (list, tuple)) and boxes and _is_result(boxes[0]):
        # What models return for a batch: a result for each image.
        if len(boxes) > 1:
            raise InputError(f'boxes: the results of {len(boxes)} images, expected one')
        boxes = boxes[0]
    if isinstance(boxes, Mapping):
        return from_dict(boxes)
    if hasattr(boxes, 'boxes') or hasattr(boxes, 'conf'):
        return from_ultralytics(boxes)
    if hasattr(boxes, 'xyxy'):
        return from_supervision(boxes)
    return from_array(boxes)


def from_array(table: Any) -> Boxes:
    """Return the boxes of an (N, 4 to 6) array, tensor or list of rows."""
    if isinstance(table, (str, bytes)) or not hasattr(table, '__len__'):
        raise InputError(f'boxes: {reprlib.repr(table)}, expected one of: {_FORMS}')
    table = number_array('boxes', table)
    if table.size == 0:
        table = table.reshape(0, 6)
    if table.ndim != 2 or not 4 <= table.shape[1] <= 6:
        raise InputError(
            f'boxes: shape {table.shape}, expected (N, 4 to 6): '
            'left, top, right, bottom[, score[, class]]'
        )
    columns = table.shape[1]
    scores = table[:, 4] if columns > 4 else None
    return _boxes('boxes', table[:, :4], scores, table[:, 5] if columns > 5 else None)


def from_supervision(detections: Any) -> Boxes:
    """Return the boxes of `supervision.Detections`."""
    return _boxes(
        'boxes.xyxy',
        detections.xyxy,
        getattr(detections, 'confidence', None),
        getattr(detections, 'class_id', None),
        names=('boxes.confidence', 'boxes.class_id'),
    )


def from_ultralytics(result: Any) -> Boxes:
    """Return the boxes of an ultralytics result for one image, or of its `boxes`."""
    boxes = getattr(result, 'boxes', result)
    if boxes is None:
        raise InputError('boxes: the result has no boxes; is it a detection model?')
    names = ('boxes.conf', 'boxes.cls')
    return _boxes('boxes.xyxy', boxes.xyxy, boxes.conf, boxes.cls, names=names)


def from_dict(result: Mapping[str, Any]) -> Boxes:
    """Return the boxes of a torchvision or transformers detector: boxes, scores and labels."""
    if 'boxes' not in result:
        keys = ', '.join(map(repr, result)) or 'none'
        raise InputError(f"boxes: a dict with the keys {shorten(keys, 100)}, expected 'boxes'")
    names = ("boxes['scores']", "boxes['labels']")
    return _boxes(
        "boxes['boxes']", result['boxes'], result.get('scores'), result.get('labels'), names=names
    )


def with_tracker_ids(detections: Any, ids: IntArray, rows: IntArray) -> Any:
    """Return a copy of `supervision.Detections` with `tracker_id` set, and nothing else changed.

    Parameters
    ----------
    detections
        The detections that were tracked, N of them. The copy shares their arrays.
    ids
        (M,) ids of tracks.
    rows
        (M,) row of each track's detection; -1: it has none.

    Returns
    -------
    detections
        In the same order; `tracker_id` (N,) is -1 for those without a track.

    Raises
    ------
    InputError
        They are not `supervision.Detections`, or fewer than were tracked.

    """
    if not hasattr(detections, 'tracker_id'):
        raise InputError(
            f'detections: {type(detections).__name__}, expected supervision.Detections'
        )
    if rows.max(initial=-1) >= len(detections):
        raise InputError(
            f'detections: {len(detections)} rows, but row {rows.max()} was tracked; '
            'give those that were tracked'
        )
    tracker_id = np.full(len(detections), -1, dtype=np.int64)
    tracker_id[rows[rows >= 0]] = ids[rows >= 0]
    labelled = copy.copy(detections)
    labelled.tracker_id = tracker_id
    for name in ('data', 'metadata'):  # dicts: what is added to the copy stays out of the original
        setattr(labelled, name, copy.copy(getattr(detections, name, {})))
    return labelled


def to_supervision(
    xyxy: FloatArray,
    scores: FloatArray,
    class_ids: Sequence[str],
    ids: IntArray,
    names: Sequence[str] | Mapping[int, str] | None,
) -> Any:
    """Return `supervision.Detections` of tracks; see `Tracks.to_supervision`."""
    require('Tracks.to_supervision', 'supervision')
    import supervision

    numbered = dict(names.items() if isinstance(names, Mapping) else enumerate(names or ()))
    numbers = {name: number for number, name in numbered.items()}
    try:
        found = [numbers[c] if c in numbers else int(c) for c in class_ids]
    except ValueError as error:
        raise InputError(
            f'class {error.args[0].rpartition(":")[2].strip()} has no number: give '
            'the names of all classes, such as to_supervision(["person", "car"])'
        ) from None
    data = (
        {} if names is None else {'class_name': np.array([numbered.get(n, str(n)) for n in found])}
    )
    return supervision.Detections(
        xyxy=xyxy,
        confidence=scores,
        class_id=np.array(found, dtype=np.int64),
        tracker_id=ids,
        data=data,
    )


def _is_result(first: object) -> bool:
    return isinstance(first, Mapping) or hasattr(first, 'boxes') or hasattr(first, 'xyxy')


def _boxes(
    name: str,
    xyxy: Any,
    scores: Any,
    classes: Any,
    names: tuple[str, str] = ('boxes: score', 'boxes: class'),
) -> Boxes:
    """Return checked boxes; `name` and `names` of scores and classes are those in errors."""
    xyxy = box_array(name, number_array(name, xyxy))
    n = len(xyxy)
    columns = [
        np.full(n, default) if values is None else number_array(label, values)
        for label, values, default in zip(names, (scores, classes), (1.0, 0.0), strict=True)
    ]
    for label, column in zip(names, columns, strict=True):
        if column.shape != (n,):
            raise InputError(f'{label}: shape {column.shape}, expected ({n},)')
    odd = ~(np.abs(columns[1]) <= _LARGEST_WHOLE) | (columns[1] != np.rint(columns[1]))
    if np.count_nonzero(odd):
        raise InputError(f'{names[1]} {columns[1][odd][0]:g}, expected a whole number')
    return Boxes(xyxy, columns[0], columns[1].astype(np.int64))
