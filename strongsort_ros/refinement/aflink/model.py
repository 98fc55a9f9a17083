"""AFLink's network as published: says whether one tracklet goes on in another.

Y. Du et al.: StrongSORT: Make DeepSORT Great Again, arXiv 2202.13514, section 3.3 and figure 4.
Parameters bear the names of the published checkpoint. This is the form that is trained;
`aflink_published` puts it together for use.
"""

from __future__ import annotations

import torch
from torch import nn


class TemporalBlock(nn.Module):
    """Convolution over 7 rows, and batch normalisation of frame, x and y each by its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (7, 1), bias=False)
        self.bnf = nn.BatchNorm1d(outputs)
        self.bnx = nn.BatchNorm1d(outputs)
        self.bny = nn.BatchNorm1d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (3, N, outputs, T - 6) of (3, N, inputs, T): frame, x and y."""
        # One convolution over rows serves the three columns; faster than one over an image.
        y = nn.functional.conv1d(x.flatten(0, 1), self.conv.weight[..., 0])
        columns = y.view(*x.shape[:2], *y.shape[1:])
        norms = (self.bnf, self.bnx, self.bny)
        normed = [norm(column) for norm, column in zip(norms, columns, strict=True)]
        return torch.relu(torch.stack(normed))


class FusionBlock(nn.Module):
    """Convolution that brings the three columns together."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (1, 3), bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, channels, T, 1) of (3, N, channels, T)."""
        return torch.relu(self.bn(self.conv(x.permute(1, 2, 3, 0))))


class Classifier(nn.Module):
    """Two layers on the features of both tracklets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * channels, channels // 2)
        self.fc2 = nn.Linear(channels // 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2) logits of (N, 2 channels)."""
        return self.fc2(torch.relu(self.fc1(x)))  # type: ignore[no-any-return]


class PostLinker(nn.Module):
    """The network of AFLink: a branch for the earlier tracklet, one for the later."""

    def __init__(self) -> None:
        super().__init__()
        self.TemporalModule_1 = _temporal_module()
        self.TemporalModule_2 = _temporal_module()
        self.FusionBlock_1 = FusionBlock(256)
        self.FusionBlock_2 = FusionBlock(256)
        self.classifier = Classifier(256)

    def forward(self, earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        """Return (N, 2) logits (other, same) of two (N, 30, 3), normalised."""
        earlier, later = (x.permute(2, 0, 1)[:, :, None] for x in (earlier, later))
        first = self.FusionBlock_1(self.TemporalModule_1(earlier)).mean(dim=(2, 3))
        second = self.FusionBlock_2(self.TemporalModule_2(later)).mean(dim=(2, 3))
        return self.classifier(torch.cat([first, second], dim=1))  # type: ignore[no-any-return]


def _temporal_module() -> nn.Sequential:
    channels = (1, 32, 64, 128, 256)
    return nn.Sequential(*map(TemporalBlock, channels[:-1], channels[1:]))
