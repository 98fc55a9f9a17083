"""The extractor of every network: which boxes show something, and rows for all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strongsort_ros.appearance.crops import Image, check_image, clip_boxes
from strongsort_ros.appearance.engine import Engine
from strongsort_ros.appearance.extractor import NetworkCard
from strongsort_ros.appearance.fallback import Fallback


class NetworkExtractor:
    """Turns the boxes of an image into embeddings with a network; see `Extractor`.

    Parameters
    ----------
    card
        The network's.
    engine
        Runs it.
    fallback
        What is done while the engine fails; None: its errors are the caller's.

    """

    def __init__(self, card: NetworkCard, engine: Engine, fallback: Fallback | None = None) -> None:
        self._card = card
        self.engine = engine
        self._fallback = fallback

    @property
    def card(self) -> NetworkCard:
        """The network's card."""
        return self._card

    @property
    def device(self) -> str:
        """What runs the network, and where."""
        return self.engine.name

    @property
    def trouble(self) -> str:
        """What is wrong with the device, and what is done meanwhile; '' while it works."""
        return self._fallback.trouble if self._fallback else ''

    def extract(self, image: Image, tlwh: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return (N, D) float32 embeddings, not of unit length; zeros where a box shows nothing."""
        check_image(image)
        xyxy, shown = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), self._card.dimension), dtype=np.float32)
        if len(xyxy):
            found = (self._fallback or self.engine).embed(image, xyxy)
            if found is not None:
                # float16 may overflow on pixels unlike any photograph.
                finite = np.isfinite(found).all(axis=1, keepdims=True)
                embeddings[shown] = np.where(finite, found, 0)
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Run once for every batch size up to `boxes`, so that the first frame is not slow."""
        self.engine.warm_up(boxes)
