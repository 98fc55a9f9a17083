"""What runs a network: boxes of an image in, embeddings out, on some device."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from strongsort_ros.appearance.crops import Image

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


class Engine(Protocol):
    """Runs one network on one device."""

    @property
    def name(self) -> str:
        """What runs where, for the log: such as `onnxruntime on cpu`."""
        ...

    def embed(self, image: Image, xyxy: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image; N at least 1."""
        ...

    def warm_up(self, boxes: int) -> None:
        """Run every batch size that occurs with up to `boxes` boxes."""
        ...

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""
        ...


def batches(count: int, sizes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Split `count` boxes into batches of a few fixed sizes.

    Parameters
    ----------
    count
        Number of boxes.
    sizes
        Batch sizes allowed, ascending.

    Yields
    ------
    start, stop, size
        Boxes [start, stop) run as a batch of `size`, the rest of which is padding.

    """
    for start in range(0, count, sizes[-1]):
        stop = min(start + sizes[-1], count)
        yield start, stop, sizes[bisect_left(sizes, stop - start)]
