"""Late detections, duplicates, wrong stamps and jumps of time in streams of a camera."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.online.synchroniser import Synchroniser
from strongsort_ros.online.time_line import period_of
from strongsort_ros.types import SECOND

PERIOD = SECOND // 30
START = 100_000 * SECOND
DAY = 86_400 * SECOND
FRAMES = 600

Event = tuple[float, str, int]
"""Seconds of arrival, topic, and stamp."""
Delay = Callable[[random.Random, int], float]


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def camera(
    seed: int, delay: Delay, images_with_detections: bool = False, frames: int = FRAMES
) -> list[Event]:
    """Return the events of images at 30 Hz and of detections with a delay per frame."""
    chance = random.Random(seed)
    delays = [delay(chance, frame) for frame in range(frames)]
    events: list[Event] = []
    for frame, late in enumerate(delays):
        image_at = frame / 30 + (late - 0.001 if images_with_detections else 0)
        events += [(image_at, 'image', stamp(frame)), (frame / 30 + late, 'array', stamp(frame))]
    return events


def changed(events: list[Event], change: Callable[[int], int]) -> list[Event]:
    """Return events with other stamps."""
    return [(at, topic, change(value)) for at, topic, value in events]


class Played:
    """Frames that a tracker which keeps up gets from a stream."""

    def __init__(self, events: list[Event], images: bool = True) -> None:
        sync = Synchroniser[int, int](100, uses_images=images)
        self.stamps: list[int] = []
        self.restarts: list[float] = []
        for at, topic, value in sorted(events, key=lambda event: event[0]):
            now = round(at * SECOND)
            if sync.wait(now) == 0:
                self._take(sync, now)
            if topic == 'image':
                sync.add_image(value, value, now)
            else:
                sync.add_detections(value, value, now)
            self._take(sync, now)
        self._take(sync, 2**62)
        self.counts = sync.counts
        self.twice = sum(times > 1 for times in Counter(self.stamps).values())

    def _take(self, sync: Synchroniser[int, int], now: int) -> None:
        more = True
        while more:
            for frame in sync.take(now):
                self.stamps.append(frame.stamp)
                self.restarts += [now / SECOND] if frame.restarted else []
            more = sync.ready


DISORDER: dict[str, Delay] = {
    'one worker': lambda chance, _: chance.uniform(0.05, 0.07),
    'two workers': lambda chance, _: chance.uniform(0.03, 0.15),
    'four workers': lambda chance, _: chance.uniform(0.05, 0.3),
    'eight workers': lambda chance, _: chance.uniform(0.05, 0.8),
    'a frame that takes 0.2 s longer': lambda _, frame: 0.05 + 0.2 * (frame % 100 == 0),
    'a worker that hangs for 2.5 s': lambda chance, frame: (
        chance.uniform(0.05, 0.3) + 2.5 * (frame % 200 == 100)
    ),
    'four at a time, later': lambda _, frame: 0.05 + 0.25 * (frame % 30 in (1, 2, 3, 4)),
}


@pytest.mark.parametrize('images', ['in order', 'mixed', 'none'])
@pytest.mark.parametrize('disorder', DISORDER)
def test_messages_out_of_order_are_late_and_never_a_restart(disorder: str, images: str) -> None:
    for seed in range(5):
        events = camera(seed, DISORDER[disorder], images_with_detections=images == 'mixed')
        if images == 'none':
            events = [event for event in events if event[1] == 'array']
        played = Played(events, images=images != 'none')
        assert played.restarts == []
        assert played.stamps == sorted(set(played.stamps))
        assert len(played.stamps) + played.counts['late_detections'] == FRAMES


def test_detections_sent_again_are_duplicates() -> None:
    events = camera(0, DISORDER['one worker'])
    arrays = [event for event in events if event[1] == 'array']
    again = [(at + 0.1, topic, value) for at, topic, value in arrays[::7]]
    for copies in (again, [(0.6, 'array', stamp(0))], [(9.0, 'array', stamp(0))]):
        played = Played(events + copies)
        assert (played.restarts, played.twice, len(played.stamps)) == ([], 0, FRAMES)
        # Stamps of long ago are not remembered, so their copies count as late.
        counts = played.counts
        assert counts['duplicate_detections'] + counts['late_detections'] == len(copies)


def test_everything_sent_again_is_a_duplicate() -> None:
    """As from a relay that forwards both topics once more, 100 ms later."""
    events = camera(0, DISORDER['one worker'])
    played = Played(events + [(at + 0.1, topic, value) for at, topic, value in events])
    # Nothing newer follows the last frames.
    assert len([at for at in played.restarts if at < FRAMES / 30]) == 0
    assert played.counts['duplicate_detections'] >= FRAMES - 5


@pytest.mark.parametrize('disorder', ['one worker', 'four workers'])
@pytest.mark.parametrize('error', [DAY, -DAY // 2, 3 * SECOND, -3 * SECOND])
def test_a_single_wrong_stamp_costs_one_frame(disorder: str, error: int) -> None:
    events = camera(0, DISORDER[disorder])
    right = Played(events)
    wrong = {stamp(150), stamp(300), stamp(451)}
    played = Played(changed(events, lambda value: value + error * (value in wrong)))
    assert played.restarts == []
    assert set(right.stamps) - set(played.stamps) <= wrong
    assert set(played.stamps) <= set(right.stamps)


@pytest.mark.parametrize('disorder', ['one worker', 'four workers'])
@pytest.mark.parametrize('offset', [0, PERIOD // 3])
@pytest.mark.parametrize('back', [45, 150, 10**5])
def test_a_jump_back_restarts_once_and_quickly(back: int, offset: int, disorder: str) -> None:
    events = camera(1, DISORDER[disorder])
    moved = back * PERIOD - offset
    played = Played(changed(events, lambda value: value - moved * (value >= stamp(300))))
    (at,) = played.restarts
    assert at < 10.6
    assert played.counts['restarts'] == 1


@pytest.mark.parametrize('offset', [0, PERIOD // 3])
@pytest.mark.parametrize('back', [5, 10, 20])
def test_a_small_jump_back_restarts_once_and_quickly(back: int, offset: int) -> None:
    events = camera(1, DISORDER['one worker'])
    moved = back * PERIOD - offset
    played = Played(changed(events, lambda value: value - moved * (value >= stamp(300))))
    (at,) = played.restarts
    assert at < 10.3
    assert len(played.stamps) == FRAMES


def test_a_jump_ahead_continues_without_a_restart() -> None:
    events = camera(1, DISORDER['one worker'])
    played = Played(changed(events, lambda value: value + 3600 * SECOND * (value >= stamp(300))))
    assert played.restarts == []
    assert len(played.stamps) == FRAMES
    assert played.counts['superseded'] == 0


@pytest.mark.parametrize('images', [True, False])
@pytest.mark.parametrize('length', [40, 300])
def test_each_loop_restarts_once(length: int, images: bool) -> None:
    events = changed(
        camera(1, DISORDER['one worker']),
        lambda value: stamp((value - START) // PERIOD % length),
    )
    if not images:
        events = [event for event in events if event[1] == 'array']
    played = Played(events, images)
    assert len(played.restarts) == FRAMES // length - 1
    assert len(played.stamps) == FRAMES


def test_a_pause_is_not_a_jump() -> None:
    events = camera(1, DISORDER['one worker'])
    paused = [
        (at + 90 * (value >= stamp(300)), topic, value + 90 * SECOND * (value >= stamp(300)))
        for at, topic, value in events
    ]
    played = Played(paused)
    assert played.restarts == []
    assert played.counts['matched'] == FRAMES


@pytest.mark.parametrize('image_first', [True, False])
def test_a_stamp_of_another_time_is_accepted_if_nothing_follows(
    image_first: bool,
) -> None:
    sync = Synchroniser[str, str]()
    for frame in range(10):
        sync.add_image(stamp(frame), 'image')
        sync.add_detections(stamp(frame), 'array', 0)
        assert sync.take(0)
    if image_first:
        sync.add_image(stamp(0), 'image')
    sync.add_detections(stamp(0), 'array', 0)
    assert sync.take(0) == []
    if not image_first:
        sync.add_image(stamp(0), 'image')
        assert sync.take(0) == []
    wait = sync.wait(0)
    assert wait is not None
    assert sync.take(wait - 1) == []
    (frame,) = sync.take(wait)
    assert frame.restarted
    assert frame.image == 'image'


def test_the_period_is_the_most_frequent_interval() -> None:
    assert period_of([]) == period_of([5]) == 0
    assert period_of([stamp(n) for n in range(40) if n % 7]) == PERIOD


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(-3, 40), min_size=1, max_size=80),
    st.lists(st.integers(0, 3), min_size=80, max_size=80),
)
def test_every_array_is_counted_once(numbers: list[int], steps: list[int]) -> None:
    """Any stamps, far apart and near, with and without images, at any times of arrival."""
    events, now = [], 0.0
    for number, step in zip(numbers, steps, strict=False):
        now += step * 0.1
        value = stamp(number) if number >= 0 else START + number * DAY // 4
        events += [(now, 'image', value)] if step != 2 else []
        events += [(now, 'array', value)]
    played = Played(events)
    counts = played.counts
    fates = ('matched', 'without_image', 'superseded', 'late_detections', 'duplicate_detections')
    assert counts['detections'] == sum(counts[f] for f in fates) + counts['flushed_detections']
    assert len(played.stamps) == counts['matched'] + counts['without_image']
    assert len(played.restarts) <= counts['restarts']


def test_a_loop_whose_detections_differ_restarts() -> None:
    """As from a detector on a looped video: the same stamps again, with other content."""
    sync = Synchroniser[str, str](100, uses_images=False)
    for frame in range(120):
        sync.add_detections(stamp(frame % 60), 'array', frame * PERIOD, frame)
        sync.take(frame * PERIOD)
    assert sync.counts['restarts'] == 1
    assert sync.counts['unmerged_detections'] == 0


def test_the_number_of_held_copies_is_bounded() -> None:
    sync = Synchroniser[str, str](5, uses_images=False)
    for frame in [*range(10), *range(9)]:
        sync.add_detections(stamp(frame), 'array', 0)
        sync.take(0)
    assert sync.counts['duplicate_detections'] == 9 - 5
    assert sync.counts['restarts'] == 0
