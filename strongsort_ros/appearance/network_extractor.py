"""The extractor of every network: which boxes show something, and rows for all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strongsort_ros.appearance.crops import Image, check_image, clip_boxes
from strongsort_ros.appearance.engine import Engine
from strongsort_ros.appearance.extractor import NetworkCard


class NetworkExtractor:
    """Turns the boxes of an image into embeddings with a network; see `Extractor`."""

    def __init__(self, card: NetworkCard, engine: Engine) -> None:
        self._card = card
        self.engine = engine

    @property
    def card(self) -> NetworkCard:
        """The network's card."""
        return self._card

    def extract(self, image: Image, tlwh: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return (N, D) float32 embeddings, not of unit length; zeros where a box shows nothing."""
        check_image(image)
        xyxy, shown = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), self._card.dimension), dtype=np.float32)
        if len(xyxy):
            found = self.engine.embed(image, xyxy)
            # float16 may overflow on pixels unlike any photograph.
            embeddings[shown] = np.where(np.isfinite(found).all(axis=1, keepdims=True), found, 0)
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Run once for every batch size up to `boxes`, so that the first frame is not slow."""
        self.engine.warm_up(boxes)
