"""Frames of a recorded bag, paired at their recorded times and decoded ahead in threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from strongsort_ros.messages.cdr import DEFAULT_LIMITS, InputLimits
from strongsort_ros.messages.images import decode_image
from strongsort_ros.online.frame_pairer import DETECTIONS, IMAGE, FramePairer, MessageFrame
from strongsort_ros.types import Image

T = TypeVar('T')

END_OF_TIME: Final = 2**63 - 1

Message = tuple[str, int, bytes]
"""Topic, time in the bag (nanoseconds) and serialised message."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """Frame to track, with the seconds spent to `read` and to `decode` it."""

    frame: MessageFrame
    seconds: dict[str, float] = field(default_factory=dict)


def recorded_frames(
    messages: Iterable[Message], pairer: FramePairer, detections_topic: str
) -> Iterator[RecordedFrame]:
    """Yield the frames that a live tracker without backlog would have paired.

    Parameters
    ----------
    messages
        Messages in the order of their recorded times.
    pairer
        Pairs images and detections; its clock is the recorded time.
    detections_topic
        Topic of the detections; messages of other topics are images.

    """
    start = time.perf_counter()
    for topic, now, data in messages:
        # Frames whose deadline passed before this message.
        frames = _take_all(pairer, now) if pairer.wait(now) == 0 else []
        pairer.receive(DETECTIONS if topic == detections_topic else IMAGE, data, now)
        frames += _take_all(pairer, now)
        for frame in frames:
            yield RecordedFrame(frame, {'read': time.perf_counter() - start})
            start = time.perf_counter()
    for frame in _take_all(pairer, END_OF_TIME):
        yield RecordedFrame(frame, {'read': 0.0})


def _take_all(pairer: FramePairer, now: int) -> list[MessageFrame]:
    frames = pairer.take(now)
    while pairer.ready:
        frames += pairer.take(now)
    return frames


def decoded(
    frames: Iterable[RecordedFrame],
    transport: str,
    workers: Executor,
    limits: InputLimits = DEFAULT_LIMITS,
) -> Iterator[RecordedFrame]:
    """Yield each frame at once, while the workers decode its image.

    `frame.image.pixels` is the future image; `seconds['decode']` is set before it is done.
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


def ahead(items: Iterator[T], count: int) -> Generator[T, None, None]:
    """Yield the items of an iterator that runs in a thread, at most `count` items ahead."""
    end = object()
    thread = ThreadPoolExecutor(1, 'ahead')
    try:
        waiting = deque(thread.submit(next, items, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)
