"""Count elapsed frames from stamps; knows no ROS."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from strongsort_ros.types import SECOND

NEW_RATE: Final = 1.2
"""A period that is longer or shorter by this factor is another rate, not jitter."""
WINDOW: Final = 31
"""Stamp differences whose median is the nominal frame period."""


class FrameClock:
    """Turns stamps into elapsed nominal frames, so that prediction spans dropped frames.

    The nominal period is the given rate's, or else the median of the last differences of stamps,
    which dropped frames do not move until every second one is.

    Parameters
    ----------
    rate
        Nominal frames a second; 0: estimated.

    """

    def __init__(self, rate: float = 0.0) -> None:
        self._given = SECOND / rate if rate > 0 else None
        self._differences: deque[int] = deque(maxlen=WINDOW)
        self._last: int | None = None
        self._counted_in: float | None = None

    def reset(self) -> None:
        """Forget the last stamp, not the period: after a jump the camera is the same."""
        self._last = None

    def forget(self) -> None:
        """Forget the period, too: the next stamps are those of a camera not seen before."""
        self.reset()
        self._differences.clear()
        self._counted_in = None

    @property
    def period(self) -> float | None:
        """Nominal frame period, nanoseconds; None while it is not known."""
        if self._given is not None:
            return self._given
        if not self._differences:
            return None
        return float(sorted(self._differences)[(len(self._differences) - 1) // 2])

    @property
    def rate(self) -> float:
        """Nominal frames a second; 0 while they are not known."""
        period = self.period
        return SECOND / period if period else 0.0

    def advance(self, stamp: int, passed: Sequence[int] = ()) -> float:
        """Return whole frames, at least 1, since the previous stamp.

        Parameters
        ----------
        stamp
            Nanoseconds.
        passed
            Stamps in between of frames that came but were left out, ascending: who falls behind
            must not take the camera for slower than it is.

        """
        last, self._last = self._last, stamp if stamp > 0 else self._last
        if last is None or stamp <= last:
            return 1.0
        between = [last, *(other for other in passed if last < other < stamp), stamp]
        self._differences.extend(after - before for before, after in pairwise(between))
        period = self.period
        assert period is not None
        return float(max(round((stamp - last) / period), 1))

    def pop_rate_change(self) -> float:
        """Return how many times as long a nominal frame is as the last time that it changed.

        1 while the rate is the same; what was counted in frames is then in frames of now.
        """
        before, period = self._counted_in, self.period
        if before is None or period is None:
            self._counted_in = period
            return 1.0
        stretch = period / before
        if max(stretch, 1 / stretch) < NEW_RATE:
            return 1.0
        self._counted_in = period
        return stretch
