"""Buffer of images that wait for their detections, bounded by time, number and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

I = TypeVar('I')  # noqa: E741

NO_LIMIT: Final = 2**63 - 1
REMEMBERED: Final = 1000
"""Number of discarded images whose detections, when they arrive, do not wait for them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the buffer.

    Attributes
    ----------
    number
        Largest number of images.
    time
        Longest time from the arrival of an image, nanoseconds.
    bytes
        Largest size of all images together; the newest image is kept whatever its size.

    """

    number: int
    time: int = NO_LIMIT
    bytes: int = NO_LIMIT


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
        Limits of the buffer; beyond them, the oldest images are discarded.
    tolerance
        Largest difference between the stamps of an image and of its detections, nanoseconds.

    Attributes
    ----------
    discarded
        Images discarded recently, before their detections arrived, by stamp: time of arrival,
        nanoseconds, and the exceeded limit, a field of `Limits`.

    """

    def __init__(self, limits: Limits, tolerance: int = 0) -> None:
        self.limits = limits
        self.tolerance = tolerance
        self.discarded: dict[int, tuple[int, str]] = {}
        self._kept: dict[int, _Kept[I]] = {}
        self._bytes = 0
        self._newest = self._interval = 0  # of stamps, in order of arrival

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
        """Add an image; return the stamps of the images discarded for it."""
        if stamp in self._kept:
            self._remove(stamp)
        self.discarded.pop(stamp, None)
        self._newest, self._interval = stamp, stamp - self._newest if self._newest else 0
        self._kept[stamp] = _Kept(image, now, size)
        self._bytes += size
        gone = []
        while len(self._kept) > 1 and (limit := self._reached(now)):
            oldest = next(iter(self._kept))
            self.discarded[oldest] = self._remove(oldest).arrived, limit
            gone.append(oldest)
        while len(self.discarded) > REMEMBERED:
            del self.discarded[next(iter(self.discarded))]
        return gone

    def match(self, stamp: int, *, final: bool = False) -> int | None:
        """Return the stamp of the image for detections with a stamp; None if there is none yet.

        Without an equal stamp it is that of the nearest image within the tolerance; two images at
        the same distance are ambiguous and match nothing. Images arrive in order, so that a nearer
        one can still arrive while none is newer than the detections. Until then, unless `final`,
        a match must be nearer than half the interval between images.
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
        """Remove and return an image, and the stamps of older ones before it, which are discarded.

        Newer images that arrived before it stay: after a bag loops, they belong to the same round.
        """
        older = []
        for other in self._kept:
            if other == stamp:
                break
            if other < stamp:
                older.append(other)
        for other in older:
            self._remove(other)
        return self._remove(stamp).image, older

    def _remove(self, stamp: int) -> _Kept[I]:
        kept = self._kept.pop(stamp)
        self._bytes -= kept.size
        return kept

    def _reached(self, now: int) -> str:
        """Return the name of the limit that the oldest image exceeds; '' if it exceeds none."""
        if now - next(iter(self._kept.values())).arrived > self.limits.time:
            return 'time'
        if len(self._kept) > self.limits.number:
            return 'number'
        return 'bytes' if self._bytes > self.limits.bytes else ''
