"""Outputs of detection networks in .onnx files, each turned into boxes, scores and classes.

The layouts are those of the programs that export the files: YOLOv5 and YOLOv7; YOLOv8, YOLO11 and
others of ultralytics; the same with non-maximum suppression inside, and YOLOv10 and YOLO26, which
need none; RT-DETR, D-FINE and DEIM of their authors, of ultralytics and of Transformers; RF-DETR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from strongsort_ros.types import FloatArray, IntArray

MAX_QUERIES: Final = 1000
"""Most rows of a network that returns objects; others return a row for each of their anchors."""
_BOX: Final = 4
_END_TO_END: Final = 6
_WITH_BATCH: Final = 7
_TWO: Final = _END_TO_END - _BOX
"""Number of classes for which rows of scores are as long as rows of score and class."""

Array = npt.NDArray[Any]
Outputs = Mapping[str, Array]


class Raw(NamedTuple):
    """Boxes of a network.

    Attributes
    ----------
    xyxy
        (N, 4) corners, pixels of the network's input.
    scores, classes
        (N,)

    """

    xyxy: FloatArray
    scores: FloatArray
    classes: IntArray


class Layout(NamedTuple):
    """How to give an image to a network, and how to read its outputs.

    Attributes
    ----------
    name
        Name of the family, for people.
    read
        Function from outputs and the input's (width, height) to boxes.
    classes
        Number of classes; 0: the outputs do not tell.
    suppress
        Boxes of one object overlap and must be suppressed.
    letterbox
        The image keeps its aspect and is padded; otherwise it is stretched.
    imagenet
        Pixels are normalised by the mean and standard deviation of ImageNet.

    """

    name: str
    read: Callable[[Outputs, tuple[int, int]], Raw]
    classes: int
    suppress: bool = False
    letterbox: bool = True
    imagenet: bool = False


def find_layout(outputs: Outputs, metadata: Mapping[str, str], names: int) -> Layout | None:
    """Return the layout of outputs; None: it is not known.

    Parameters
    ----------
    outputs
        Name -> array of the network's outputs for some image.
    metadata
        Metadata of the file, as ultralytics writes it.
    names
        Number of class names that are known; 0: none.

    """
    return _several(outputs) or _single(outputs, metadata, names)


def _several(outputs: Outputs) -> Layout | None:
    """Return the layout of outputs with a name for each quantity."""
    known = {name.lower().rpartition('/')[2]: name for name in outputs}
    shape = {short: outputs[name].shape for short, name in known.items()}
    if {'labels', 'boxes', 'scores'} <= known.keys():
        lists = _Lists(known['boxes'], known['scores'], known['labels'])
        return Layout('RT-DETR', lists, 0, letterbox=False)
    for boxes, logits, imagenet in (('dets', 'labels', True), ('pred_boxes', 'logits', False)):
        fits = {boxes, logits} <= known.keys() and shape[boxes][-1:] == (_BOX,)
        if fits and len(shape[logits]) == len(shape[boxes]):
            read = _Logits(known[boxes], known[logits])
            name = 'RF-DETR' if imagenet else 'DETR'
            return Layout(name, read, shape[logits][-1], letterbox=False, imagenet=imagenet)
    box, score, kind, number = (
        next((name for name in outputs if part in name.lower()), '')
        for part in ('box', 'score', 'class', 'num')
    )
    if box and score and kind and outputs[box].shape[-1:] == (_BOX,):
        return Layout('YOLO with NMS', _Lists(box, score, kind, number), 0)
    return None


def _single(outputs: Outputs, metadata: Mapping[str, str], names: int) -> Layout | None:
    """Return the layout of one output with a row or a column for each box."""
    key = next(iter(outputs))
    shape = outputs[key].shape
    if len(shape) == 2 and shape[1] == _WITH_BATCH:
        return Layout('YOLOv7 with NMS', _Rows(key, _with_batch), 0)
    if len(shape) != 3 or shape[0] != 1:
        return None
    rows, columns = shape[1:]
    detr = 'rtdetr' in metadata.get('description', '').lower().replace('-', '')
    inside = 'true' in (metadata.get('end2end', '').lower(), metadata.get('nms', '').lower())
    inside |= "'nms': True" in metadata.get('args', '')
    few = rows <= MAX_QUERIES
    if few and not detr and (inside or columns == _END_TO_END):
        return Layout('YOLO, end to end', _Rows(key, _end_to_end), 0)
    # Versions of ultralytics since 8.4, which write end2end, choose the best classes themselves.
    if few and detr and columns == _END_TO_END and (names != _TWO or 'end2end' in metadata):
        return Layout('RT-DETR of ultralytics', _Rows(key, _chosen), 0, letterbox=False)
    if few and (detr or (columns == _BOX + names if names else _BOX < columns <= rows)):
        read = _Rows(key, _queries)
        return Layout('RT-DETR of ultralytics', read, columns - _BOX, letterbox=False)
    if rows < columns and rows >= _BOX + max(names, 1):
        return _yolov8(key, rows, names, transposed=True)
    if columns > _BOX + 1 and (not names or columns > _BOX + names):
        return _yolov5(key, columns, names)
    return _yolov8(key, columns, names, transposed=False) if columns > _BOX else None


def _yolov5(key: str, values: int, names: int) -> Layout:
    """Return the layout of x, y, width, height, objectness and a score for each class."""
    classes = names if 0 < names < values - _BOX else values - _BOX - 1

    def read(table: Array, _size: tuple[int, int]) -> Raw:
        scores = table[:, _BOX + 1 : _BOX + 1 + classes] * table[:, _BOX : _BOX + 1]
        return _best(_corners(table[:, :_BOX]), scores)

    return Layout('YOLOv5', _Rows(key, read), classes, suppress=True)


def _yolov8(key: str, values: int, names: int, *, transposed: bool) -> Layout:
    """Return the layout of boxes and scores, without those of masks or key points behind them."""
    classes = names if 0 < names <= values - _BOX else values - _BOX

    def read(table: Array, _size: tuple[int, int]) -> Raw:
        table = table.T if transposed else table
        return _best(_corners(table[:, :_BOX]), table[:, _BOX : _BOX + classes])

    return Layout('YOLOv8', _Rows(key, read), classes, suppress=True)


class _Rows:
    """Reads one output without its batch axis."""

    def __init__(self, key: str, read: Callable[[Array, tuple[int, int]], Raw]) -> None:
        self._key, self._read = key, read

    def __call__(self, outputs: Outputs, size: tuple[int, int]) -> Raw:
        table = outputs[self._key].astype(np.float64)
        return self._read(table[0] if table.ndim > 2 else table, size)


class _Lists:
    """Reads outputs of boxes in pixels, scores and classes; `number` is that of valid rows."""

    def __init__(self, boxes: str, scores: str, classes: str, number: str = '') -> None:
        self._boxes, self._scores, self._classes = boxes, scores, classes
        self._number = number

    def __call__(self, outputs: Outputs, _size: tuple[int, int]) -> Raw:
        xyxy = outputs[self._boxes].reshape(-1, _BOX).astype(np.float64)
        scores = outputs[self._scores].ravel().astype(np.float64)
        classes = np.rint(outputs[self._classes].ravel()).astype(np.int64)
        valid = int(outputs[self._number].ravel()[0]) if self._number else len(scores)
        return Raw(xyxy[:valid], scores[:valid], classes[:valid])


class _Logits:
    """Reads outputs of boxes as shares of the image, and of a logit for each class."""

    def __init__(self, boxes: str, logits: str) -> None:
        self._boxes, self._logits = boxes, logits

    def __call__(self, outputs: Outputs, size: tuple[int, int]) -> Raw:
        boxes = outputs[self._boxes].reshape(-1, _BOX).astype(np.float64)
        logits = outputs[self._logits]
        logits = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
        with np.errstate(over='ignore'):
            scores = 1 / (1 + np.exp(-logits))
        return _best(_corners(boxes) * np.tile(size, 2), scores)


def _queries(table: Array, size: tuple[int, int]) -> Raw:
    """Read x, y, width, height as shares of the image, and a score for each class."""
    return _best(_corners(table[:, :_BOX]) * np.tile(size, 2), table[:, _BOX:])


def _chosen(table: Array, size: tuple[int, int]) -> Raw:
    """Read x, y, width, height as shares of the image, score and class."""
    classes = np.rint(table[:, _BOX + 1]).astype(np.int64)
    return Raw(_corners(table[:, :_BOX]) * np.tile(size, 2), table[:, _BOX], classes)


def _end_to_end(table: Array, _size: tuple[int, int]) -> Raw:
    """Read corners, score and class."""
    return Raw(table[:, :_BOX], table[:, _BOX], np.rint(table[:, _BOX + 1]).astype(np.int64))


def _with_batch(table: Array, _size: tuple[int, int]) -> Raw:
    """Read number of the image, corners, class and score."""
    return Raw(table[:, 1:5], table[:, 6], np.rint(table[:, 5]).astype(np.int64))


def yolox_layout(outputs: Outputs) -> Layout | None:
    """Return the layout of YOLOX as its authors export it; None: it is another."""
    key = next(iter(outputs))
    shape = outputs[key].shape
    if len(shape) != 3 or shape[0] != 1 or shape[2] <= _BOX + 1:
        return None
    return Layout('YOLOX', _Rows(key, _yolox), shape[2] - _BOX - 1, suppress=True)


def _yolox(table: Array, size: tuple[int, int]) -> Raw:
    """Read offsets from the cells of three grids, logarithms of sizes, objectness and scores."""
    cells, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: size[1] // stride, : size[0] // stride]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full((x.size, 1), stride))
    step = np.concatenate(strides)
    centres = (table[:, :2] + np.concatenate(cells)) * step
    with np.errstate(over='ignore'):
        halves = np.exp(table[:, 2:4]) * step / 2
    xyxy = np.concatenate([centres - halves, centres + halves], axis=1)
    return _best(xyxy, table[:, 5:] * table[:, 4:5])


def _corners(boxes: Array) -> FloatArray:
    """Return (N, 4) corners of (N, 4) centres and sizes."""
    halves = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - halves, boxes[:, :2] + halves], axis=1)


def _best(xyxy: FloatArray, scores: Array) -> Raw:
    """Return each box with its best class."""
    if not scores.size:
        return Raw(xyxy[:0], np.empty(0), np.empty(0, dtype=np.int64))
    classes = scores.argmax(axis=1)
    return Raw(xyxy, scores[np.arange(len(scores)), classes], classes.astype(np.int64))
