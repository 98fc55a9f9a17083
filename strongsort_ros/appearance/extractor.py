"""What every source of embeddings gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What the tracker and its user must know of a network.

    Attributes
    ----------
    name
        Name of the network, such as `osnet_x0_25`.
    dimension
        Length of its embeddings.
    max_cosine_distance
        Threshold measured for it; used when the setting of that name is `auto`.
    source
        Where the weights come from and what their training data allow.
    threshold_source
        Where `max_cosine_distance` was measured, or that it was not.

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
        ...

    @property
    def device(self) -> str:
        """What runs the network, and where: such as `onnxruntime on CPUExecutionProvider`."""
        ...

    @property
    def trouble(self) -> str:
        """What is wrong with the device, and what is done meanwhile; '' while it works."""
        ...

    def extract(
        self, image: npt.NDArray[np.uint8], tlwh: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float32]:
        """Return (N, D) float32 embeddings; a row of zeros where a box shows nothing.

        Parameters
        ----------
        image
            (H, W, 3) uint8 BGR; only read; may be a strided view.
        tlwh
            (N, 4) float64 pixels; may be NaN, empty or outside the image.

        """
        ...

    def warm_up(self, boxes: int = 64) -> None:
        """Run once for every batch size up to `boxes`, so that the first frame is not slow."""
        ...
