"""Largest cosine distances of matches, which depend on how well the network distinguishes."""

from __future__ import annotations

from typing import Final

import numpy as np

from strongsort_ros.tracking.recent_values import RecentValues
from strongsort_ros.types import BoolArray, FloatArray, IntArray

_ENOUGH: Final = 10
"""Distances of sure pairs from which, and new ones after which, their median is computed."""
_SURE_OVERLAP: Final = 0.5
_OTHER_OVERLAP: Final = 0.1
_MATCH: Final = 1.5
_VETO: Final = 2.0
"""The limits are at least these multiples of the median distance of sure pairs."""


class AppearanceLimits:
    """Limits of the cosine distance, raised where the embeddings of one object differ much.

    A track that was seen in the frame before and the detection at its predicted place are surely
    the same object if nothing else is near. With a good network their median distance is about 0.1,
    and the limits are `max_cosine_distance`. With a weak one (blur, small boxes, people unlike
    those that it was trained on) it is larger; without higher limits tracks would break.
    """

    def __init__(self) -> None:
        self._distances = RecentValues(_ENOUGH)
        self._median = 0.0

    def learn(
        self,
        distances: FloatArray,
        overlap: FloatArray,
        rows: IntArray,
        columns: IntArray,
        recent: BoolArray,
    ) -> None:
        """Note the distances of sure pairs among K pairs of a track and a detection.

        Parameters
        ----------
        distances, overlap
            (K,) cosine distances, and IoU of predicted box and detection.
        rows, columns
            (K,) tracks and detections.
        recent
            (K,) whether the track was seen in the frame before.

        """
        sure = (recent & (overlap >= _SURE_OVERLAP)).nonzero()[0]
        if len(sure) == 0:
            return
        near = (overlap > _OTHER_OVERLAP).nonzero()[0]
        alone = np.bincount(rows[near])[rows[sure]] == 1
        alone &= np.bincount(columns[near])[columns[sure]] == 1
        self._distances.add(distances[sure[alone]])
        ascending = self._distances.ascending()
        if len(ascending):
            self._median = float(ascending[len(ascending) // 2])

    def match(self, max_cosine_distance: float) -> float:
        """Return the largest distance of a match by appearance."""
        return max(max_cosine_distance, _MATCH * self._median)

    def veto(self, max_cosine_distance: float) -> float:
        """Return the distance above which two boxes at the same place are different objects."""
        return max(max_cosine_distance, _VETO * self._median)
