"""Queue of complete frames in front of the tracker, which drops frames when it falls behind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

D = TypeVar('D')
I = TypeVar('I')  # noqa: E741


@dataclass(slots=True)
class Frame(Generic[D, I]):
    """Detections to track, with their image.

    Attributes
    ----------
    stamp
        Header stamp of the detections, nanoseconds; 0 without a stamp.
    arrays
        Arrays of detections of this stamp, in order of arrival.
    image
        The image; None: it did not arrive in time, track by motion alone.
    restarted
        Time jumped back before this frame, so that earlier tracks are void.
    since
        Time when the frame became complete, nanoseconds.
    dropped
        Ascending stamps of the frames dropped since the previous one.

    """

    stamp: int
    arrays: list[D]
    image: I | None
    restarted: bool
    since: int = 0
    dropped: tuple[int, ...] = ()

    @property
    def detections(self) -> D:
        """First array of detections."""
        return self.arrays[0]


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
        self._queue: deque[Frame[D, I]] = deque()
        self._behind = False

    def __len__(self) -> int:
        return len(self._queue)

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()
        self._behind = False

    def append(self, frame: Frame[D, I]) -> None:
        """Add the next frame."""
        self._queue.append(frame)

    def find(self, stamp: int) -> Frame[D, I] | None:
        """Return the queued frame with a stamp; None if there is none."""
        return next((frame for frame in self._queue if frame.stamp == stamp), None)

    def skip(self, now: int) -> int:
        """Drop all pairs but the newest if the tracker is behind; return how many."""
        pairs = [frame for frame in self._queue if frame.image is not None]
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
            frames.append(self._queue.popleft())
        return frames

    def _keep_only(self, pair: Frame[D, I]) -> None:
        kept: deque[Frame[D, I]] = deque()
        dropped: list[int] = []
        restarted = False
        for frame in self._queue:
            if frame.restarted:
                dropped, restarted = [], True
            if frame.image is not None and frame is not pair:
                dropped += (*frame.dropped, frame.stamp)
                continue
            frame.dropped, frame.restarted = (*dropped, *frame.dropped), restarted
            kept.append(frame)
            dropped, restarted = [], False
        self._queue = kept
