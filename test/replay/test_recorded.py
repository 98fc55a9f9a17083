"""Frames of a recorded bag are those of a live tracker without backlog."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongsort_ros.errors import ImageError
from strongsort_ros.messages.cdr import HEADER_BYTES, Header, write_header
from strongsort_ros.online.config import NodeSettings
from strongsort_ros.online.frame_pairer import FramePairer
from strongsort_ros.replay.recorded import ahead, decoded, recorded_frames

MS = 1_000_000


def message(stamp: int) -> bytes:
    return write_header(Header(0, stamp, 'camera'), 0)


def frames(events: list[tuple[str, int, int]], deadline: float = 0.2) -> list[tuple[int, int]]:
    """Return (stamp, time of its image or -1) of each frame; events are (topic, stamp, time)."""
    pairer = FramePairer(NodeSettings(sync_deadline=deadline), lambda _: None, lambda _: None)
    messages = [(topic, time * MS, message(stamp * MS)) for topic, stamp, time in events]
    return [
        (r.frame.stamp // MS, -1 if r.frame.image is None else r.frame.image.clock // MS)
        for r in recorded_frames(messages, pairer, 'detections')
    ]


def test_pairs_at_the_times_of_the_recording() -> None:
    assert HEADER_BYTES == 4
    assert frames([('image', 40, 45), ('detections', 40, 90)]) == [(40, 45)]
    assert frames([('detections', 40, 90), ('image', 40, 120)]) == [(40, 120)]


def test_a_deadline_that_passed_before_the_next_message_counts() -> None:
    """The image comes 210 ms after its detections: live, they were tracked without it."""
    events = [('detections', 40, 90), ('image', 40, 300), ('image', 80, 310)]
    assert frames(events) == [(40, -1)]
    assert frames(events, deadline=0.3) == [(40, 300)]


def test_pending_frames_are_tracked_at_the_end() -> None:
    events = [('detections', 40, 40), ('detections', 80, 80)]
    assert frames(events) == [(40, -1), (80, -1)]


def test_an_undecodable_image_raises_when_its_pixels_are_used() -> None:
    pairer = FramePairer(NodeSettings(), lambda _: None, lambda _: None)
    messages = [('image', 1, message(1) + bytes(8)), ('detections', 1, message(1))]
    with ThreadPoolExecutor(1) as workers:
        frames = recorded_frames(messages, pairer, 'detections')
        (found,) = decoded(frames, 'compressed', workers)
    assert found.frame.image is not None
    assert found.frame.image.pixels is not None
    with pytest.raises(ImageError, match='cannot be decoded'):
        found.frame.image.pixels.result()
    assert found.seconds['decode'] > 0


def test_ahead_keeps_order_bounds_and_errors() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            assert threading.current_thread() is not threading.main_thread()
            made.append(number)
            yield number
        raise ZeroDivisionError

    numbers = ahead(items(), 3)
    for expected in range(20):
        assert next(numbers) == expected
        assert len(made) <= expected + 5
    with pytest.raises(ZeroDivisionError):
        next(numbers)


def test_ahead_stops_its_thread_when_closed() -> None:
    before = threading.active_count()
    one = ahead(iter(range(10)), 3)
    assert next(one) == 0
    one.close()
    assert threading.active_count() == before
