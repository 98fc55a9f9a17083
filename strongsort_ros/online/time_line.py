"""Tell detections that come late from time that jumped."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, TypeVar

from strongsort_ros.types import SECOND

T = TypeVar('T')

REORDERING: Final = 1 * SECOND
"""Detections overtake each other by less than this: workers of one detector are that even."""
EVIDENCE: Final = 3
"""Stamps in a row of another time that prove a jump."""
SILENCE: Final = SECOND // 2
LONGEST_SILENCE: Final = 5 * SECOND
"""Without detections of the current time for three periods, within these, time has jumped, too."""
ENOUGH: Final = 16
"""Known stamps from which the period of frames can be told."""
PERIODS_AHEAD: Final = 10
"""A stamp further ahead than this many periods, and than `REORDERING`, may be wrong."""

ON_TIME: Final = 'on_time'
LATE: Final = 'late'
DUPLICATE: Final = 'duplicate'
ELSEWHERE: Final = 'elsewhere'


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """An item whose stamp may be the beginning of another time.

    Attributes
    ----------
    stamp
        Nanoseconds.
    item
        As it was given.

    """

    stamp: int
    item: T


class TimeLine(Generic[T]):
    """Judge stamps by those before, and hold what may come from another time.

    A frame comes once. A detector that works on several frames at once finishes them in mixed
    order: one that was overtaken has a stamp between two that are known, where one is missing, and
    newer frames come soon after it. After a jump back, stamps come a second time, or beside ones
    that are known, or from long ago, and no newer ones come. A single stamp far ahead or behind is
    a fault of a clock.

    So a stamp that does not continue the current time is held. If the current time goes on, what is
    held was late, a copy or a fault. If `EVIDENCE` stamps of the other time come in a row, or the
    current time is silent, then time has jumped.
    """

    def __init__(self) -> None:
        self.held: list[Held[T]] = []
        self._since = 0  # when the first was held
        self._newest: int | None = None
        self._newest_at = 0
        self._period = 0

    def judge(self, stamp: int, now: int, last: int | None, known: Collection[int]) -> str:
        """Return `ON_TIME`, `LATE`, `DUPLICATE`, or `ELSEWHERE`: of another time, to be held.

        Parameters
        ----------
        stamp, now
            Header stamp, and monotonic clock of arrival; nanoseconds.
        last
            Stamp of the newest frame that was given out; None: there is none.
        known
            Recent stamps of the current time, up to `last`.

        """
        if last is None or stamp > last:
            if self._newest is None or stamp - self._newest <= REORDERING:
                return ON_TIME
            self._period = period_of(known)
            ahead = stamp - self._newest > self._slack(now - self._newest_at)
            return ELSEWHERE if ahead else ON_TIME
        self._period = period_of(known)
        if stamp == last:
            return DUPLICATE
        if stamp in known or last - stamp > REORDERING:
            return ELSEWHERE
        return LATE if self._fills_a_hole(stamp, known) else ELSEWHERE

    def go_on(self, stamp: int, now: int) -> list[Held[T]]:
        """Note a stamp that is on time; return what was held, which was not a jump."""
        if self._newest is None or stamp > self._newest:
            self._newest, self._newest_at = stamp, now
        held, self.held = self.held, []
        return held

    def hold(self, stamp: int, item: T, now: int) -> list[Held[T]]:
        """Hold an item; return what was held of yet another time, which was not a jump."""
        dropped: list[Held[T]] = []
        if self.held and abs(stamp - self.held[-1].stamp) > self._slack(now - self._since):
            dropped, self.held = self.held, []
        if not self.held:
            self._since = now
        self.held.append(Held(stamp, item))
        return dropped

    def jumped(self, now: int, copied: Callable[[int], bool]) -> bool:
        """Return whether what is held proves that time has jumped.

        Parameters
        ----------
        now
            Monotonic clock, nanoseconds.
        copied
            Returns whether a stamp is known, and its image has not been sent again: what messages
            that were sent twice look like, and a loop without images. It proves a jump by silence
            alone, and `EVIDENCE` of them.

        """
        proofs = len({held.stamp for held in self.held if not copied(held.stamp)})
        if proofs >= EVIDENCE:
            return True
        return self.is_silent(now) and (proofs > 0 or len(self.held) >= EVIDENCE)

    def is_silent(self, now: int) -> bool:
        """Return whether nothing of the current time has come for long since the first was held."""
        return bool(self.held) and now >= self.decided_at

    @property
    def decided_at(self) -> int:
        """Clock at which silence decides."""
        return self._since + min(max(SILENCE, EVIDENCE * self._period), LONGEST_SILENCE)

    def restart(self) -> None:
        """Forget the current time; what is held stays."""
        self._newest = None

    def _slack(self, elapsed: int) -> int:
        return max(REORDERING, PERIODS_AHEAD * self._period) + max(elapsed, 0)

    def _fills_a_hole(self, stamp: int, known: Collection[int]) -> bool:
        """Return whether no known stamp is within half a period: the frame was missing there."""
        if len(known) < ENOUGH:
            return True
        stamps = sorted(known)
        at = bisect(stamps, stamp)
        nearest = min(abs(other - stamp) for other in stamps[max(at - 1, 0) : at + 1])
        return 2 * nearest >= self._period


def period_of(stamps: Collection[int]) -> int:
    """Return the period of frames of which some are missing; 0: not known.

    It is the lower quartile of the differences of the newest stamps.
    """
    newest = sorted(stamps)[-32:]
    steps = sorted(after - before for before, after in pairwise(newest))
    return steps[(len(steps) - 1) // 4] if steps else 0
