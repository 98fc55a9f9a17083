"""AFLink's published network: the layers for training, and a faster form for inference.

Y. Du et al.: StrongSORT: Make DeepSORT Great Again, arXiv 2202.13514, section 3.3 and figure 4.
Parameters have the names of the published checkpoint. Inference gives the same results: batch
normalisations are folded into the convolutions, and a column (frame, x or y) that occurs in many
pairs is convolved once, as columns are combined only after the convolutions over time.
"""

from __future__ import annotations

import copy
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import conv2d

from strongsort_ros.refinement.aflink.candidates import CameraPath, Tracklets, pair_rows
from strongsort_ros.refinement.settings import LinkWindow
from strongsort_ros.types import FloatArray, IntArray

# Pairs per batch, whose intermediate results fit a processor's cache.
_BATCH: Final = 256

Layer = tuple[torch.Tensor, torch.Tensor]
"""Weights (outputs, inputs, 1, width) and bias of a convolution that ReLU follows."""


class TemporalBlock(nn.Module):
    """Convolution over 7 rows with separate batch normalisations of frame, x and y."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (7, 1), bias=False)
        self.bnf = nn.BatchNorm1d(outputs)
        self.bnx = nn.BatchNorm1d(outputs)
        self.bny = nn.BatchNorm1d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (3, N, outputs, T - 6) of (3, N, inputs, T): frame, x and y."""
        # A 1-D convolution over rows serves the three columns; faster than a 2-D one.
        y = nn.functional.conv1d(x.flatten(0, 1), self.conv.weight[..., 0])
        columns = y.view(*x.shape[:2], *y.shape[1:])
        norms = (self.bnf, self.bnx, self.bny)
        normed = [norm(column) for norm, column in zip(norms, columns, strict=True)]
        return torch.relu(torch.stack(normed))


class FusionBlock(nn.Module):
    """Convolution that combines the three columns."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (1, 3), bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, channels, T, 1) of (3, N, channels, T)."""
        return torch.relu(self.bn(self.conv(x.permute(1, 2, 3, 0))))


class Classifier(nn.Module):
    """Two linear layers on the features of both tracklets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * channels, channels // 2)
        self.fc2 = nn.Linear(channels // 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2) logits of (N, 2 channels)."""
        return self.fc2(torch.relu(self.fc1(x)))  # type: ignore[no-any-return]


class PostLinker(nn.Module):
    """AFLink's network: a branch for the earlier tracklet and one for the later."""

    def __init__(self) -> None:
        super().__init__()
        self.TemporalModule_1 = _temporal_module()
        self.TemporalModule_2 = _temporal_module()
        self.FusionBlock_1 = FusionBlock(256)
        self.FusionBlock_2 = FusionBlock(256)
        self.classifier = Classifier(256)

    def forward(self, earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        """Return (N, 2) logits (different, same) of two normalised inputs (N, 30, 3)."""
        earlier, later = (x.permute(2, 0, 1)[:, :, None] for x in (earlier, later))
        first = self.FusionBlock_1(self.TemporalModule_1(earlier)).mean(dim=(2, 3))
        second = self.FusionBlock_2(self.TemporalModule_2(later)).mean(dim=(2, 3))
        return self.classifier(torch.cat([first, second], dim=1))  # type: ignore[no-any-return]


def _temporal_module() -> nn.Sequential:
    channels = (1, 32, 64, 128, 256)
    return nn.Sequential(*map(TemporalBlock, channels[:-1], channels[1:]))


class PublishedLinker:
    """Published network for inference.

    Parameters
    ----------
    network
        Network in evaluation mode; its parameters are copied.

    """

    window: Final = LinkWindow(min_gap=0, max_gap=30, max_distance=75.0, max_cost=0.05)
    prefer_more_links: Final = True

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
        """Return (K,) 1 - P(same object) of two normalised inputs (K, 30, 3) of frame, x, y."""
        features = torch.cat([self._earlier(earlier), self._later(later)], dim=1)
        same = torch.softmax(self._classifier(features), dim=1)[:, 1]
        costs: npt.NDArray[np.float32] = (1 - same).numpy()
        return costs


class _Branch:
    """Features of a tracklet: convolutions of each column, then one over all three."""

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
        # The columns are concatenated as channels.
        weight = fusion.conv.weight.permute(0, 3, 1, 2).flatten(1, 2)[..., None]
        self._fusion = _folded(weight, fusion.bn)

    def __call__(self, rows: npt.NDArray[np.float32]) -> torch.Tensor:
        """Return (K, 256) features of (K, 30, 3) rows."""
        columns = [_convolved(rows[..., i], stack) for i, stack in enumerate(self._columns)]
        together = torch.cat(columns, dim=3).permute(0, 3, 1, 2)
        return conv2d(together, *self._fusion).relu_().mean(dim=(2, 3))


def _folded(weight: torch.Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Layer:
    """Return a convolution with the batch normalisation that follows it folded in."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    bias = norm.bias - norm.running_mean * scale
    folded = (weight * scale[:, None, None, None]).detach()
    # Convolutions on a CPU are fastest with channels last.
    return folded.contiguous(memory_format=torch.channels_last), bias.detach()


def _convolved(column: npt.NDArray[np.float32], layers: list[Layer]) -> torch.Tensor:
    """Return (K, 1, 6, 256) features of a column (K, 30), each distinct row convolved once."""
    column = np.ascontiguousarray(column)
    as_bytes = column.view(np.dtype((np.void, column.itemsize * column.shape[1])))[:, 0]
    _, first, place = np.unique(as_bytes, return_index=True, return_inverse=True)
    x = torch.from_numpy(column[first])[:, None, None]
    for weight, bias in layers:
        x = conv2d(x, weight, bias).relu_().contiguous(memory_format=torch.channels_last)
    return x.permute(0, 2, 3, 1)[torch.from_numpy(place)]
