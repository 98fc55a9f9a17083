"""Runs a network in onnxruntime: ONNX files, and our own networks on a CPU.

onnxruntime keeps its buffers and lays channels out in blocks: on a CPU it is several times as
fast as PyTorch on networks of many small layers.
"""

from __future__ import annotations

import io
import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from strongsort_ros.appearance.crops import Image, Size, cut_with_opencv
from strongsort_ros.appearance.engine import batches
from strongsort_ros.appearance.weights import IMAGENET_MEAN, IMAGENET_STD, Network
from strongsort_ros.errors import ExtractorError

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger(__name__)

# Four cuts and their features stay in the cache: measured faster than all boxes at once.
CHUNK: Final = 4


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

    @property
    def size(self) -> Size:
        """Height and width of the cuts."""
        return self._size

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
        return result.reshape(len(cuts), -1)


class _FromBytes(nn.Module):
    """A network with its normalisation in front, for (N, H, W, 3) uint8 BGR."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.module
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer('mean', 255 * torch.tensor(network.mean).view(1, 3, 1, 1))
        self.register_buffer('scale', 1 / (255 * torch.tensor(network.std).view(1, 3, 1, 1)))

    def forward(self, cuts: torch.Tensor) -> torch.Tensor:
        rgb = cuts.permute(0, 3, 1, 2).flip(1).to(torch.float32)
        return self.network((rgb - self.mean) * self.scale)  # type: ignore[no-any-return]


def engine_of_network(network: Network) -> OnnxEngine | None:
    """Return an engine for one of our networks on the CPU, or None where it cannot be made."""
    if find_spec('onnxruntime') is None or find_spec('onnx') is None:
        _log.info('the network runs in PyTorch: onnxruntime and onnx make it several times faster')
        return None
    model, example = io.BytesIO(), torch.zeros(2, *network.size, 3, dtype=torch.uint8)
    try:
        with warnings.catch_warnings():
            # The tracing exporter is the one that needs no further package.
            warnings.simplefilter('ignore')
            torch.onnx.export(
                _FromBytes(network).eval(),
                (example,),
                model,  # type: ignore[arg-type]  # a file object will do without dynamo
                dynamo=False,
                input_names=['cuts'],
                output_names=['embeddings'],
                dynamic_axes={'cuts': {0: 'n'}, 'embeddings': {0: 'n'}},
            )
        return OnnxEngine(_session(model.getvalue(), 'CPUExecutionProvider'))
    except Exception as error:  # whatever: PyTorch itself runs the network as well
        _log.warning('the network runs in PyTorch, slower: onnxruntime refuses it: %s', error)
        return None


def engine_of_file(path: Path, device: torch.device) -> OnnxEngine:
    """Return an engine for an ONNX file.

    Raises
    ------
    ExtractorError
        onnxruntime is missing, cannot use the device, or the file is not such a model.

    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtractorError(
            f'weights: {path} needs onnxruntime: pip install onnxruntime (or onnxruntime-gpu)'
        ) from error
    provider = 'CUDAExecutionProvider' if device.type == 'cuda' else 'CPUExecutionProvider'
    if provider not in onnxruntime.get_available_providers():
        raise ExtractorError(
            f'device: {device} asked for, but this onnxruntime has no {provider}: '
            'pip install onnxruntime-gpu, or use device cpu'
        )
    try:
        session = _session(str(path), provider)
    except Exception as error:  # onnxruntime's errors have no public base
        reason = str(error).splitlines()[0]
        raise ExtractorError(f'weights: {path} is not an ONNX model: {reason}') from error
    _check_inputs(session, path)
    return OnnxEngine(session)


def _check_inputs(session: onnxruntime.InferenceSession, path: Path) -> None:
    inputs = session.get_inputs()
    found = ', '.join(f'{node.name} {node.type} {node.shape}' for node in inputs)
    fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type == 'tensor(float)'
    _, channels, *size = inputs[0].shape if fits else (0, 0)
    if channels != 3 or not all(isinstance(side, int) for side in size):
        raise ExtractorError(
            f'weights: {path} takes {found}: expected one tensor(float) [N, 3, height, width]'
        )


def _session(model: str | bytes, provider: str) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    providers = [provider] if provider.startswith('CPU') else [provider, 'CPUExecutionProvider']
    return onnxruntime.InferenceSession(model, options, providers=providers)
