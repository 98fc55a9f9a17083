"""Run a network in onnxruntime: from an ONNX file without PyTorch, or one built in PyTorch.

On a CPU onnxruntime takes a third of PyTorch's processor time (`benchmarks/threads.py`).
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import is_installed, require
from strongsort_ros.reid.crops import crop_with_opencv
from strongsort_ros.reid.interfaces import IMAGENET_MEAN, IMAGENET_STD, batches
from strongsort_ros.types import Float32Array, Image, IntArray

if TYPE_CHECKING:
    import onnxruntime

    from strongsort_ros.reid.models import Network

_log = logging.getLogger(__name__)

CPU: Final = 'cpu'
BATCH: Final = 4
"""Crops in a batch: four and their features fit the processor's cache, faster than all at once."""

MAX_SIDE: Final = 1024
"""Largest height and width of a file's input, pixels."""
MAX_BATCH: Final = 256
"""Largest fixed batch size of a file."""
MAX_PIXELS: Final = 2**24
"""Largest product of a file's batch size, height and width."""
MAX_DIMENSION: Final = 16_384
"""Largest length of a file's embeddings."""
_CPU_PROVIDER, _CUDA_PROVIDER = 'CPUExecutionProvider', 'CUDAExecutionProvider'
_FLOATS: Final = ('tensor(float)', 'tensor(float16)', 'tensor(double)')


class OnnxEngine:
    """Cuts out the boxes of an image and embeds them with an onnxruntime session.

    Parameters
    ----------
    session
        Session of a model with one image input, (N, height, width, 3) uint8 BGR or
        (N, 3, height, width) float32 normalised RGB; the first output is the embedding.

    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        node = session.get_inputs()[0]
        self._input, self._takes_bytes = node.name, node.type == 'tensor(uint8)'
        self._output = session.get_outputs()[0].name
        batch, *shape = node.shape
        height, width = shape[:2] if self._takes_bytes else shape[1:]
        self._size = height, width
        # Some files are exported for one batch size only.
        self.batch_sizes = (batch,) if isinstance(batch, int) else tuple(range(1, BATCH + 1))
        largest = self.batch_sizes[-1]
        self._crops = np.zeros((largest, height, width, 3), dtype=np.uint8)
        self._planes = np.empty((largest, 3, height, width), dtype=np.float32)
        levels = np.arange(256)[None] / 255
        mean, std = np.array(IMAGENET_MEAN)[:, None], np.array(IMAGENET_STD)[:, None]
        self._normalised = ((levels - mean) / std).astype(np.float32)
        self.dimension = self.run(self._crops).shape[1]

    @property
    def name(self) -> str:
        """Library and device, such as `onnxruntime on CPUExecutionProvider`."""
        return f'onnxruntime on {self.session.get_providers()[0]}'

    def embed(self, image: Image, xyxy: IntArray) -> Float32Array:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image."""
        parts = []
        for start, stop, size in batches(len(xyxy), self.batch_sizes):
            crops = self.crop(image, xyxy[np.resize(np.arange(start, stop), size)])
            parts.append(self.run(crops)[: stop - start])
        return np.concatenate(parts)

    def warm_up(self, boxes: int) -> None:
        """Run every batch size that occurs with up to `boxes` boxes."""
        for size in self.batch_sizes:
            if size <= max(boxes, self.batch_sizes[0]):
                self.run(self._crops[:size])

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        kinds = (state.EPFail, state.EngineError, state.Fail, state.RuntimeException, MemoryError)
        return isinstance(error, kinds)

    def crop(self, image: Image, xyxy: IntArray) -> Image:
        """Return (N, height, width, 3) uint8 BGR; the next call overwrites them."""
        return crop_with_opencv(image, xyxy, self._size, out=self._crops)

    def run(self, crops: Image) -> Float32Array:
        """Return the (N, D) embeddings of crops."""
        planes: npt.NDArray[Any] = crops
        if not self._takes_bytes:
            planes = self._planes[: len(crops)]
            for channel, values in enumerate(self._normalised):
                np.take(values, crops[..., 2 - channel], out=planes[:, channel], mode='clip')
        (embeddings,) = self.session.run([self._output], {self._input: planes})
        result: Float32Array = np.asarray(embeddings, dtype=np.float32)
        if not result.size or len(result) != len(crops):
            raise ExtractorError(
                f'weights: the network returns shape {result.shape} for {len(crops)} crops, '
                'expected one row per crop'
            )
        return result.reshape(len(crops), -1)


def engine_from_file(path: Path, device: str = CPU, threads: int = 1) -> OnnxEngine:
    """Load an ONNX file.

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
        onnxruntime does not support the device, or the file is not a suitable model.
    MissingPackageError
        onnxruntime is not installed.

    """
    require(f'weights: {path}', 'onnxruntime')
    try:
        session = _create_session(str(path), device, threads)
        if device != CPU and session.get_providers()[0] == _CPU_PROVIDER:
            raise ExtractorError(
                f'device: {device} requested, but the installed onnxruntime does not support it; '
                'pip install onnxruntime-gpu, or use device cpu'
            )
        _check_model(session, path)
        engine = OnnxEngine(session)
    except _onnxruntime_errors() as error:
        reason = shorten(str(error), 200)
        raise ExtractorError(f'weights: {path} is not an ONNX model that runs: {reason}') from error
    if engine.dimension > MAX_DIMENSION:
        raise ExtractorError(
            f'weights: {path} returns embeddings of length {engine.dimension}, '
            f'expected at most {MAX_DIMENSION}'
        )
    return engine


def engine_from_network(network: Network, threads: int = 1) -> OnnxEngine | None:
    """Export a PyTorch network for the CPU; None where the packages or an operator are missing."""
    if not (is_installed('onnxruntime') and is_installed('onnx')):
        _log.info('the network runs in PyTorch; it is faster with onnxruntime and onnx installed')
        return None
    # PyTorch raises RuntimeError where ONNX lacks an operator of a timm network.
    failures: tuple[type[Exception], ...] = (*_onnxruntime_errors(), RuntimeError)
    try:
        return OnnxEngine(_create_session(_export(network), CPU, threads))
    except failures as error:
        _log.warning('the network runs in PyTorch, which is slower; onnxruntime failed: %s', error)
        return None


def _export(network: Network) -> bytes:
    """Return an ONNX model of a network that takes (N, height, width, 3) uint8 BGR."""
    import torch

    class WithNormalisation(torch.nn.Module):
        """The network with the normalisation of its input in front."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network.module
            self.mean: torch.Tensor
            self.scale: torch.Tensor
            self.register_buffer('mean', 255 * torch.tensor(network.mean).view(1, 3, 1, 1))
            self.register_buffer('scale', 1 / (255 * torch.tensor(network.std).view(1, 3, 1, 1)))

        def forward(self, crops: torch.Tensor) -> torch.Tensor:
            rgb = crops.permute(0, 3, 1, 2).flip(1).to(torch.float32)
            return self.network((rgb - self.mean) * self.scale)  # type: ignore[no-any-return]

    model, example = io.BytesIO(), torch.zeros(2, *network.size, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The tracing exporter warns, but is the one that needs no further package.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            WithNormalisation().eval(),
            (example,),
            model,  # type: ignore[arg-type]  # without dynamo, a file object is accepted
            dynamo=False,
            input_names=['crops'],
            output_names=['embeddings'],
            dynamic_axes={'crops': {0: 'n'}, 'embeddings': {0: 'n'}},
        )
    return model.getvalue()


def _create_session(model: str | bytes, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Return a session for a model, given as a file name or as bytes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    providers: list[Any] = [_CPU_PROVIDER]
    if device != CPU and _CUDA_PROVIDER in onnxruntime.get_available_providers():
        providers.insert(0, (_CUDA_PROVIDER, {'device_id': device.partition(':')[2] or '0'}))
    return onnxruntime.InferenceSession(model, options, providers=providers)


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return the errors that onnxruntime raises for a model; they have no common base class."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = (getattr(state, name) for name in dir(state))
    own = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, MemoryError)


def _check_model(session: onnxruntime.InferenceSession, path: Path) -> None:
    """Check a model's input and output before memory of their size is allocated."""
    inputs = session.get_inputs()
    found = ', '.join(f'{node.name} {node.type} {node.shape}' for node in inputs)
    fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type == 'tensor(float)'
    batch, channels, *size = inputs[0].shape if fits else (1, 0)
    if channels != 3 or not all(isinstance(side, int) for side in size):
        raise ExtractorError(
            f'weights: {path} takes {shorten(found, 200)}, '
            'expected one tensor(float) [N, 3, height, width]'
        )
    count = batch if isinstance(batch, int) else BATCH
    fits = all(0 < side <= MAX_SIDE for side in size) and 0 < count <= MAX_BATCH
    if not fits or count * math.prod(size) > MAX_PIXELS:
        raise ExtractorError(
            f'weights: {path} takes {shorten(found, 200)}, expected a height and width of 1 to '
            f'{MAX_SIDE}, a variable N or one of 1 to {MAX_BATCH}, and at most {MAX_PIXELS} pixels'
        )
    output = session.get_outputs()[0]
    if output.type not in _FLOATS:
        raise ExtractorError(f'weights: {path} returns {output.type}, expected {_FLOATS[0]}')
