"""Detection networks in .onnx files, run by onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.detection.coco import COCO_80, COCO_91
from strongsort_ros.detection.interface import (
    ClassChoice,
    Detector,
    named,
    numbers_as_names,
    parse_names,
    suppress,
)
from strongsort_ros.detection.onnx_layouts import Layout, Raw, find_layout, yolox_layout
from strongsort_ros.errors import InputError, shorten
from strongsort_ros.packages import require
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import FloatArray, Image

if TYPE_CHECKING:
    import onnxruntime

SIZE: Final = 640
"""Side of the input of a model that takes several sizes and names none, pixels."""
MAX_SIDE: Final = 4096
"""Largest side of an input, pixels."""
_GREY: Final = (114, 114, 114)
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_STD: Final = np.array([0.229, 0.224, 0.225], np.float32)
_TASKS: Final = ('', 'detect', 'segment', 'pose')
_DTYPES: Final = {
    'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(uint8)': np.uint8,
}  # fmt: skip
_CPU, _CUDA = 'CPUExecutionProvider', 'CUDAExecutionProvider'
_CHANNELS: Final = 3
_COCO_FEWEST: Final = 90


class Placed(NamedTuple):
    """Image as the network takes it, and how to get back: pixel = (x - offset) / scale."""

    pixels: Image
    scale: FloatArray
    offset: FloatArray


class OnnxDetector(Detector):
    """Detection network of a .onnx file: YOLO, RT-DETR, D-FINE, RF-DETR.

    Parameters
    ----------
    path
        The file.
    classes, min_score
        As in `load_detector`.
    names
        Class names; None: those in the file, otherwise COCO's if their number fits.
    size
        Side of the input of a model that takes several sizes; 0: as the file says, otherwise 640.
    device
        'auto', 'cpu', 'cuda' or 'cuda:N'.
    threads
        Threads on the CPU.
    yolox
        The network is YOLOX as its authors export it.

    Raises
    ------
    InputError
        The file is no such network, or the device cannot be used.
    MissingPackageError
        onnxruntime is not installed.

    """

    def __init__(
        self,
        path: Path,
        classes: str,
        min_score: float,
        *,
        names: Mapping[int, str] | None = None,
        size: int = 0,
        device: str = 'auto',
        threads: int = 1,
        yolox: bool = False,
    ) -> None:
        self._path, self._yolox = path, yolox
        self._session = _create_session(path, device, threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get('task', '') not in _TASKS:
            raise InputError(f'{path}: a model for the task {metadata["task"]}, expected detect')
        self._open_input(metadata, size)
        if names is None and 'names' in metadata:
            names = parse_names(metadata['names'], str(path))
        self._layout = self._find_layout(metadata, len(names or ()))
        self.names = names or self._coco()
        self.name = f'{path.name} ({self._layout.name}, onnxruntime)'
        self._choice = ClassChoice(self.names, classes, min_score)

    def detect(self, image: Image) -> Detections:
        """Return the objects in an image."""
        placed = place(image, self._size, letterbox=self._layout.letterbox, centred=not self._yolox)
        outputs = self._run(placed.pixels, imagenet=self._layout.imagenet)
        raw = self._layout.read(outputs, self._size)
        kept = self._choice.keep(raw.scores, raw.classes) & np.isfinite(raw.xyxy).all(axis=1)
        raw = Raw(raw.xyxy[kept], raw.scores[kept], raw.classes[kept])
        if self._layout.suppress:
            rows = suppress(*raw)
            raw = Raw(raw.xyxy[rows], raw.scores[rows], raw.classes[rows])
        xyxy = (raw.xyxy - np.tile(placed.offset, 2)) / np.tile(placed.scale, 2)
        limits = np.tile(image.shape[1::-1], 2)
        return self._choice.detections(xyxy.clip(0, limits), raw.scores, raw.classes)

    def _open_input(self, metadata: Mapping[str, str], size: int) -> None:
        """Find out what the network takes."""
        inputs = self._session.get_inputs()
        image = next((node for node in inputs if len(node.shape) == _CHANNELS + 1), None)
        found = shorten(', '.join(f'{n.name} {n.type} {n.shape}' for n in inputs), 200)
        expected = 'expected one image of tensor(float) [1, 3, height, width]'
        if (
            image is None
            or image.type not in _DTYPES
            or (image.shape[0] not in (1, None) and (isinstance(image.shape[0], int)))
        ):
            raise InputError(f'{self._path}: takes {found}, {expected}')
        shape = image.shape
        self._channels_last = shape[3] == _CHANNELS and shape[1] != _CHANNELS
        if not self._channels_last and isinstance(shape[1], int) and shape[1] != _CHANNELS:
            raise InputError(f'{self._path}: takes {found}, {expected}')
        self._input, self._dtype = image.name, _DTYPES[image.type]
        height, width = shape[1:3] if self._channels_last else shape[2:]
        if not (isinstance(height, int) and isinstance(width, int)):
            side = size or SIZE
            sides = [int(text) for text in re.findall(r'\d+', metadata.get('imgsz', ''))]
            height, width = (sides * 2)[:2] if sides and not size else (side, side)
        elif size and size not in (height, width):
            raise InputError(f'{self._path}: its input is {width}x{height} pixels, not {size}')
        if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
            raise InputError(f'{self._path}: input of {width}x{height}, at most {MAX_SIDE} pixels')
        self._size = width, height
        self._others = {n.name: n.type for n in inputs if n.name != image.name}
        for name, kind in self._others.items():
            if 'size' not in name or kind not in ('tensor(int64)', 'tensor(float)'):
                raise InputError(f'{self._path}: takes {found}; {name} is not known')

    def _find_layout(self, metadata: Mapping[str, str], names: int) -> Layout:
        """Return the layout of the outputs for a grey image."""
        grey = np.full((*self._size[::-1], 3), _GREY[0], np.uint8)
        outputs = self._run(grey)
        layout = yolox_layout(outputs) if self._yolox else find_layout(outputs, metadata, names)
        if layout is None:
            shapes = ', '.join(f'{name} {list(array.shape)}' for name, array in outputs.items())
            raise InputError(
                f'{self._path}: returns {shorten(shapes, 200)}, which is none of the known layouts '
                'of YOLO, RT-DETR, D-FINE and RF-DETR'
            )
        return layout

    def _coco(self) -> Mapping[int, str]:
        """Return COCO's class names if their number fits, otherwise numbers."""
        classes = self._layout.classes
        if classes == len(COCO_80) or not classes:
            return named(COCO_80)
        if _COCO_FEWEST <= classes <= _COCO_FEWEST + 1:
            return COCO_91
        return numbers_as_names(classes)

    def _run(self, pixels: Image, *, imagenet: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs for (height, width, 3) uint8 BGR pixels."""
        values: npt.NDArray[Any] = pixels if self._yolox else pixels[:, :, ::-1]
        if self._dtype != np.uint8 and not self._yolox:
            values = values.astype(np.float32) / 255
            if imagenet:
                values = (values - _MEAN) / _STD
        values = values if self._channels_last else values.transpose(2, 0, 1)
        feed: dict[str, Any] = {self._input: np.ascontiguousarray(values[None], self._dtype)}
        for name, kind in self._others.items():
            dtype = np.int64 if kind == 'tensor(int64)' else np.float32
            feed[name] = np.array([self._size], dtype)
        try:
            arrays = self._session.run(None, feed)
        except _errors() as error:
            raise InputError(f'{self._path}: does not run: {shorten(str(error), 200)}') from error
        return dict(zip((n.name for n in self._session.get_outputs()), arrays, strict=True))


def place(
    image: Image, size: tuple[int, int], *, letterbox: bool = True, centred: bool = True
) -> Placed:
    """Return an image scaled to the size of a network's input.

    Parameters
    ----------
    image
        (H, W, 3) uint8.
    size
        Width and height, pixels.
    letterbox
        Keep the aspect and pad with grey; otherwise stretch.
    centred
        Pad equally at both sides; otherwise at the right and below.

    """
    height, width = image.shape[:2]
    scale = np.array(size) / (width, height)
    if letterbox:
        scale = np.full(2, scale.min())
    inner = np.maximum(np.rint(scale * (width, height)), 1).astype(int)
    smaller = cv2.resize(image, (int(inner[0]), int(inner[1])), interpolation=cv2.INTER_LINEAR)
    margin = np.array(size) - inner
    before = margin // 2 if centred else np.zeros(2, dtype=int)
    left, top = (int(side) for side in before)
    right, below = (int(side) for side in margin - before)
    padded = cv2.copyMakeBorder(smaller, top, below, left, right, cv2.BORDER_CONSTANT, value=_GREY)
    exact = inner / (width, height)
    return Placed(np.asarray(padded, np.uint8), exact, before.astype(np.float64))


def _create_session(path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    require(f'detector {path}', 'onnxruntime')
    import onnxruntime

    if not path.is_file():
        raise InputError(f'{path}: no such file')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    available = _CUDA in onnxruntime.get_available_providers()
    if device.startswith('cuda') and not available:
        raise InputError(
            f'{device}: the installed onnxruntime does not support it; pip install '
            'onnxruntime-gpu, or use --device cpu'
        )
    providers: list[Any] = [_CPU]
    if available and device != 'cpu':
        providers.insert(0, (_CUDA, {'device_id': device.partition(':')[2] or '0'}))
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except _errors() as error:
        reason = shorten(str(error), 200)
        raise InputError(f'{path}: not an ONNX model that runs: {reason}') from error


def _errors() -> tuple[type[Exception], ...]:
    """Return the errors that onnxruntime raises for a model; they have no common base class."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = (getattr(state, name) for name in dir(state))
    own = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, MemoryError)
