"""BoT ResNet-50: ResNet-50 with a batch normalisation neck.

H. Luo et al., Bag of Tricks and a Strong Baseline for Deep Person Re-Identification, CVPRW 2019.
Parameter names are those of FastReID's files; below `backbone` they are torchvision's.
"""

from __future__ import annotations

import torch
from torch import nn

from strongsort_ros.reid.models.resnest import BLOCKS, EmbeddingHead


class Bottleneck(nn.Module):
    """Convolutions 1x1, 3x3 and 1x1 beside a shortcut (K. He et al., arXiv 1512.03385)."""

    def __init__(self, inputs: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        outputs = 4 * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 4 * channels, H / stride, W / stride)."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """The backbone; its last stage keeps the size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(64, 64, BLOCKS[0], 1)
        self.layer2 = _stage(256, 128, BLOCKS[1], 2)
        self.layer3 = _stage(512, 256, BLOCKS[2], 2)
        self.layer4 = _stage(1024, 512, BLOCKS[3], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2048, H / 16, W / 16) features of (N, 3, H, W) normalised RGB."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))  # type: ignore[no-any-return]


def _stage(inputs: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    others = (Bottleneck(4 * channels, channels) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inputs, channels, stride), *others)


class BotResNet50(nn.Module):
    """FastReID's BoT(R50) without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50()
        self.heads = EmbeddingHead()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2048) embeddings, not of unit length, of (N, 3, 256, 128) normalised RGB."""
        return self.heads(self.backbone(x))  # type: ignore[no-any-return]
