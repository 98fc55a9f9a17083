"""Queue of complete frames in front of the tracker, which drops frames when it falls behind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

D = TypeVar('D')
I = TypeVar('I')  # noqa: E741


@dataclass(frozen=True, slots=True)
class Frame(Generic[D, I]):
    """Detections to track now, with their image.

    Attributes
    ----------
    stamp
        Header stamp of the detections, nanoseconds; 0 without a stamp.
    detections, image
        The messages; image None: it did not arrive in time, track by motion alone.
    restarted
        Time jumped back before this frame, so that earlier tracks are void.
    dropped
        Ascending stamps of the frames dropped since the previous one.
    more
        Further detection arrays of this stamp, in order of arrival.

    """

    stamp: int
    detections: D
    image: I | None
    restarted: bool
    dropped: tuple[int, ...] = ()
    more: tuple[D, ...] = ()


@dataclass(slots=True)
class Ready(Generic[D, I]):
    """A complete frame in the queue: a `Frame`, with all its arrays in one list.

    `since` is when it became complete, nanoseconds.
    """

    stamp: int
    arrays: list[D]
    image: I | None
    restarted: bool
    since: int
    dropped: tuple[int, ...] = ()


class Backlog(Generic[D, I]):
    """Queue of complete frames.

    Frames that arrive together are tracked one after the other. Once the oldest pair has waited
    longer than `longest`, the tracker is behind: until the queue has been empty, only the newest
    pair is kept. Frames without an image are fast to track and never dropped.

    Parameters
    ----------
    longest
        Longest wait of a pair, nanoseconds; None: never drop frames.

    """

    def __init__(self, longest: int | None) -> None:
        self.longest = longest
        self._queue: deque[Ready[D, I]] = deque()
        self._behind = False

    def __len__(self) -> int:
        return len(self._queue)

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()
        self._behind = False

    def append(self, ready: Ready[D, I]) -> None:
        """Add the next frame."""
        self._queue.append(ready)

    def find(self, stamp: int) -> Ready[D, I] | None:
        """Return the queued frame with a stamp; None if there is none."""
        return next((ready for ready in self._queue if ready.stamp == stamp), None)

    def skip(self, now: int) -> int:
        """Drop all pairs but the newest if the tracker is behind; return how many."""
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
                Frame(ready.stamp, first, ready.image, ready.restarted, ready.dropped, tuple(more))
            )
        return frames

    def _keep_only(self, pair: Ready[D, I]) -> None:
        kept: deque[Ready[D, I]] = deque()
        dropped: list[int] = []
        restarted = False
        for ready in self._queue:
            if ready.restarted:
                dropped, restarted = [], True
            if ready.image is not None and ready is not pair:
                dropped += (*ready.dropped, ready.stamp)
                continue
            ready.dropped, ready.restarted = (*dropped, *ready.dropped), restarted
            kept.append(ready)
            dropped, restarted = [], False
        self._queue = kept
