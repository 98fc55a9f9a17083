"""Frames that wait for the tracker, in order; left out when it cannot keep up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

D = TypeVar('D')
I = TypeVar('I')  # noqa: E741


@dataclass(frozen=True, slots=True)
class Frame(Generic[D, I]):
    """Detections to be tracked now.

    Attributes
    ----------
    stamp
        Header stamp of the detections, nanoseconds; 0: they have none.
    detections, image
        As they were added; image None: it did not come in time, track by motion alone.
    restarted
        Time jumped back before this frame: what was tracked is of another time.
    passed
        Stamps of the frames since the last one that were left out, ascending.
    more
        Further arrays of detections of this stamp, in order of arrival.

    """

    stamp: int
    detections: D
    image: I | None
    restarted: bool
    passed: tuple[int, ...] = ()
    more: tuple[D, ...] = ()


@dataclass(slots=True)
class Ready(Generic[D, I]):
    """A frame that waits for the tracker: as `Frame`, with all its arrays.

    `since` is when it was found to be complete, nanoseconds.
    """

    stamp: int
    arrays: list[D]
    image: I | None
    restarted: bool
    since: int
    passed: tuple[int, ...] = ()


class Backlog(Generic[D, I]):
    """Queue of complete frames.

    A few that come at once are tracked one after the other. When the oldest pair has waited for
    longer than `longest`, the tracker is behind: until it waits for input again, only the newest
    pair is kept. Frames without image take hardly any time and are always kept.

    Parameters
    ----------
    longest
        Nanoseconds; None: nothing is left out.

    """

    def __init__(self, longest: int | None) -> None:
        self.longest = longest
        self._queue: deque[Ready[D, I]] = deque()
        self._behind = False

    def __len__(self) -> int:
        return len(self._queue)

    def clear(self) -> None:
        """Discard everything."""
        self._queue.clear()
        self._behind = False

    def append(self, ready: Ready[D, I]) -> None:
        """Add the next frame."""
        self._queue.append(ready)

    def find(self, stamp: int) -> Ready[D, I] | None:
        """Return the frame with a stamp, if it waits."""
        return next((ready for ready in self._queue if ready.stamp == stamp), None)

    def skip(self, now: int) -> int:
        """Leave out all pairs but the newest if the tracker is behind; return how many."""
        pairs = [ready for ready in self._queue if ready.image is not None]
        if not pairs:
            self._behind = False  # the tracker waits for input
        if self.longest is None or len(pairs) < 2:
            return 0
        if not self._behind and now - pairs[0].since <= self.longest:
            return 0
        self._behind = True
        self._keep_only(pairs[-1])
        return len(pairs) - 1

    def take(self) -> list[Frame[D, I]]:
        """Return the next frames, up to and including the first with an image."""
        frames: list[Frame[D, I]] = []
        while self._queue and (not frames or frames[-1].image is None):
            ready = self._queue.popleft()
            first, *more = ready.arrays
            frames.append(
                Frame(ready.stamp, first, ready.image, ready.restarted, ready.passed, tuple(more))
            )
        return frames

    def _keep_only(self, pair: Ready[D, I]) -> None:
        kept: deque[Ready[D, I]] = deque()
        passed: list[int] = []
        restarted = False
        for ready in self._queue:
            if ready.restarted:
                passed, restarted = [], True
            if ready.image is not None and ready is not pair:
                passed += (*ready.passed, ready.stamp)
                continue
            ready.passed, ready.restarted = (*passed, *ready.passed), restarted
            kept.append(ready)
            passed, restarted = [], False
        self._queue = kept
