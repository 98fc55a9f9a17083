"""Runs our own networks in onnxruntime on a CPU.

There it takes a third of the processor time of PyTorch (`benchmarks/threads.py`).
"""

from __future__ import annotations

import io
import logging
import warnings

import torch
from torch import nn

from strongsort_ros.packages import is_installed
from strongsort_ros.reid.onnx_engine import CPU, OnnxEngine, load_errors, session_of
from strongsort_ros.reid.weights import Network

_log = logging.getLogger(__name__)


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


def engine_of_network(network: Network, threads: int = 1) -> OnnxEngine | None:
    """Return an engine for one of our networks on the CPU, or None where it cannot be made."""
    if not (is_installed('onnxruntime') and is_installed('onnx')):
        _log.info('the network runs in PyTorch; with onnxruntime and onnx installed it is faster')
        return None
    # RuntimeError: ONNX lacks an operator of a network of timm.
    refused: tuple[type[Exception], ...] = (*load_errors(), RuntimeError)
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
        return OnnxEngine(session_of(model.getvalue(), CPU, threads))
    except refused as error:
        _log.warning('the network runs in PyTorch, slower: onnxruntime refuses it: %s', error)
        return None
