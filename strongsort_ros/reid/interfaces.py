"""Interfaces of feature extractors and of engines, and the cards of known networks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from strongsort_ros.types import Float32Array, FloatArray, Image, IntArray

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """Facts about a network that the tracker and its user need.

    Attributes
    ----------
    name
        Name of the network, such as `osnet_x0_25`.
    dimension
        Length of its embeddings.
    max_cosine_distance
        Threshold measured for it; used where the setting of that name is `auto`.
    source
        Origin of the weights, and what the licence of their training data allows.
    threshold_source
        Data on which `max_cosine_distance` was measured, or `not measured`.

    """

    name: str
    dimension: int
    max_cosine_distance: float
    source: str = ''
    threshold_source: str = 'not measured'


class Extractor(Protocol):
    """Turns the boxes of an image into embeddings."""

    @property
    def card(self) -> NetworkCard:
        """The network's card."""

    @property
    def device(self) -> str:
        """Library and device, such as `onnxruntime on CPUExecutionProvider`."""

    @property
    def fault(self) -> str:
        """The last error of the device and what runs instead; '' while the device works."""

    def extract(self, image: Image, tlwh: FloatArray) -> Float32Array:
        """Return (N, D) float32 embeddings; a row of zeros for a box that is empty in the image.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR; never changed; may be a strided view.
        tlwh
            (N, 4) float64 pixels; may be NaN, empty or outside the image.

        """

    def warm_up(self, boxes: int = 64) -> None:
        """Run every batch size up to `boxes` once, so that the first frame is not slow."""


class Engine(Protocol):
    """Runs one network on one device."""

    @property
    def name(self) -> str:
        """Library and device, such as `onnxruntime on CPUExecutionProvider`."""

    def embed(self, image: Image, xyxy: IntArray) -> Float32Array:
        """Return (N, D) embeddings of (N, 4) boxes that lie inside the image; N at least 1."""

    def warm_up(self, boxes: int) -> None:
        """Run every batch size that occurs with up to `boxes` boxes."""

    def is_device_error(self, error: Exception) -> bool:
        """Return whether an error of `embed` is a failure of the device, its driver or memory."""


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
        Boxes [start, stop) run as a batch of `size`; what exceeds them is padding.

    """
    for start in range(0, count, sizes[-1]):
        stop = min(start + sizes[-1], count)
        yield start, stop, sizes[bisect_left(sizes, stop - start)]


_RESEARCH: Final = 'trained on data for non-commercial research only, see docs/weights.md'
_OSNET: Final = f'torchreid model zoo (MIT), {_RESEARCH}'
_OF_X0_25: Final = 'not measured, the value of osnet_x0_25'

UNMEASURED_DISTANCE: Final = 0.3
"""Threshold for a network without a measured one: the published program's, without BoT."""

CARDS: Final = {
    card.name: card
    for card in (
        NetworkCard(
            'osnet_x0_25', 512, 0.45, _OSNET, 'measured on MOT17-09, TUD-Campus and KITTI-17'
        ),
        NetworkCard('osnet_x0_5', 512, 0.45, _OSNET, _OF_X0_25),
        NetworkCard('osnet_x0_75', 512, 0.45, _OSNET, _OF_X0_25),
        NetworkCard('osnet_x1_0', 512, 0.45, _OSNET, _OF_X0_25),
        NetworkCard(
            'bot_resnest50',
            2048,
            0.45,
            f'FastReID (Apache-2.0), {_RESEARCH}',
            "the StrongSORT paper's, measured on MOT17: 0.4, and 0.05 for its motion cost",
        ),
        NetworkCard(
            'bot_resnet50',
            2048,
            0.45,
            f'FastReID (Apache-2.0), {_RESEARCH}',
            'not measured, the value of bot_resnest50',
        ),
    )
}


def card_for(name: str, dimension: int, source: str) -> NetworkCard:
    """Return the card of a known network, or a new one with the threshold for others."""
    known = CARDS.get(name)
    if known is not None and known.dimension == dimension:
        return known
    return NetworkCard(name, dimension, UNMEASURED_DISTANCE, source)
