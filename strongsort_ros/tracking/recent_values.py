"""The last values of a stream of numbers, in ascending order, for their quantiles."""

from __future__ import annotations

from typing import Final

import numpy as np

from strongsort_ros.types import FloatArray

_KEPT: Final = 500


class RecentValues:
    """The last 500 values of a stream.

    Parameters
    ----------
    enough
        Number of new values after which they are sorted again.

    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._values: FloatArray = np.zeros(0)
        self._sorted = self._values
        self._new = 0

    def add(self, values: FloatArray) -> None:
        """Add values (N,), the newest last."""
        self._values = np.concatenate([self._values, values])[-_KEPT:]
        self._new += len(values)

    def ascending(self) -> FloatArray:
        """Return the values when they were last sorted; none before there were enough."""
        if self._new >= self._enough:
            self._sorted, self._new = np.sort(self._values), 0
        return self._sorted
