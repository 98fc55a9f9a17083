"""AFLink's published network in use: the same numbers, with each calculation done once.

Normalisations are part of the convolutions. The columns, frame, x and y, meet only behind the
convolutions over time, and in many pairs a column is the same: it is convolved once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import conv2d

from strongsort_ros.refinement.aflink.candidates import CameraPath, Tracklets, pair_rows
from strongsort_ros.refinement.aflink.model import FusionBlock, PostLinker, TemporalBlock
from strongsort_ros.refinement.settings import LinkWindow
from strongsort_ros.reid.weights import fit
from strongsort_ros.types import FloatArray, IntArray

# Pairs at once: what they take on their way through fits a processor's cache.
_BATCH: Final = 256

Layer = tuple[torch.Tensor, torch.Tensor]
"""Weights (outputs, inputs, 1, width) and bias of a convolution with ReLU behind it."""


class PublishedLinker:
    """What the published program says of pairs of tracklets.

    Parameters
    ----------
    network
        Copied; changes to it later do not count.

    """

    window: Final = LinkWindow(min_gap=0, max_gap=30, max_distance=75.0, max_cost=0.05)
    most_links: Final = True

    def __init__(self, network: PostLinker) -> None:
        self._earlier = _Branch(network.TemporalModule_1, network.FusionBlock_1)
        self._later = _Branch(network.TemporalModule_2, network.FusionBlock_2)
        self._classifier = copy.deepcopy(network.classifier)

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""
        costs = np.empty(len(earlier))
        for start in range(0, len(earlier), _BATCH):
            part = slice(start, start + _BATCH)
            costs[part] = self.score(*pair_rows(tracklets, earlier[part], later[part], camera))
        return costs

    @torch.inference_mode()
    def score(
        self, earlier: npt.NDArray[np.float32], later: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Return (K,) 1 - P(same object) of two (K, 30, 3) normalised rows: frame, x, y."""
        features = torch.cat([self._earlier(earlier), self._later(later)], dim=1)
        same = torch.softmax(self._classifier(features), dim=1)[:, 1]
        costs: npt.NDArray[np.float32] = (1 - same).numpy()
        return costs


def linker_of(parameters: Mapping[str, Any], path: Path) -> PublishedLinker:
    """Return the linker of parameters, arrays or tensors, that were read from a file.

    Raises
    ------
    ExtractorError
        They belong to another network; the message names the file and what does not fit.

    """
    network = PostLinker()
    fit(network, parameters, path)
    return PublishedLinker(network.eval())


class _Branch:
    """Features of a tracklet: a stack of convolutions for each column, and one over all three."""

    def __init__(self, temporal: nn.Sequential, fusion: FusionBlock) -> None:
        blocks = [block for block in temporal if isinstance(block, TemporalBlock)]
        self._columns = [
            [_folded(block.conv.weight.transpose(2, 3), norm) for block, norm in stack]
            for stack in (
                [(block, block.bnf) for block in blocks],
                [(block, block.bnx) for block in blocks],
                [(block, block.bny) for block in blocks],
            )
        ]
        # The columns come as channels, one behind the other.
        weight = fusion.conv.weight.permute(0, 3, 1, 2).flatten(1, 2)[..., None]
        self._fusion = _folded(weight, fusion.bn)

    def __call__(self, rows: npt.NDArray[np.float32]) -> torch.Tensor:
        """Return (K, 256) of (K, 30, 3)."""
        columns = [_convolved(rows[..., i], stack) for i, stack in enumerate(self._columns)]
        together = torch.cat(columns, dim=3).permute(0, 3, 1, 2)
        return conv2d(together, *self._fusion).relu_().mean(dim=(2, 3))


def _folded(weight: torch.Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Layer:
    """Return a convolution that does what it and the trained normalisation behind it do."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    bias = norm.bias - norm.running_mean * scale
    folded = (weight * scale[:, None, None, None]).detach()
    # Channels last is the order in which convolutions are fastest on a CPU.
    return folded.contiguous(memory_format=torch.channels_last), bias.detach()


def _convolved(column: npt.NDArray[np.float32], layers: list[Layer]) -> torch.Tensor:
    """Return (K, 1, 6, 256) of (K, 30)."""
    column = np.ascontiguousarray(column)
    as_bytes = column.view(np.dtype((np.void, column.itemsize * column.shape[1])))[:, 0]
    _, first, place = np.unique(as_bytes, return_index=True, return_inverse=True)
    x = torch.from_numpy(column[first])[:, None, None]
    for weight, bias in layers:
        x = conv2d(x, weight, bias).relu_().contiguous(memory_format=torch.channels_last)
    return x.permute(0, 2, 3, 1)[torch.from_numpy(place)]
