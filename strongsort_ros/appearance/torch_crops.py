"""Cuts boxes out of an image with PyTorch, on any device; the convention is that of `crops`."""

from __future__ import annotations

import torch

from strongsort_ros.appearance.crops import Size


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
