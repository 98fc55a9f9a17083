"""A recording as the frames that a live tracker would see, decoded ahead of who tracks them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from strongsort_ros.messages.images import decode_image
from strongsort_ros.messages.limits import DEFAULT_LIMITS, InputLimits
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.frame_pairer import FramePairer
from strongsort_ros.online.frame_processor import StampedMessage
from strongsort_ros.types import Image

T = TypeVar('T')

END_OF_TIME: Final = 2**63 - 1


Message = tuple[str, int, bytes]
"""Topic, time in the bag (nanoseconds), and the serialised message."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame to be tracked, and the seconds it took to `read` and to `decode`."""

    frame: Frame[StampedMessage, StampedMessage]
    seconds: dict[str, float] = field(default_factory=dict)


def recorded_frames(
    messages: Iterable[Message], intake: FramePairer, detections_topic: str
) -> Iterator[RecordedFrame]:
    """Yield frames at the time of the bag at which a tracker that is never behind sees them.

    Parameters
    ----------
    messages
        In the order of their times.
    intake
        Pairs them; its clock is the time in the bag.
    detections_topic
        Messages of other topics are images.

    """
    start = time.perf_counter()
    for topic, now, data in messages:
        # Deadlines that passed before this message came.
        frames = _take_all(intake, now) if intake.wait(now) == 0 else []
        if topic == detections_topic:
            intake.add_detections(data, now)
        else:
            intake.add_image(data, now)
        frames += _take_all(intake, now)
        for frame in frames:
            yield RecordedFrame(frame, {'read': time.perf_counter() - start})
            start = time.perf_counter()
    for frame in _take_all(intake, END_OF_TIME):
        yield RecordedFrame(frame, {'read': 0.0})


def _take_all(intake: FramePairer, now: int) -> list[Frame[StampedMessage, StampedMessage]]:
    frames = intake.take(now)
    while intake.ready:
        frames += intake.take(now)
    return frames


def decoded(
    frames: Iterable[RecordedFrame],
    transport: str,
    workers: Executor,
    limits: InputLimits = DEFAULT_LIMITS,
) -> Iterator[RecordedFrame]:
    """Yield the frames at once, while the workers decode the pixels of their images.

    A decoder sets `seconds['decode']` before its pixels are there.
    """
    for recorded in frames:
        image = recorded.frame.image
        if image is None:
            yield recorded
            continue
        pixels = workers.submit(_decode, image.data, transport, limits, recorded.seconds)
        frame = replace(recorded.frame, image=replace(image, pixels=pixels))
        yield RecordedFrame(frame, recorded.seconds)


def _decode(data: bytes, transport: str, limits: InputLimits, seconds: dict[str, float]) -> Image:
    start = time.perf_counter()
    try:
        return decode_image(data, transport, limits)
    finally:
        seconds['decode'] = time.perf_counter() - start


def ahead(items: Iterator[T], most: int) -> Generator[T, None, None]:
    """Yield items that are made in a thread of its own, so many ahead at most."""
    end = object()
    thread = ThreadPoolExecutor(1, 'ahead')
    try:
        waiting = deque(thread.submit(next, items, end) for _ in range(most))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)
