"""Images wait within limits of time, number and bytes, and are matched by stamp."""

from __future__ import annotations

import pytest

from strongsort_ros.online.image_buffer import REMEMBERED, ImageBuffer, Limits
from strongsort_ros.online.synchroniser import SECOND, Synchroniser

PERIOD = SECOND // 30
MS = 1_000_000
START = 100 * SECOND


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def filled(limits: Limits, images: int, size: int = 1) -> ImageBuffer[int]:
    buffer = ImageBuffer[int](limits)
    for frame in range(images):
        buffer.add(stamp(frame), frame, frame * PERIOD, size)
    return buffer


@pytest.mark.parametrize(
    ('limits', 'size', 'kept', 'limit'),
    [
        (Limits(10), 1, 10, 'number'),
        (Limits(1000, time=SECOND // 2), 1, 16, 'time'),
        (Limits(1000, bytes=100), 30, 3, 'bytes'),
        (Limits(1000, bytes=100), 101, 1, 'bytes'),
    ],
)
def test_the_oldest_images_are_discarded_at_each_limit(
    limits: Limits, size: int, kept: int, limit: str
) -> None:
    buffer = filled(limits, 60, size)
    assert len(buffer) == kept
    assert [stamp(frame) in buffer for frame in (59 - kept, 60 - kept)] == [False, True]
    assert buffer.discarded[stamp(0)][1] == limit
    assert len(buffer.discarded) == 60 - kept


def test_the_record_of_discarded_images_is_bounded() -> None:
    assert len(filled(Limits(1), REMEMBERED + 50).discarded) == REMEMBERED


@pytest.mark.parametrize('rate', [30, 60])
def test_a_slow_detector_finds_every_image(rate: int) -> None:
    """The detector takes 0.7 to 0.9 s, in which more than 20 images arrive."""
    sync = Synchroniser[int, int](100, limits=Limits(100, 2 * SECOND))
    events = [(n * SECOND // rate, 0, n) for n in range(200)]
    events += [(n * SECOND // rate + (700 + n % 200) * MS, 1, n) for n in range(200)]
    for now, topic, frame in sorted(events):
        when = START + frame * SECOND // rate
        if topic == 0:
            sync.add_image(when, frame, now, 6 << 20)
        else:
            sync.add_detections(when, frame, now)
        sync.take(now)
    assert sync.counts['matched'] == 200
    assert sync.counts['without_image'] == 0
    assert sync.expired is None


def test_detections_do_not_wait_for_an_image_that_was_discarded() -> None:
    sync = Synchroniser[int, int](100, limits=Limits(100, SECOND // 2))
    taken = []
    for frame in range(100):
        now = frame * PERIOD
        sync.add_image(stamp(frame), frame, now)
        if frame >= 24:
            sync.add_detections(stamp(frame - 24), frame - 24, now)
        taken += [(one.detections, one.image) for one in sync.take(now)]
    assert taken == [(frame, None) for frame in range(76)]  # each at once
    assert sync.counts['expired_images'] == 76
    assert sync.expired is not None
    delay, limit = sync.expired
    assert delay == pytest.approx(24 * PERIOD)
    assert limit == 'time'


def paired(
    tolerance: int, detections: list[int], images: list[int] | None = None
) -> dict[int, int | None]:
    """Return stamp of detections -> stamp of their image; the detector takes 10 ms."""
    images = [stamp(n) for n in range(30)] if images is None else images
    sync = Synchroniser[int, int](tolerance=tolerance)
    events = [(value, 0, value) for value in images]
    events += [(value + 10 * MS, 1, value) for value in detections]
    found = {}
    for now, topic, value in sorted(events):
        if topic == 0:
            sync.add_image(value, value, now)
        else:
            sync.add_detections(value, value, now)
        found.update({one.detections: one.image for one in sync.take(now)})
    while one := sync.take(START * 2):
        found.update({one[0].detections: one[0].image})
    return found


@pytest.mark.parametrize('step', [MS, 10 * MS])
def test_rounded_stamps_find_the_nearest_image(step: int) -> None:
    rounded = {round(stamp(n) / step) * step: stamp(n) for n in range(1, 30)}
    assert set(paired(0, list(rounded)).values()) == {None}
    assert paired(step // 2 + 1, list(rounded)) == rounded
    # Equal stamps are paired as without a tolerance.
    exact = [stamp(n) for n in range(30)]
    assert paired(step // 2, exact) == {value: value for value in exact}


def test_no_image_is_used_twice_and_none_between_two() -> None:
    near = [stamp(5) - MS, stamp(5) + 3 * MS]
    assert paired(4 * MS, near) == {near[0]: stamp(5), near[1]: None}
    images = [START, START + 10 * MS, START + 20 * MS]
    assert paired(6 * MS, [START + 5 * MS], images) == {START + 5 * MS: None}


def test_stamps_further_apart_than_the_tolerance_are_not_paired() -> None:
    shifted = [stamp(n) + 5 * MS for n in range(30)]
    assert set(paired(4 * MS, shifted).values()) == {None}


def test_an_image_sent_again_replaces_the_first_and_counts_once() -> None:
    buffer = ImageBuffer[str](Limits(10, bytes=100))
    buffer.add(stamp(0), 'first', 0, 60)
    buffer.add(stamp(0), 'again', 0, 60)
    assert buffer.add(stamp(1), 'next', 0, 40) == []
    assert buffer.take(stamp(0)) == ('again', [])


def test_a_discarded_image_that_arrives_again_is_used() -> None:
    buffer = filled(Limits(1), 2)
    assert stamp(0) in buffer.discarded
    buffer.add(stamp(0), 0, 0, 1)
    assert stamp(0) in buffer
    assert stamp(0) not in buffer.discarded


def test_clearing_resets_the_bytes_and_the_interval() -> None:
    buffer = ImageBuffer[str](Limits(10, bytes=100), tolerance=20 * MS)
    buffer.add(START, 'a', 0, 60)
    buffer.add(START + 40 * MS, 'b', 0, 40)
    buffer.clear()
    buffer.add(START, 'a', 0, 60)
    assert buffer.add(START + 1, 'b', 0, 40) == []
    buffer.clear()
    buffer.add(START, 'a', 0, 60)
    assert buffer.match(START + 15 * MS) is None  # the next image may be nearer


def test_detections_wait_while_a_nearer_image_can_arrive() -> None:
    buffer = ImageBuffer[str](Limits(10), tolerance=20 * MS)
    buffer.add(START - 32 * MS, 'older', 0, 1)
    buffer.add(START, 'newest', 0, 1)
    assert buffer.match(START + 15 * MS) == START  # nearer than half the interval
    assert buffer.match(START + 18 * MS) is None
    assert buffer.match(START + 18 * MS, final=True) == START
    buffer.add(START + 32 * MS, 'nearer', 0, 1)
    assert buffer.match(START + 18 * MS) == START + 32 * MS


def test_a_newer_image_that_is_further_away_ends_the_wait() -> None:
    buffer = ImageBuffer[str](Limits(10), tolerance=20 * MS)
    for at in (0, 40, 60):
        buffer.add(START + at * MS, 'image', 0, 1)
    assert buffer.match(START + 15 * MS) == START


def test_images_of_a_new_loop_do_not_discard_those_of_the_old_one() -> None:
    buffer = ImageBuffer[int](Limits(10))
    for frame in (7, 8, 0, 1):
        buffer.add(stamp(frame), frame, 0, 1)
    assert buffer.take(stamp(1)) == (1, [stamp(0)])
    assert [stamp(frame) in buffer for frame in (7, 8, 0, 1)] == [True, True, False, False]


def test_the_nearer_of_two_detections_gets_the_image() -> None:
    sync = Synchroniser[int, int](tolerance=4 * MS)
    near, far = START - MS, START + 3 * MS
    for value in (near, far):
        sync.add_detections(value, value, 0)
    for value in (START, START + PERIOD):
        sync.add_image(value, value)
    frames = sync.take(0)
    assert [(frame.detections, frame.image) for frame in frames] == [(near, START)]
