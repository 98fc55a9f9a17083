"""What every detector has in common: `detect`, and the choice of classes."""

from __future__ import annotations

import ast
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from strongsort_ros.errors import InputError, did_you_mean, shorten
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import BoolArray, FloatArray, Image, IntArray

MIN_SCORE: Final = 0.1
"""Lowest score of detections: the tracker continues tracks with those from 0.1 on."""
NMS_IOU: Final = 0.7
"""Boxes of one class that overlap more are one object."""
MAX_DETECTIONS: Final = 300
"""Most detections of an image, those of the highest scores."""
MAX_CLASSES: Final = 20_000
"""Most classes of a detector."""
_MAX_NAMES_FILE: Final = 2**22  # bytes
_SHOWN: Final = 8


class Detector(ABC):
    """Detector of objects in images.

    Attributes
    ----------
    name
        Name and library, such as `yolo11n.onnx (YOLOv8, onnxruntime)`.
    names
        Number of a class -> its name.

    """

    name: str
    names: Mapping[int, str]

    @abstractmethod
    def detect(self, image: Image) -> Detections:
        """Return the objects in an image, (H, W, 3) uint8 BGR, at most `MAX_DETECTIONS`."""


class ClassChoice:
    """Classes and scores of the detections to return.

    Parameters
    ----------
    names
        Number of a class -> its name, of all classes of the detector.
    classes
        Chosen classes, names or numbers separated by commas; '': all.
    min_score
        Lowest score to return.

    Raises
    ------
    InputError
        The detector has no such class.

    """

    def __init__(self, names: Mapping[int, str], classes: str, min_score: float) -> None:
        self._names = names
        self.min_score = min_score
        chosen = [self._number(text.strip()) for text in classes.split(',') if text.strip()]
        self._chosen = np.array(sorted(chosen)) if chosen else None

    def keep(self, scores: FloatArray, classes: IntArray) -> BoolArray:
        """Return the (N,) mask of the detections to return."""
        kept: BoolArray = scores >= self.min_score
        if self._chosen is not None:
            kept &= np.isin(classes, self._chosen)
        return kept

    def detections(self, xyxy: FloatArray, scores: FloatArray, classes: IntArray) -> Detections:
        """Return the chosen detections of (N, 4) corners; not finite and empty boxes are dropped.

        Those of the highest scores come first.
        """
        with np.errstate(invalid='ignore'):
            kept = self.keep(scores, classes) & np.isfinite(xyxy).all(axis=1)
            kept &= (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        rows = kept.nonzero()[0]
        rows = rows[np.argsort(-scores[rows], kind='stable')][:MAX_DETECTIONS]
        boxes = np.asarray(xyxy[rows], dtype=np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        texts = [self._names.get(number, str(number)) for number in classes[rows].tolist()]
        return Detections(boxes, scores[rows], np.array(texts, dtype=np.str_))

    def _number(self, text: str) -> int:
        by_name = {name.lower(): number for number, name in self._names.items()}
        if text.lower() in by_name:
            return by_name[text.lower()]
        if text.isdecimal() and int(text) in self._names:
            return int(text)
        names = list(self._names.values())
        more = ', ...' if len(names) > _SHOWN else ''
        hint = did_you_mean(text.lower(), by_name) or f'; it has {", ".join(names[:_SHOWN])}{more}'
        raise InputError(f'--classes: the detector has no class {text[:40]!r}{hint}')


def suppress(
    xyxy: FloatArray, scores: FloatArray, classes: IntArray, iou: float = NMS_IOU
) -> IntArray:
    """Return the rows that remain of overlapping boxes of one class (non-maximum suppression).

    Parameters
    ----------
    xyxy
        (N, 4) corners, finite.
    scores, classes
        (N,)
    iou
        Boxes that overlap a better one by more than this are dropped.

    """
    if not len(xyxy):
        return np.empty(0, dtype=np.int64)
    # Boxes of different classes are moved apart, so that they do not overlap.
    span = float(xyxy.max() - xyxy.min()) + 1.0
    moved = xyxy[:, :2] + (classes * span)[:, None]
    boxes = np.concatenate([moved, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    rows = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, iou)
    return np.asarray(rows, dtype=np.int64).ravel()


def read_names(path: Path | str) -> dict[int, str]:
    """Read class names: a .json list or object {number: name}, or a text with a name in each line.

    Raises
    ------
    InputError
        The file cannot be read, or has another content.

    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_NAMES_FILE:
            raise InputError(f'{path}: too large for a file of class names')
        text = path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise InputError(f'{path}: cannot read it: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: not a text file') from error
    if path.suffix.lower() != '.json':
        return _names_of([line.strip() for line in text.splitlines() if line.strip()], str(path))
    try:
        return _names_of(json.loads(text), str(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: {shorten(str(error), 200)}') from error


def parse_names(text: str, origin: str) -> dict[int, str]:
    """Return the class names in the metadata of a model: `{0: 'person', 1: 'bicycle'}` or a list.

    Raises
    ------
    InputError
        The text is something else; the message begins with `origin`.

    """
    try:
        return _names_of(ast.literal_eval(text[:_MAX_NAMES_FILE]), origin)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(f'{origin}: class names are not a list: {shorten(text, 80)}') from error


def _names_of(names: object, origin: str) -> dict[int, str]:
    if isinstance(names, (list, tuple)):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or len(names) > MAX_CLASSES:
        raise InputError(f'{origin}: expected a list of class names')
    try:
        return {int(number): shorten(str(name), 200) for number, name in names.items()}
    except (TypeError, ValueError) as error:
        raise InputError(f'{origin}: class numbers must be whole numbers') from error


def numbers_as_names(count: int) -> dict[int, str]:
    """Return the names of classes that have none."""
    return {number: str(number) for number in range(count)}


def named(names: Sequence[str]) -> dict[int, str]:
    """Return number -> name of a list of names."""
    return dict(enumerate(names))
