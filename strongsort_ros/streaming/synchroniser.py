"""Pair detections with their image by exact stamp, in a bounded buffer; knows no ROS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from strongsort_ros.errors import SettingError

D = TypeVar('D')
I = TypeVar('I')  # noqa: E741

SECOND: Final = 1_000_000_000
REORDERING: Final = 1 * SECOND
"""Detections older than the last ones by more than this were not overtaken: time jumped back."""
LATE_RUN: Final = 3
"""So many late detections in a row, each newer than the one before, are time that jumped back."""


@dataclass(frozen=True, slots=True)
class Frame(Generic[D, I]):
    """Detections to be tracked now.

    Attributes
    ----------
    stamp
        Of the detections, nanoseconds; 0: none was given.
    detections, image
        As they were added; image None: it did not come in time, track by motion alone.
    restarted
        Time jumped back before this frame: what was tracked is of another time.
    passed
        Stamps of the frames since the last one that were left out, ascending.

    """

    stamp: int
    detections: D
    image: I | None
    restarted: bool
    passed: tuple[int, ...] = ()


class Synchroniser(Generic[D, I]):
    """Pairs by exact stamp: a detector copies the stamp of the image that it looked at.

    Images wait for their detections in a buffer, in order of arrival. Detections wait for their
    image until a deadline, or until a newer pair is complete. Frames leave in the order of
    their stamps; when several pairs are complete at once, the tracker is behind and only the
    newest is given out. Only detections tell that time jumped back: with a bag that loops, images
    of the new round come before the last detections of the old one.

    Parameters
    ----------
    capacity
        Most images, and most detection arrays, that wait.
    deadline
        How long detections wait for their image, nanoseconds.

    Attributes
    ----------
    counts
        What became of every message, by name: `images` and `detections` received; `matched`,
        `without_image`, `superseded` (a newer pair was complete), `late_detections`,
        `duplicate_detections`, `unstamped_detections`, `flushed_detections` (waiting when time
        jumped back); `unused_images` (no detections came), `late_images` (their detections were
        tracked without), `duplicate_images`, `unstamped_images`; `restarts`.

    """

    def __init__(self, capacity: int = 30, deadline: int = SECOND // 5) -> None:
        if capacity < 1 or deadline < 0:
            raise SettingError(f'capacity {capacity} and deadline {deadline}: must be positive')
        self.capacity = capacity
        self.deadline = deadline
        self.counts: Counter[str] = Counter()
        self._images: dict[int, I] = {}
        self._unstamped: list[D] = []
        self._restart = False
        self._forget_time()

    def _forget_time(self) -> None:
        self._waiting: dict[int, tuple[D, int]] = {}
        self._released: dict[int, bool] = {}  # recent stamps -> had an image
        self._passed: list[int] = []
        self._first: int | None = None
        self._last: int | None = None
        self._frames = 0
        self._late_stamp = self._late_run = 0

    def clear(self) -> None:
        """Forget all messages and the time, but not the counts."""
        self._images.clear()
        self._unstamped.clear()
        self._restart = False
        self._forget_time()

    def add_image(self, stamp: int, image: I) -> None:
        """Keep an image until its detections come."""
        self.counts['images'] += 1
        if stamp <= 0:
            self.counts['unstamped_images'] += 1
            return
        if self._images.pop(stamp, None) is not None or self._released.get(stamp) is True:
            self.counts['duplicate_images'] += 1
        elif stamp in self._released:
            self.counts['late_images'] += 1
        # Also late and second ones are kept: after a loop, they are the first of the new round.
        self._images[stamp] = image
        if len(self._images) > self.capacity:
            self._discard(next(iter(self._images)))

    def add_detections(self, stamp: int, detections: D, now: int) -> None:
        """Keep detections until their image comes or the deadline passes; `now` is monotonic."""
        self.counts['detections'] += 1
        if stamp <= 0:
            self.counts['unstamped_detections'] += 1
            self._unstamped.append(detections)
            return
        if self._jumped_back(stamp):
            self.counts['restarts'] += 1
            self.counts['flushed_detections'] += len(self._waiting)
            self._forget_time()
            self._restart = True
        if stamp in self._waiting or stamp in self._released:
            self.counts['duplicate_detections'] += 1
        elif self._last is not None and stamp < self._last:
            self.counts['late_detections'] += 1
        else:
            self._waiting[stamp] = detections, now + self.deadline

    def take(self, now: int) -> list[Frame[D, I]]:
        """Return the frames to be tracked now, oldest first; at most one of them has an image."""
        frames: list[Frame[D, I]] = [Frame(0, array, None, False) for array in self._unstamped]
        self._unstamped.clear()
        if not self._waiting:
            return frames
        waiting = sorted(self._waiting)
        pairs = [stamp for stamp in waiting if stamp in self._images]
        due = waiting[: max(len(waiting) - self.capacity, 0)]
        due += [stamp for stamp in waiting if self._waiting[stamp][1] <= now]
        horizon = max(pairs + due, default=0)
        for stamp in waiting:
            if stamp <= horizon:
                frames += self._release(stamp, superseded=bool(pairs) and stamp < pairs[-1])
        return frames

    def wait(self, now: int) -> int | None:
        """Return nanoseconds until `take` gives a frame though nothing comes; None: never."""
        if not self._waiting:
            return None
        return max(min(due for _, due in self._waiting.values()) - now, 0)

    def _jumped_back(self, stamp: int) -> bool:
        if self._last is None or self._first is None or stamp >= self._last:
            self._late_run = 0
            return False
        self._late_run = self._late_run + 1 if stamp > self._late_stamp else 1
        self._late_stamp = stamp
        beginning_again = stamp <= self._first and self._frames >= LATE_RUN
        too_old = self._last - stamp > REORDERING
        return too_old or beginning_again or self._late_run >= LATE_RUN

    def _release(self, stamp: int, *, superseded: bool) -> list[Frame[D, I]]:
        detections, _ = self._waiting.pop(stamp)
        paired = stamp in self._images
        image = self._take_image(stamp) if paired else None
        self._remember(stamp, paired)
        if paired and superseded:
            self.counts['superseded'] += 1
            self._passed.append(stamp)
            return []
        self.counts['matched' if paired else 'without_image'] += 1
        frame = Frame(stamp, detections, image, self._restart, tuple(self._passed))
        self._passed.clear()
        self._restart = False
        return [frame]

    def _take_image(self, stamp: int) -> I:
        """Return the image, and let go of those that came before it: no detections will."""
        for older in list(self._images):
            if older == stamp:
                break
            self._discard(older)
        return self._images.pop(stamp)

    def _discard(self, stamp: int) -> None:
        del self._images[stamp]
        if stamp not in self._released:
            self.counts['unused_images'] += 1

    def _remember(self, stamp: int, paired: bool) -> None:
        self._first = stamp if self._first is None else self._first
        self._last = stamp
        self._frames += 1
        self._released[stamp] = paired
        if len(self._released) > 2 * self.capacity:
            del self._released[next(iter(self._released))]
