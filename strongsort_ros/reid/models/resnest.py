"""The BoT network of StrongSORT: ResNeSt-50 with a batch normalisation neck.

ResNeSt: H. Zhang et al., arXiv 2004.08955. BoT: H. Luo et al., Bag of Tricks and a Strong Baseline
for Deep Person Re-Identification, CVPRW 2019. Parameter names are those of FastReID's files.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

BLOCKS: Final = (3, 4, 6, 3)
STEM: Final = 32
DIMENSION: Final = 2048


class SplitAttention(nn.Module):
    """Two parallel 3x3 convolutions, combined channel by channel (section 3.1, radix 2)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        hidden = max(channels // 2, 32)
        self.conv = nn.Conv2d(
            channels, 2 * channels, 3, padding=dilation, dilation=dilation, groups=2, bias=False
        )
        self.bn0 = nn.BatchNorm2d(2 * channels)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.fc2 = nn.Conv2d(hidden, 2 * channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, channels, H, W)."""
        first, second = torch.relu(self.bn0(self.conv(x))).chunk(2, dim=1)
        gap = (first + second).mean(dim=(2, 3), keepdim=True)
        one, other = self.fc2(torch.relu(self.bn1(self.fc1(gap)))).chunk(2, dim=1)
        # The softmax of two values is the logistic function of their difference.
        share = torch.sigmoid(one - other)
        return share * first + (1 - share) * second


class Bottleneck(nn.Module):
    """Residual block that downsamples, if it does, by averaging after the 3x3 convolution."""

    def __init__(
        self, inputs: int, channels: int, stride: int = 1, dilation: int = 1, *, average: bool
    ) -> None:
        super().__init__()
        outputs = 4 * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = SplitAttention(channels, dilation)
        self.average = nn.AvgPool2d(3, stride, padding=1) if average else nn.Identity()
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 4 * channels, H / stride, W / stride)."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.average(self.conv2(y))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def _stage(
    inputs: int, channels: int, blocks: int, stride: int, dilation: int, *, average: bool
) -> nn.Sequential:
    """Return a stage, whose first block downsamples and is never dilated."""
    first = Bottleneck(inputs, channels, stride, average=average)
    others = (
        Bottleneck(4 * channels, channels, dilation=dilation, average=False)
        for _ in range(blocks - 1)
    )
    return nn.Sequential(first, *others)


class ResNeSt50(nn.Module):
    """The backbone of FastReID; its last stage keeps the size and is dilated.

    Parameters
    ----------
    last_stride
        Stride of the last stage: 1 in BoT, 2 in the ResNeSt paper.

    """

    def __init__(self, last_stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, STEM, 3, 2, 1, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(inplace=True),
            nn.Conv2d(STEM, STEM, 3, 1, 1, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(inplace=True),
            nn.Conv2d(STEM, 2 * STEM, 3, 1, 1, bias=False),
        )
        self.bn1 = nn.BatchNorm2d(2 * STEM)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        dilation = 2 if last_stride == 1 else 1
        self.layer1 = _stage(2 * STEM, 64, BLOCKS[0], 1, 1, average=False)
        self.layer2 = _stage(256, 128, BLOCKS[1], 2, 1, average=True)
        self.layer3 = _stage(512, 256, BLOCKS[2], 2, 1, average=True)
        self.layer4 = _stage(1024, 512, BLOCKS[3], last_stride, dilation, average=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2048, H / 16, W / 16) features of (N, 3, H, W) normalised RGB."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))  # type: ignore[no-any-return]


class EmbeddingHead(nn.Module):
    """Average over the image and the BN neck, as FastReID returns it at inference."""

    def __init__(self) -> None:
        super().__init__()
        self.bottleneck = nn.Sequential(nn.BatchNorm2d(DIMENSION))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2048)."""
        return self.bottleneck(x.mean(dim=(2, 3), keepdim=True)).flatten(1)  # type: ignore[no-any-return]


class BotResNeSt50(nn.Module):
    """FastReID's BoT(S50) without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNeSt50()
        self.heads = EmbeddingHead()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2048) embeddings, not of unit length, of (N, 3, 256, 128) normalised RGB."""
        return self.heads(self.backbone(x))  # type: ignore[no-any-return]
