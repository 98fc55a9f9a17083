"""Pairs detections with images by their stamps, in bounded buffers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from strongsort_ros.errors import SettingError
from strongsort_ros.online.backlog import Backlog, Frame
from strongsort_ros.online.image_buffer import ImageBuffer, Limits
from strongsort_ros.online.time_line import (
    DOUBTFUL,
    DUPLICATE,
    EVIDENCE,
    LATE,
    REORDERING,
    Held,
    TimeLine,
)
from strongsort_ros.types import SECOND

D = TypeVar('D')
I = TypeVar('I')  # noqa: E741

LEARNT_FROM: Final = 20
"""Number of recent frames from which the expected number of arrays is learnt."""
MOST_ARRAYS: Final = 16
"""Largest number of different arrays of a stamp; further ones count as duplicates."""


@dataclass(slots=True)
class _Waiting(Generic[D]):
    """Arrays of a stamp, the arrival of the first, and the deadline for the image."""

    arrays: list[D]
    contents: list[Hashable]
    first_at: int
    due: int
    copies: int = 1


@dataclass(slots=True)
class _Released:
    """A released stamp: whether it had an image, and its number of arrays.

    With 0 arrays, they were late and dropped.
    """

    paired: bool
    contents: list[Hashable]
    arrays: int
    first_at: int
    image_again: bool = False


class Synchroniser(Generic[D, I]):
    """Pairs images and detections whose stamps agree; a detector copies the stamp of its image.

    Images wait for their detections in a buffer, in order of arrival. Detections wait for their
    image, and for as many arrays of their stamp as recent stamps had, until a deadline passes or a
    newer frame is complete. Frames are released in the order of their stamps; late ones are
    dropped. `TimeLine` distinguishes late frames from jumps back in time by the detections alone:
    when a bag loops, images of the new round precede the last detections of the old one.

    Complete pairs queue for the tracker. If the oldest has waited longer than `backlog`, the
    tracker is behind, and only the newest pair is kept.

    Parameters
    ----------
    capacity
        Largest number of waiting images, and of waiting detection arrays.
    deadline
        Longest wait of detections for their image, nanoseconds.
    tolerance
        Largest difference between the stamps of an image and its detections, nanoseconds.
    backlog
        Longest wait of a pair for the tracker, nanoseconds; None: never drop pairs.
    limits
        Limits of the image buffer; None: only the number of images, by `capacity`.
    uses_images
        Wait for images; False: there are none.

    Attributes
    ----------
    counts
        Number of messages by outcome: `images` and `detections` received; `matched`,
        `without_image`, `superseded` (dropped as the tracker was behind), `late_detections`,
        `duplicate_detections`, `merged_detections` (merged with another array of the stamp),
        `unmerged_detections` (arrived after another array of the stamp was tracked),
        `unstamped_detections`, `flushed_detections` (still waiting when time jumped back, or a
        single stamp far ahead); `expired_images` (discarded before their detections arrived,
        which then are `without_image`); `unused_images` (no detections arrived), `late_images`
        (their detections were tracked without them), `duplicate_images`, `unstamped_images`;
        `restarts`.
    expected
        Number of arrays that a frame waits for.
    expired
        For the last detections whose image had been discarded: nanoseconds from the image's
        arrival to theirs, and the exceeded limit, a field of `Limits`; None without any.

    """

    def __init__(
        self,
        capacity: int = 30,
        deadline: int = SECOND // 5,
        *,
        tolerance: int = 0,
        backlog: int | None = SECOND // 10,
        limits: Limits | None = None,
        uses_images: bool = True,
    ) -> None:
        if capacity < 1 or deadline < 0:
            raise SettingError(f'capacity {capacity} and deadline {deadline}: must be positive')
        self.capacity = capacity
        self.deadline = deadline
        self._backlog = Backlog[D, I](backlog)
        self.uses_images = uses_images
        self.counts: Counter[str] = Counter()
        self._images = ImageBuffer[I](limits or Limits(number=capacity), tolerance)
        self.clear()

    def clear(self) -> None:
        """Drop all messages and forget all stamps; the counts stay."""
        self._images.clear()
        self._unstamped: list[D] = []
        self._backlog.clear()
        self._restart = False
        self.expected = 1
        self.expired: tuple[int, str] | None = None
        self._line = TimeLine[tuple[D, Hashable, int]]()
        self._forget_time()

    def _forget_time(self) -> None:
        self._waiting: dict[int, _Waiting[D]] = {}
        self._released: dict[int, _Released] = {}  # recent stamps
        self._last: int | None = None

    @property
    def ready(self) -> bool:
        """True if `take` returns a frame without any further message or deadline."""
        return bool(self._backlog or self._unstamped)

    def wait(self, now: int) -> int | None:
        """Return nanoseconds until the next deadline, after which to `take`; None without any."""
        dues = [waiting.due for waiting in self._waiting.values()]
        dues += [self._line.decided_at] if self._line.held else []
        return max(min(dues) - now, 0) if dues else None

    def add_image(self, stamp: int, image: I, now: int = 0, size: int = 0) -> None:
        """Add an image of `size` bytes that arrived at `now` by a monotonic clock."""
        self.counts['images'] += 1
        if stamp <= 0:
            self.counts['unstamped_images'] += 1
            return
        released = self._released.get(stamp)
        if released is not None and released.paired:
            released.image_again = True
        if stamp in self._images or (released is not None and released.paired):
            self.counts['duplicate_images'] += 1
        elif released is not None and released.arrays:
            self.counts['late_images'] += 1
        # Keep late images and duplicates, too: after a loop, they start the new round.
        self._count_unused(self._images.add(stamp, image, now, size))

    def add_detections(self, stamp: int, detections: D, now: int, content: Hashable = None) -> None:
        """Add detections that arrived at `now` by a monotonic clock.

        Arrays of the same stamp are merged; those with the same `content` are duplicates.
        """
        self.counts['detections'] += 1
        if stamp <= 0:
            self.counts['unstamped_detections'] += 1
            self._unstamped.append(detections)
        elif stamp in self._waiting:
            self._merge(self._waiting[stamp], detections, content)
        elif self._is_second(stamp, content):
            self._add_second(stamp, detections, now, content)
        else:
            self._place(stamp, detections, now, content)

    def take(self, now: int) -> list[Frame[D, I]]:
        """Return the frames to track next, oldest first; at most the last one has an image."""
        self._decide(now)
        self._complete(now)
        superseded = self._backlog.skip(now)
        if superseded:
            self.counts['matched'] -= superseded
            self.counts['superseded'] += superseded
        frames: list[Frame[D, I]] = [Frame(0, [array], None, False) for array in self._unstamped]
        self._unstamped.clear()
        return frames + self._backlog.take()

    def _merge(self, waiting: _Waiting[D], detections: D, content: Hashable) -> None:
        # Equal content may also come from a second detector, if both detect nothing.
        wanted = waiting.copies < self.expected
        waiting.copies += 1
        if content in waiting.contents or len(waiting.contents) == MOST_ARRAYS:
            self.counts['merged_detections' if wanted else 'duplicate_detections'] += 1
            return
        waiting.arrays.append(detections)
        waiting.contents.append(content)
        self.counts['merged_detections'] += 1

    def _is_second(self, stamp: int, content: Hashable) -> bool:
        """Return whether this is another array of a released stamp, and no duplicate."""
        released = self._released.get(stamp)
        if released is None or released.image_again or len(released.contents) == MOST_ARRAYS:
            return False
        assert self._last is not None
        return content not in released.contents and self._last - stamp <= REORDERING

    def _add_second(self, stamp: int, detections: D, now: int, content: Hashable) -> None:
        released = self._released[stamp]
        released.contents.append(content)
        if not released.arrays:
            self.counts['late_detections'] += 1
            return
        if now - released.first_at <= self.deadline:  # a frame would have waited for it
            released.arrays += 1
            self._learn()
        ready = self._backlog.find(stamp)
        if ready is not None:
            ready.arrays.append(detections)
        self.counts['unmerged_detections' if ready is None else 'merged_detections'] += 1

    def _place(self, stamp: int, detections: D, now: int, content: Hashable) -> None:
        verdict = self._line.judge(stamp, now, self._last, self._released)
        if verdict == DOUBTFUL:
            self._hold(stamp, detections, now, content)
        elif verdict == DUPLICATE:
            self.counts['duplicate_detections'] += 1
        elif verdict == LATE:
            self.counts['late_detections'] += 1
            self._remember(stamp, _Released(False, [content], 0, now))
        else:
            self._drop(self._line.advance(stamp, now))
            self._wait_for_image(stamp, detections, now, content)

    def _hold(self, stamp: int, detections: D, now: int, content: Hashable) -> None:
        item = detections, content, now
        if any(held.stamp == stamp and held.item[1] == content for held in self._line.held):
            self.counts['duplicate_detections'] += 1
            return
        self._drop(self._line.hold(stamp, item, now))
        if len(self._line.held) > max(self.capacity, EVIDENCE):
            self._drop([self._line.held.pop(0)])
        self._decide(now)

    def _wait_for_image(self, stamp: int, detections: D, now: int, content: Hashable) -> None:
        due = now + self.deadline
        discarded = self._images.discarded.get(stamp)
        if discarded is not None:
            due = now  # it will not arrive again
            arrived, limit = discarded
            self.expired = now - arrived, limit
            self.counts['expired_images'] += 1
        self._waiting[stamp] = _Waiting([detections], [content], now, due)

    def _decide(self, now: int) -> None:
        """Resume with the held detections if time has jumped; drop them if it has not."""
        if not self._line.held:
            return
        if self._line.jumped(now, self._is_copy):
            self._jump(now)
        elif self._line.is_silent(now):
            held, self._line.held = self._line.held, []
            self._drop(held)

    def _is_copy(self, stamp: int) -> bool:
        """Return whether a stamp was released and its image was not sent again."""
        released = self._released.get(stamp)
        return released is not None and not released.image_again

    def _jump(self, now: int) -> None:
        """Resume with the held detections."""
        held, self._line.held = self._line.held, []
        if self._last is not None and min(one.stamp for one in held) <= self._last:
            self.counts['restarts'] += 1
            self.counts['flushed_detections'] += len(self._waiting)
            self._forget_time()
            self._restart = True
            self._line.restart()
        for one in held:
            detections, content, at = one.item
            self._line.advance(one.stamp, now)
            if one.stamp in self._waiting:
                self._merge(self._waiting[one.stamp], detections, content)
            else:
                self._wait_for_image(one.stamp, detections, at, content)

    def _drop(self, held: list[Held[tuple[D, Hashable, int]]]) -> None:
        for one in held:
            released = self._released.get(one.stamp)
            if released is not None:
                copy = one.item[1] in released.contents
                self.counts['duplicate_detections' if copy else 'unmerged_detections'] += 1
            elif self._last is not None and one.stamp < self._last:
                self.counts['late_detections'] += 1
            else:
                self.counts['flushed_detections'] += 1

    def _complete(self, now: int) -> None:
        """Release frames that are complete or due, and all older ones, in order."""
        waiting = sorted(self._waiting)
        pairs = self._pairs(waiting, now)
        done = [
            stamp for stamp in waiting
            if (stamp in pairs or not self.uses_images)
            and self._waiting[stamp].copies >= self.expected
        ]  # fmt: skip
        done += waiting[: max(len(waiting) - self.capacity, 0)]
        done += [stamp for stamp in waiting if self._waiting[stamp].due <= now]
        horizon = max(done, default=0)
        for stamp in waiting:
            if stamp <= horizon:
                self._release(stamp, pairs.get(stamp), now)

    def _pairs(self, waiting: list[int], now: int) -> dict[int, int]:
        """Return the stamps of detections and of their images; no image is used twice."""
        found: dict[int, int] = {}
        for stamp in waiting:
            image = self._images.match(stamp, final=self._waiting[stamp].due <= now)
            if image is None:
                continue
            other = found.get(image)
            if other is None or abs(stamp - image) < abs(other - image):
                found[image] = stamp
        return {stamp: image for image, stamp in found.items()}

    def _release(self, stamp: int, image_stamp: int | None, now: int) -> None:
        waiting = self._waiting.pop(stamp)
        image = None
        if image_stamp is not None and image_stamp in self._images:
            image, older = self._images.take(image_stamp)
            self._count_unused(older)
        arrays = waiting.copies if self.expected > 1 else len(waiting.arrays)
        contents, first_at = waiting.contents, waiting.first_at
        self._remember(stamp, _Released(image is not None, contents, arrays, first_at))
        self._last = stamp
        self._learn()
        self.counts['without_image' if image is None else 'matched'] += 1
        self._backlog.append(Frame(stamp, waiting.arrays, image, self._restart, now))
        self._restart = False

    def _learn(self) -> None:
        """Expect as many arrays as at least two of the last frames had."""
        arrays = sorted(
            released.arrays for released in list(self._released.values())[-LEARNT_FROM:]
        )
        if len(arrays) > 1:
            self.expected = max(arrays[-2], 1)

    def _remember(self, stamp: int, released: _Released) -> None:
        self._released[stamp] = released
        if len(self._released) > 2 * self.capacity:
            del self._released[next(iter(self._released))]

    def _count_unused(self, stamps: list[int]) -> None:
        self.counts['unused_images'] += sum(stamp not in self._released for stamp in stamps)
