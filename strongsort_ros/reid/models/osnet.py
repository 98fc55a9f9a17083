"""OSNet, a small network for person re-identification with features of several scales.

K. Zhou, Y. Yang, A. Cavallaro, T. Xiang: Omni-Scale Feature Learning for Person
Re-Identification, ICCV 2019 (arXiv 1905.00953). Parameter names are those of torchreid's files.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

# Channels after the stem and after each of the three stages, at width 1.
CHANNELS: Final = (64, 256, 384, 512)
WIDTHS: Final = {
    'osnet_x0_25': 0.25,
    'osnet_x0_5': 0.5,
    'osnet_x0_75': 0.75,
    'osnet_x1_0': 1.0,
}
DIMENSION: Final = 512


class ConvNorm(nn.Module):
    """Convolution and batch normalisation, with or without ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, *, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, outputs, H / stride, W / stride)."""
        return self.relu(self.bn(self.conv(x)))  # type: ignore[no-any-return]


class LightConv(nn.Module):
    """The paper's Lite 3x3: a pointwise, then a depthwise convolution (figure 3b)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, channels, H, W)."""
        return self.relu(self.bn(self.conv2(self.conv1(x))))  # type: ignore[no-any-return]


class ChannelGate(nn.Module):
    """Aggregation gate: a weight in (0, 1) for each channel of each image (section 3.2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, channels // 16, 1)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, channels, H, W): x times its weights."""
        gate = self.fc2(torch.relu(self.fc1(self.pool(x))))
        return x * torch.sigmoid(gate)


class OmniScaleBlock(nn.Module):
    """Streams of one to four Lite 3x3, combined by one shared gate (figure 4)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.conv1 = ConvNorm(inputs, middle)
        self.conv2a = LightConv(middle)
        self.conv2b = nn.Sequential(*(LightConv(middle) for _ in range(2)))
        self.conv2c = nn.Sequential(*(LightConv(middle) for _ in range(3)))
        self.conv2d = nn.Sequential(*(LightConv(middle) for _ in range(4)))
        self.gate = ChannelGate(middle)
        self.conv3 = ConvNorm(middle, outputs, relu=False)
        same = inputs == outputs
        self.downsample = nn.Identity() if same else ConvNorm(inputs, outputs, relu=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, outputs, H, W)."""
        middle = self.conv1(x)
        streams = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
        mixed = sum(self.gate(stream(middle)) for stream in streams)
        return torch.relu(self.conv3(mixed) + self.downsample(x))


def _stage(inputs: int, outputs: int, *, shrink: bool) -> nn.Sequential:
    blocks: list[nn.Module] = [OmniScaleBlock(inputs, outputs), OmniScaleBlock(outputs, outputs)]
    if shrink:
        blocks.append(nn.Sequential(ConvNorm(outputs, outputs), nn.AvgPool2d(2)))
    return nn.Sequential(*blocks)


class OSNet(nn.Module):
    """OSNet without its classifier.

    Parameters
    ----------
    width
        Multiplier of the number of channels: 0.25, 0.5, 0.75 or 1.

    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stem, first, second, third = (int(width * channels) for channels in CHANNELS)
        self.conv1 = ConvNorm(3, stem, 7, 2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.conv2 = _stage(stem, first, shrink=True)
        self.conv3 = _stage(first, second, shrink=True)
        self.conv4 = _stage(second, third, shrink=False)
        self.conv5 = ConvNorm(third, third)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(third, DIMENSION), nn.BatchNorm1d(DIMENSION), nn.ReLU(inplace=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 512) embeddings, not of unit length, of (N, 3, 256, 128) normalised RGB."""
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.conv4(self.conv3(self.conv2(x))))
        return self.fc(self.pool(x).flatten(1))  # type: ignore[no-any-return]
