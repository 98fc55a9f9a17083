"""Runs a network in PyTorch: made for GPUs, and the same code on a CPU."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.backends import cudnn
from torch.fx.experimental.optimization import fuse

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.crops import cut_with_opencv
from strongsort_ros.reid.interfaces import batches
from strongsort_ros.reid.weights import Network
from strongsort_ros.types import Image, Size


def cut_with_torch(image: torch.Tensor, xyxy: torch.Tensor, size: Size) -> torch.Tensor:
    """Return (N, 3, height, width) float32 cuts, pixels in [0, 255]; the same as OpenCV's but
    for its rounding to whole numbers.

    Parameters
    ----------
    image
        (H, W, 3) uint8, on any device.
    xyxy
        (N, 4) whole numbers, on the same device.
    size
        Height and width of the cuts.

    """  # noqa: D205
    height, width = image.shape[:2]
    corners = xyxy.to(torch.float32)
    x = _sample_points(corners[:, 0], corners[:, 2], size[1])
    y = _sample_points(corners[:, 1], corners[:, 3], size[0])
    # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
    x, y = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
    shape = (len(xyxy), *size)
    grid = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], dim=-1)
    # All cuts as one tall picture: the image is then read in place, never once a box.
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


_log = logging.getLogger(__name__)

GPU_BATCHES: Final = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128)
# A CPU gains nothing from padding, and small batches stay in its cache.
CPU_BATCHES: Final = (1, 2, 3, 4)
# Failures that PyTorch raises as a plain RuntimeError; those of its other mistakes name shapes,
# types or arguments.
_DEVICE_FAILURE: Final = re.compile('CUDA|cuDNN|CUBLAS|NVRTC|out of memory|DefaultCPUAllocator')


def choose_device(device: str) -> torch.device:
    """Return the device meant by 'auto', 'cpu', 'cuda' or 'cuda:N'.

    Raises
    ------
    ExtractorError
        There is no such GPU.

    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == 'auto':
        return torch.device('cuda:0' if gpus else 'cpu')
    if device == 'cpu':
        return torch.device('cpu')
    index = int(device.partition(':')[2] or 0)
    if index >= gpus:
        raise ExtractorError(
            f'device: {device!r} asked for, but PyTorch {torch.__version__} sees {gpus} GPUs: '
            "check the driver and that PyTorch is a CUDA build, or use 'auto' or 'cpu'"
        )
    return torch.device('cuda', index)


class TorchEngine:
    """Cuts, resizes and embeds the boxes of an image in batches of a few fixed sizes.

    The image goes to the device once, as bytes; cutting, normalising and the network run there.

    Parameters
    ----------
    network
        Left as it is: the engine works on a copy.
    device
        Any PyTorch device.
    dtype
        Of the network's arithmetic; None: float16 on a GPU, float32 on a CPU.
    sizes
        Batch sizes, ascending; None: the device's default.
    cut_on_device
        Cut with PyTorch on the device; None: on a GPU only, OpenCV is faster on a CPU.

    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        *,
        dtype: torch.dtype | None = None,
        sizes: tuple[int, ...] | None = None,
        cut_on_device: bool | None = None,
    ) -> None:
        on_gpu = device.type == 'cuda'
        self.device = device
        self.dtype = dtype or (torch.float16 if on_gpu else torch.float32)
        self.sizes = sizes or (GPU_BATCHES if on_gpu else CPU_BATCHES)
        self._cut_on_device = on_gpu if cut_on_device is None else cut_on_device
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
        """What runs where."""
        return f'PyTorch on {self.device}, {str(self.dtype).removeprefix("torch.")}'

    @torch.inference_mode()
    def embed(self, image: Image, xyxy: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image."""
        source = self.upload(image)
        parts = []
        for start, stop, size in batches(len(xyxy), self.sizes):
            # Padding repeats a box: real pixels, and no branch for it anywhere.
            chosen = np.resize(np.arange(start, stop), size)
            parts.append(self.run(self.cut(source, xyxy[chosen]))[: stop - start])
        return self.download(parts)

    def warm_up(self, boxes: int) -> None:
        """Run, and on a GPU record, every batch size that occurs with up to `boxes` boxes."""
        image = np.zeros((*self._size, 3), dtype=np.uint8)
        box = np.array([[0, 0, self._size[1], self._size[0]]])
        needed = {size for n in range(1, boxes + 1) for *_, size in batches(n, self.sizes)}
        for size in sorted(needed):
            self.embed(image, np.repeat(box, size, axis=0))

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""
        # PyTorch raises NotImplementedError for what a device cannot do.
        kinds = (MemoryError, NotImplementedError, torch.OutOfMemoryError)
        return isinstance(error, kinds) or (
            isinstance(error, RuntimeError) and _DEVICE_FAILURE.search(str(error)) is not None
        )

    def upload(self, image: Image) -> torch.Tensor | Image:
        """Return the image on the device, (H, W, 3) uint8, or itself where it is cut here."""
        if not self._cut_on_device:
            return image
        if self._staging.shape != image.shape:
            pinned = self.device.type == 'cuda'
            self._staging = torch.empty(image.shape, dtype=torch.uint8, pin_memory=pinned)
        # Safe to overwrite: the previous image's embeddings have come back.
        np.copyto(self._staging.numpy(), image)
        return self._staging.to(self.device, non_blocking=True)

    def cut(self, source: torch.Tensor | Image, xyxy: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return (N, 3, height, width) normalised RGB cuts on the device, channels last."""
        if isinstance(source, torch.Tensor):
            boxes = torch.from_numpy(xyxy.astype(np.float32)).to(self.device, non_blocking=True)
            cuts = cut_with_torch(source, boxes, self._size)
        else:
            found = torch.from_numpy(cut_with_opencv(source, xyxy, self._size))
            cuts = found.to(self.device).permute(0, 3, 1, 2)
        normalised = (cuts.flip(1) - self._mean) * self._scale
        return normalised.to(self.dtype, memory_format=torch.channels_last)

    def run(self, cuts: torch.Tensor) -> torch.Tensor:
        """Return (N, D) embeddings on the device."""
        if self.device.type != 'cuda':
            return self._module(cuts)  # type: ignore[no-any-return]
        if len(cuts) not in self._graphs:
            self._graphs[len(cuts)] = self._record(cuts)
        return self._graphs[len(cuts)](cuts)

    def _record(self, cuts: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        try:
            return _recorded(self._module, cuts)
        except RuntimeError as error:
            # A network of timm may wait for the device, which no graph can.
            _log.warning('batches of %d run slower, without a CUDA graph: %s', len(cuts), error)
            return self._module

    def download(self, parts: list[torch.Tensor]) -> npt.NDArray[np.float32]:
        """Return embeddings as one array; waits for the device."""
        embeddings: npt.NDArray[np.float32] = torch.cat(parts).to('cpu', torch.float32).numpy()
        return embeddings


def _fused(module: nn.Module) -> nn.Module:
    """Return a copy in which convolutions have swallowed the batch normalisation behind them."""
    try:
        fused: nn.Module = fuse(module)
    except (torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError) as error:
        # A network of timm may branch on its input; it runs as it is.
        _log.debug('batch normalisation is left as it is: %s', error)
        return copy.deepcopy(module)
    return fused


def _recorded(module: nn.Module, example: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return `module` as a CUDA graph for one input shape.

    A small network is a few hundred tiny kernels: launching them one by one takes longer than
    running them.
    """
    static_input = example.clone(memory_format=torch.preserve_format)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(example.device), cudnn.flags(enabled=True, benchmark=True):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            # cuDNN tries its algorithms before the recording, never in it.
            for _ in range(3):
                module(static_input)
        torch.cuda.current_stream().wait_stream(stream)
        # The other threads of the process may use the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            static_output = module(static_input)

    def replay(cuts: torch.Tensor) -> torch.Tensor:
        static_input.copy_(cuts)
        graph.replay()
        # Of its own: the next batch overwrites the recorded one.
        return static_output.clone()  # type: ignore[no-any-return]

    return replay
