"""Images that wait for their detections, bounded by time, number and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

I = TypeVar('I')  # noqa: E741

NO_LIMIT: Final = 2**63 - 1
REMEMBERED: Final = 1000
"""Discarded images whose arrival is remembered, so that detections need not wait for them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how many images are kept.

    Attributes
    ----------
    number
        Most images.
    time
        Nanoseconds from the arrival of an image.
    bytes
        Most bytes of all images together; the newest image is kept whatever its size.

    """

    number: int
    time: int = NO_LIMIT
    bytes: int = NO_LIMIT


@dataclass(frozen=True, slots=True)
class Discarded:
    """An image that was discarded before its detections came.

    Attributes
    ----------
    arrived
        Clock of its arrival, nanoseconds.
    limit
        Name of the limit that was reached, a field of `Limits`.

    """

    arrived: int
    limit: str


@dataclass(frozen=True, slots=True)
class _Kept(Generic[I]):
    image: I
    arrived: int
    size: int


class ImageBuffer(Generic[I]):
    """Images by stamp, in order of arrival.

    Parameters
    ----------
    limits
        The oldest images are discarded when one of them is reached.
    tolerance
        Largest difference between the stamps of an image and of its detections, nanoseconds.

    Attributes
    ----------
    discarded
        The last images that a limit discarded, by stamp.

    """

    def __init__(self, limits: Limits, tolerance: int = 0) -> None:
        self.limits = limits
        self.tolerance = tolerance
        self.discarded: dict[int, Discarded] = {}
        self._kept: dict[int, _Kept[I]] = {}
        self._bytes = 0
        self._newest = self._interval = 0  # of the stamps, in order of arrival

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, stamp: int) -> bool:
        return stamp in self._kept

    def clear(self) -> None:
        """Discard everything."""
        self.discarded.clear()
        self._kept.clear()
        self._bytes = self._newest = self._interval = 0

    def add(self, stamp: int, image: I, now: int, size: int) -> list[int]:
        """Keep an image; return the stamps of those that are discarded for it."""
        if stamp in self._kept:
            self._remove(stamp)
        self.discarded.pop(stamp, None)
        self._newest, self._interval = stamp, stamp - self._newest if self._newest else 0
        self._kept[stamp] = _Kept(image, now, size)
        self._bytes += size
        gone = []
        while len(self._kept) > 1 and (limit := self._reached(now)):
            oldest = next(iter(self._kept))
            self.discarded[oldest] = Discarded(self._remove(oldest).arrived, limit)
            gone.append(oldest)
        while len(self.discarded) > REMEMBERED:
            del self.discarded[next(iter(self.discarded))]
        return gone

    def match(self, stamp: int, *, final: bool = False) -> int | None:
        """Return the stamp of the image that belongs to a stamp of detections; None: not here.

        Without an equal stamp it is the nearest within the tolerance; two images at the same
        distance match nothing. Images come in order, so a nearer one can come only while none is
        newer than the detections; until then a match must be nearer than half the interval
        between images, unless it is `final`.
        """
        if stamp in self._kept or not self.tolerance:
            return stamp if stamp in self._kept else None
        near = sorted((abs(other - stamp), other) for other in self._kept)[:2]
        if not near or near[0][0] > self.tolerance:
            return None
        distance, nearest = near[0]
        if len(near) == 2 and near[1][0] == distance:
            return None
        sure = final or max(self._kept) > stamp or 2 * distance < self._interval
        return nearest if sure else None

    def take(self, stamp: int) -> tuple[I, list[int]]:
        """Return an image, and the stamps of older ones that came before it and are discarded.

        Newer ones that came before it stay: after a short loop, they are of the same round.
        """
        passed = []
        for other in self._kept:
            if other == stamp:
                break
            if other < stamp:
                passed.append(other)
        for other in passed:
            self._remove(other)
        return self._remove(stamp).image, passed

    def _remove(self, stamp: int) -> _Kept[I]:
        kept = self._kept.pop(stamp)
        self._bytes -= kept.size
        return kept

    def _reached(self, now: int) -> str:
        """Return the name of the limit that the oldest image is beyond; '': of none."""
        if now - next(iter(self._kept.values())).arrived > self.limits.time:
            return 'time'
        if len(self._kept) > self.limits.number:
            return 'number'
        return 'bytes' if self._bytes > self.limits.bytes else ''
