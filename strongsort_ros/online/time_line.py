"""Distinguishes late detections from jumps in time, such as a bag that loops."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, TypeVar

from strongsort_ros.types import SECOND

T = TypeVar('T')

REORDERING: Final = 1 * SECOND
"""Largest delay by which parallel workers of a detector deliver detections out of order."""
EVIDENCE: Final = 3
"""Number of consecutive stamps from another time that prove a jump."""
SILENCE: Final = SECOND // 2
LONGEST_SILENCE: Final = 5 * SECOND
"""Bounds of the silence that proves a jump: three periods without detections of this time."""
ENOUGH: Final = 16
"""Number of known stamps from which the frame period can be estimated."""
PERIODS_AHEAD: Final = 10
"""A stamp further ahead than this many periods and `REORDERING` is doubtful."""

ON_TIME: Final = 'on_time'
LATE: Final = 'late'
DUPLICATE: Final = 'duplicate'
DOUBTFUL: Final = 'doubtful'


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """Item with a doubtful stamp in nanoseconds, held until it is known whether time has jumped."""

    stamp: int
    item: T


class TimeLine(Generic[T]):
    """Classifies stamps by the previous ones, and holds items with doubtful stamps.

    A detector sends each frame once. One that processes several frames in parallel finishes them
    out of order: a frame that was overtaken has a stamp in a gap between two known stamps, and
    newer frames follow soon. After a jump back in time, stamps repeat, or lie next to known ones,
    or are old, and no newer ones follow. A single stamp far ahead or behind is a clock error.

    So a stamp that does not continue the current time is held. If the current time continues, the
    held items were late, duplicates or errors. If `EVIDENCE` stamps of another time arrive in a
    row, or nothing of the current time arrives for a while, then time has jumped.
    """

    def __init__(self) -> None:
        self.held: list[Held[T]] = []
        self._since = 0  # when the first item was held
        self._newest: int | None = None
        self._newest_at = 0
        self._period = 0

    def judge(self, stamp: int, now: int, last: int | None, known: Collection[int]) -> str:
        """Return `ON_TIME`, `LATE`, `DUPLICATE`, or `DOUBTFUL`: maybe of another time, to hold.

        Parameters
        ----------
        stamp, now
            Header stamp and time of arrival by a monotonic clock, nanoseconds.
        last
            Stamp of the newest released frame; None before the first.
        known
            Recent stamps of the current time, up to `last`.

        """
        if last is None or stamp > last:
            if self._newest is None or stamp - self._newest <= REORDERING:
                return ON_TIME
            self._period = period_of(known)
            ahead = stamp - self._newest > self._slack(now - self._newest_at)
            return DOUBTFUL if ahead else ON_TIME
        self._period = period_of(known)
        if stamp == last:
            return DUPLICATE
        if stamp in known or last - stamp > REORDERING:
            return DOUBTFUL
        return LATE if self._fills_gap(stamp, known) else DOUBTFUL

    def advance(self, stamp: int, now: int) -> list[Held[T]]:
        """Add a stamp that is on time; return the held items, which were no jump."""
        if self._newest is None or stamp > self._newest:
            self._newest, self._newest_at = stamp, now
        held, self.held = self.held, []
        return held

    def hold(self, stamp: int, item: T, now: int) -> list[Held[T]]:
        """Hold an item; return the held items of a third time, which were no jump."""
        dropped: list[Held[T]] = []
        if self.held and abs(stamp - self.held[-1].stamp) > self._slack(now - self._since):
            dropped, self.held = self.held, []
        if not self.held:
            self._since = now
        self.held.append(Held(stamp, item))
        return dropped

    def jumped(self, now: int, copied: Callable[[int], bool]) -> bool:
        """Return whether the held items prove that time has jumped.

        Parameters
        ----------
        now
            Time by the monotonic clock, nanoseconds.
        copied
            Returns whether a stamp is known and its image was not sent again, as with messages
            sent twice or a bag without images that loops. Such stamps prove a jump only if there
            are `EVIDENCE` of them and silence follows.

        """
        proofs = len({held.stamp for held in self.held if not copied(held.stamp)})
        if proofs >= EVIDENCE:
            return True
        return self.is_silent(now) and (proofs > 0 or len(self.held) >= EVIDENCE)

    def is_silent(self, now: int) -> bool:
        """Return whether items are held and nothing of the current time arrived for long."""
        return bool(self.held) and now >= self.decided_at

    @property
    def decided_at(self) -> int:
        """Time from which on silence proves a jump, nanoseconds."""
        return self._since + min(max(SILENCE, EVIDENCE * self._period), LONGEST_SILENCE)

    def restart(self) -> None:
        """Forget the current time; the held items stay."""
        self._newest = None

    def _slack(self, elapsed: int) -> int:
        return max(REORDERING, PERIODS_AHEAD * self._period) + max(elapsed, 0)

    def _fills_gap(self, stamp: int, known: Collection[int]) -> bool:
        """Return whether no known stamp is within half a period of this one."""
        if len(known) < ENOUGH:
            return True
        stamps = sorted(known)
        at = bisect(stamps, stamp)
        nearest = min(abs(other - stamp) for other in stamps[max(at - 1, 0) : at + 1])
        return 2 * nearest >= self._period


def period_of(stamps: Collection[int]) -> int:
    """Return the frame period, nanoseconds; 0 if it is not known.

    It is the lower quartile of the latest differences of stamps, as some frames may be missing.
    """
    newest = sorted(stamps)[-32:]
    steps = sorted(after - before for before, after in pairwise(newest))
    return steps[(len(steps) - 1) // 4] if steps else 0
