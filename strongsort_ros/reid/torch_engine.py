"""Run a network in PyTorch, on a GPU or a CPU."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.backends import cudnn
from torch.fx.experimental.optimization import fuse

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.crops import crop_with_opencv
from strongsort_ros.reid.interfaces import batches
from strongsort_ros.reid.models import Network
from strongsort_ros.types import Float32Array, Image, IntArray

_log = logging.getLogger(__name__)

GPU_BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128)
# On a CPU padding costs as much as boxes, and small batches stay in the cache.
CPU_BATCH_SIZES: Final = (1, 2, 3, 4)
# Texts of device failures that PyTorch raises as a plain RuntimeError, as it does for wrong shapes,
# types and arguments.
_DEVICE_FAILURE: Final = re.compile('CUDA|cuDNN|CUBLAS|NVRTC|out of memory|DefaultCPUAllocator')


def choose_device(device: str) -> torch.device:
    """Return the PyTorch device for 'auto', 'cpu', 'cuda' or 'cuda:N'.

    Raises
    ------
    ExtractorError
        PyTorch does not see that GPU.

    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == 'auto':
        return torch.device('cuda:0' if gpus else 'cpu')
    if device == 'cpu':
        return torch.device('cpu')
    index = int(device.partition(':')[2] or 0)
    if index >= gpus:
        raise ExtractorError(
            f'device: {device!r} requested, but PyTorch {torch.__version__} sees {gpus} GPUs; '
            "check the driver and that PyTorch is a CUDA build, or use 'auto' or 'cpu'"
        )
    return torch.device('cuda', index)


class TorchEngine:
    """Cuts out the boxes of an image and embeds them in batches of a few fixed sizes.

    The image is copied to the device once, as bytes; crops are made, normalised and embedded there.

    Parameters
    ----------
    network
        The network; the engine works on a copy.
    device
        Any PyTorch device.
    dtype
        Type of the network's arithmetic; None: float16 on a GPU, float32 on a CPU.
    batch_sizes
        Ascending; None: the device's default.
    crop_on_device
        Crop with PyTorch on the device; None: on a GPU only, as OpenCV is faster on a CPU.

    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        *,
        dtype: torch.dtype | None = None,
        batch_sizes: tuple[int, ...] | None = None,
        crop_on_device: bool | None = None,
    ) -> None:
        on_gpu = device.type == 'cuda'
        self.device = device
        self.dtype = dtype or (torch.float16 if on_gpu else torch.float32)
        self.batch_sizes = batch_sizes or (GPU_BATCH_SIZES if on_gpu else CPU_BATCH_SIZES)
        self._crop_on_device = on_gpu if crop_on_device is None else crop_on_device
        self._size = network.size
        self._mean = 255 * torch.tensor(network.mean, device=device).view(1, 3, 1, 1)
        self._scale = 1 / (255 * torch.tensor(network.std, device=device).view(1, 3, 1, 1))
        module = _fused(network.module).to(device, self.dtype)
        self._module: nn.Module
        self._module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graphs: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {}
        self._staging = torch.empty(0, dtype=torch.uint8)

    @property
    def name(self) -> str:
        """Library, device and type, such as `PyTorch on cuda:0, float16`."""
        return f'PyTorch on {self.device}, {str(self.dtype).removeprefix("torch.")}'

    @torch.inference_mode()
    def embed(self, image: Image, xyxy: IntArray) -> Float32Array:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image."""
        source = self.upload(image)
        parts = []
        for start, stop, size in batches(len(xyxy), self.batch_sizes):
            # Padding repeats boxes, so that the network gets ordinary input.
            chosen = np.resize(np.arange(start, stop), size)
            parts.append(self.run(self.crop(source, xyxy[chosen]))[: stop - start])
        return self.download(parts)

    def warm_up(self, boxes: int) -> None:
        """Run, and on a GPU record, every batch size that occurs with up to `boxes` boxes."""
        image = np.zeros((*self._size, 3), dtype=np.uint8)
        box = np.array([[0, 0, self._size[1], self._size[0]]])
        needed = {size for n in range(1, boxes + 1) for *_, size in batches(n, self.batch_sizes)}
        for size in sorted(needed):
            self.embed(image, np.repeat(box, size, axis=0))

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""
        # PyTorch raises NotImplementedError for operators that a device lacks.
        kinds = (MemoryError, NotImplementedError, torch.OutOfMemoryError)
        return isinstance(error, kinds) or (
            isinstance(error, RuntimeError) and _DEVICE_FAILURE.search(str(error)) is not None
        )

    def upload(self, image: Image) -> torch.Tensor | Image:
        """Copy the image to the device, (H, W, 3) uint8; return it unchanged if OpenCV crops it."""
        if not self._crop_on_device:
            return image
        if self._staging.shape != image.shape:
            pinned = self.device.type == 'cuda'
            self._staging = torch.empty(image.shape, dtype=torch.uint8, pin_memory=pinned)
        # The previous image is no longer needed: its embeddings have been downloaded.
        np.copyto(self._staging.numpy(), image)
        return self._staging.to(self.device, non_blocking=True)

    def crop(self, source: torch.Tensor | Image, xyxy: IntArray) -> torch.Tensor:
        """Return (N, 3, height, width) normalised RGB crops on the device, channels last."""
        if isinstance(source, torch.Tensor):
            boxes = torch.from_numpy(xyxy.astype(np.float32)).to(self.device, non_blocking=True)
            crops = crop_with_torch(source, boxes, self._size)
        else:
            found = torch.from_numpy(crop_with_opencv(source, xyxy, self._size))
            crops = found.to(self.device).permute(0, 3, 1, 2)
        normalised = (crops.flip(1) - self._mean) * self._scale
        return normalised.to(self.dtype, memory_format=torch.channels_last)

    def run(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the (N, D) embeddings of crops, on the device."""
        if self.device.type != 'cuda':
            return self._module(crops)  # type: ignore[no-any-return]
        if len(crops) not in self._graphs:
            self._graphs[len(crops)] = self._record(crops)
        return self._graphs[len(crops)](crops)

    def _record(self, crops: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        try:
            return _recorded(self._module, crops)
        except RuntimeError as error:
            # A timm network may synchronise with the device, which a graph does not allow.
            _log.warning(
                'batches of %d run without a CUDA graph, which is slower: %s', len(crops), error
            )
            return self._module

    def download(self, parts: list[torch.Tensor]) -> Float32Array:
        """Wait for the device and return the embeddings as one array."""
        embeddings: Float32Array = torch.cat(parts).to('cpu', torch.float32).numpy()
        return embeddings


def crop_with_torch(image: torch.Tensor, xyxy: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return (N, 3, height, width) float32 crops, pixels in [0, 255].

    They differ from OpenCV's only by its rounding to whole numbers.

    Parameters
    ----------
    image
        (H, W, 3) uint8, on any device.
    xyxy
        (N, 4) whole numbers, on the same device.
    size
        Height and width of the crops.

    """
    height, width = image.shape[:2]
    corners = xyxy.to(torch.float32)
    x = _sample_points(corners[:, 0], corners[:, 2], size[1])
    y = _sample_points(corners[:, 1], corners[:, 3], size[0])
    # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
    x, y = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
    shape = (len(xyxy), *size)
    grid = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], dim=-1)
    # All crops as one tall image: the source is then read in place, not copied once per box.
    planes = image.permute(2, 0, 1).unsqueeze(0).to(torch.float32)
    tall = torch.nn.functional.grid_sample(
        planes, grid.flatten(0, 1).unsqueeze(0), padding_mode='border', align_corners=False
    )
    return tall.view(3, len(xyxy), *size).transpose(0, 1)


def _sample_points(low: torch.Tensor, high: torch.Tensor, count: int) -> torch.Tensor:
    """Return (N, count) positions, in pixels, at the centres of `count` equal parts of a side."""
    length = (high - low)[:, None]
    steps = (torch.arange(count, device=low.device, dtype=torch.float32) + 0.5) / count
    inside = torch.minimum((steps * length - 0.5).clamp(min=0), length - 1)
    return low[:, None] + inside


def _fused(module: nn.Module) -> nn.Module:
    """Return a copy whose batch normalisations are folded into the convolutions before them."""
    try:
        fused: nn.Module = fuse(module)
    except (torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError) as error:
        # A timm network may branch on its input, which cannot be traced.
        _log.debug('batch normalisation is not folded: %s', error)
        return copy.deepcopy(module)
    return fused


def _recorded(module: nn.Module, example: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return `module` as a CUDA graph for one input shape.

    A small network consists of a few hundred tiny kernels, which take longer to launch one by one
    than to run.
    """
    static_input = example.clone(memory_format=torch.preserve_format)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(example.device), cudnn.flags(enabled=True, benchmark=True):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            # cuDNN must choose its algorithms before the recording.
            for _ in range(3):
                module(static_input)
        torch.cuda.current_stream().wait_stream(stream)
        # Other threads of the process may use the GPU during the recording.
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            static_output = module(static_input)

    def replay(crops: torch.Tensor) -> torch.Tensor:
        static_input.copy_(crops)
        graph.replay()
        # A copy, as the next batch overwrites the output of the graph.
        return static_output.clone()  # type: ignore[no-any-return]

    return replay
