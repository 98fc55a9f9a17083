"""Runs a network in onnxruntime; needs no PyTorch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require
from strongsort_ros.reid.crops import cut_with_opencv
from strongsort_ros.reid.interfaces import IMAGENET_MEAN, IMAGENET_STD, batches
from strongsort_ros.types import Image, Size

if TYPE_CHECKING:
    import onnxruntime

CPU: Final = 'cpu'
# Four cuts and their features stay in the cache: measured faster than all boxes at once.
CHUNK: Final = 4

LONGEST_SIDE: Final = 1024
"""Largest height and width of a file's input, pixels."""
MOST_CUTS: Final = 256
"""Largest fixed batch size of a file."""
MOST_PIXELS: Final = 2**24
"""Largest product of a file's batch size, height and width."""
MOST_NUMBERS: Final = 16_384
"""Largest length of a file's embeddings."""
_CPU_PROVIDER, _CUDA_PROVIDER = 'CPUExecutionProvider', 'CUDAExecutionProvider'
_FLOATS: Final = ('tensor(float)', 'tensor(float16)', 'tensor(double)')


class OnnxEngine:
    """A session that takes cuts: uint8 BGR, or float32 normalised RGB as most files want.

    Parameters
    ----------
    session
        Of a model with one image input, (N, height, width, 3) uint8 or (N, 3, height, width)
        float32; the first output is the embedding.

    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        node = session.get_inputs()[0]
        self._input, self._takes_bytes = node.name, node.type == 'tensor(uint8)'
        self._output = session.get_outputs()[0].name
        batch, *shape = node.shape
        self._size: Size = tuple(shape[:2] if self._takes_bytes else shape[1:])
        # Some files are made for one batch size only.
        self._fixed = isinstance(batch, int)
        self.sizes = (batch,) if self._fixed else tuple(range(1, CHUNK + 1))
        self._cuts = np.empty((self.sizes[-1], *self._size, 3), dtype=np.uint8)
        self._planes = np.empty((self.sizes[-1], 3, *self._size), dtype=np.float32)
        levels = np.arange(256)[None] / 255
        mean, std = np.array(IMAGENET_MEAN)[:, None], np.array(IMAGENET_STD)[:, None]
        self._levels = ((levels - mean) / std).astype(np.float32)
        self._cuts.fill(0)
        self.dimension = self.run(self._cuts).shape[1]

    @property
    def name(self) -> str:
        """What runs where."""
        return f'onnxruntime on {self.session.get_providers()[0]}'

    def embed(self, image: Image, xyxy: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image."""
        parts = []
        for start, stop, size in batches(len(xyxy), self.sizes):
            cuts = self.cut(image, xyxy[np.resize(np.arange(start, stop), size)])
            parts.append(self.run(cuts)[: stop - start])
        return np.concatenate(parts)

    def warm_up(self, boxes: int) -> None:
        """Run every batch size that occurs with up to `boxes` boxes."""
        for size in self.sizes:
            if size <= max(boxes, self.sizes[0]):
                self.run(self._cuts[:size])

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        kinds = (state.EPFail, state.EngineError, state.Fail, state.RuntimeException, MemoryError)
        return isinstance(error, kinds)

    def cut(self, image: Image, xyxy: npt.NDArray[np.int64]) -> Image:
        """Return (N, height, width, 3) uint8 BGR; overwritten by the next call."""
        return cut_with_opencv(image, xyxy, self._size, out=self._cuts)

    def run(self, cuts: Image) -> npt.NDArray[np.float32]:
        """Return (N, D) embeddings."""
        planes: npt.NDArray[Any] = cuts
        if not self._takes_bytes:
            planes = self._planes[: len(cuts)]
            for channel, levels in enumerate(self._levels):
                np.take(levels, cuts[..., 2 - channel], out=planes[:, channel], mode='clip')
        (embeddings,) = self.session.run([self._output], {self._input: planes})
        result: npt.NDArray[np.float32] = np.asarray(embeddings, dtype=np.float32)
        if not result.size or len(result) != len(cuts):
            raise ExtractorError(
                f'weights: the network gives {result.shape} for {len(cuts)} cuts: '
                'expected a row for each'
            )
        return result.reshape(len(cuts), -1)


def engine_of_file(path: Path, device: str = CPU, threads: int = 1) -> OnnxEngine:
    """Return an engine for an ONNX file.

    Parameters
    ----------
    path
        The file.
    device
        'cpu', 'cuda' or 'cuda:N'.
    threads
        Threads on the CPU.

    Raises
    ------
    ExtractorError
        onnxruntime cannot use the device, or the file is not such a model.
    MissingPackageError
        onnxruntime is not installed.

    """
    require(f'weights: {path}', 'onnxruntime')
    try:
        session = session_of(str(path), device, threads)
        if device != CPU and session.get_providers()[0] == _CPU_PROVIDER:
            raise ExtractorError(
                f'device: {device} asked for, but this onnxruntime cannot use it: '
                'pip install onnxruntime-gpu, or use device cpu'
            )
        _check_model(session, path)
        engine = OnnxEngine(session)
    except load_errors() as error:
        reason = shorten(str(error), 200)
        raise ExtractorError(f'weights: {path} is not an ONNX model that runs: {reason}') from error
    if engine.dimension > MOST_NUMBERS:
        raise ExtractorError(
            f'weights: {path} gives embeddings of {engine.dimension} numbers, '
            f'expected {MOST_NUMBERS} at most'
        )
    return engine


def session_of(model: str | bytes, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Return a session that runs a model, a file's name or its bytes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    providers: list[Any] = [_CPU_PROVIDER]
    if device != CPU and _CUDA_PROVIDER in onnxruntime.get_available_providers():
        providers.insert(0, (_CUDA_PROVIDER, {'device_id': device.partition(':')[2] or '0'}))
    return onnxruntime.InferenceSession(model, options, providers=providers)


def load_errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises over a model; its errors have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = (getattr(state, name) for name in dir(state))
    own = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, MemoryError)


def _check_model(session: onnxruntime.InferenceSession, path: Path) -> None:
    """Check input and output of a model before memory is taken by its sizes."""
    inputs = session.get_inputs()
    found = ', '.join(f'{node.name} {node.type} {node.shape}' for node in inputs)
    fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type == 'tensor(float)'
    batch, channels, *size = inputs[0].shape if fits else (1, 0)
    if channels != 3 or not all(isinstance(side, int) for side in size):
        raise ExtractorError(
            f'weights: {path} takes {shorten(found, 200)}: '
            'expected one tensor(float) [N, 3, height, width]'
        )
    count = batch if isinstance(batch, int) else CHUNK
    fits = all(0 < side <= LONGEST_SIDE for side in size) and 0 < count <= MOST_CUTS
    if not fits or count * math.prod(size) > MOST_PIXELS:
        raise ExtractorError(
            f'weights: {path} takes {shorten(found, 200)}: expected height and width of 1 to '
            f'{LONGEST_SIDE}, a variable N or 1 to {MOST_CUTS}, and {MOST_PIXELS} pixels at most'
        )
    output = session.get_outputs()[0]
    if output.type not in _FLOATS:
        raise ExtractorError(f'weights: {path} gives {output.type}: expected {_FLOATS[0]}')
