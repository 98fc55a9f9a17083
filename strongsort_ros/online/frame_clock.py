"""Counts elapsed frames from timestamps."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from strongsort_ros.types import SECOND

NEW_RATE: Final = 1.2
"""Ratio of two periods from which on the rate has changed; below, it is jitter."""
WINDOW: Final = 31
"""Number of stamp differences whose median is the nominal frame period."""


class Elapsed(NamedTuple):
    """Time from one frame to the next.

    Attributes
    ----------
    frames
        Nominal frames, a whole number of at least 1.
    rate_change
        Ratio of the nominal period to the one before it, if it has just changed; otherwise 1.
        Quantities per frame must be multiplied by it.

    """

    frames: float
    rate_change: float


class FrameClock:
    """Converts timestamps to elapsed nominal frames, so that prediction spans dropped frames.

    Without a given rate the nominal period is the median of the last stamp differences, which
    dropped frames do not affect while fewer than half of the frames are dropped.

    Parameters
    ----------
    rate
        Nominal frames a second; 0: estimate it.

    """

    def __init__(self, rate: float = 0.0) -> None:
        self._given = SECOND / rate if rate > 0 else None
        self._differences: deque[int] = deque(maxlen=WINDOW)
        self._last: int | None = None
        self._counted_in: float | None = None

    def reset(self) -> None:
        """Forget the last stamp but not the period: after a jump in time the camera is the same."""
        self._last = None

    def forget(self) -> None:
        """Forget the period as well."""
        self.reset()
        self._differences.clear()
        self._counted_in = None

    @property
    def period(self) -> float | None:
        """Nominal frame period in nanoseconds; None until it is known."""
        if self._given is not None:
            return self._given
        if not self._differences:
            return None
        return float(sorted(self._differences)[(len(self._differences) - 1) // 2])

    @property
    def rate(self) -> float:
        """Nominal frames a second; 0 until it is known."""
        period = self.period
        return SECOND / period if period else 0.0

    def advance(self, stamp: int, dropped: Sequence[int] = ()) -> Elapsed:
        """Advance to the next frame; return the time since the previous one.

        Parameters
        ----------
        stamp
            Stamp of the frame, nanoseconds.
        dropped
            Ascending stamps of frames that arrived in between but were not tracked. They count
            for the rate of the camera: dropping frames must not make it look slower.

        """
        last, self._last = self._last, stamp if stamp > 0 else self._last
        frames = 1.0
        if last is not None and stamp > last:
            between = [last, *(other for other in dropped if last < other < stamp), stamp]
            self._differences.extend(after - before for before, after in pairwise(between))
            period = self.period
            assert period is not None
            frames = float(max(round((stamp - last) / period), 1))
        before, period = self._counted_in, self.period
        if before is None or period is None:
            self._counted_in = period
            return Elapsed(frames, 1.0)
        ratio = period / before
        if max(ratio, 1 / ratio) < NEW_RATE:
            return Elapsed(frames, 1.0)
        self._counted_in = period
        return Elapsed(frames, ratio)
