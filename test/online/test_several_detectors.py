"""Arrays of several detectors on one topic, merged by their stamps."""

from __future__ import annotations

import pytest

from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.synchroniser import LEARNT_FROM, MOST_ARRAYS, SECOND, Synchroniser

PERIOD = SECOND // 30
MS = 1_000_000


def stamp(frame: int) -> int:
    return (frame + 100) * PERIOD


class Stream:
    """A camera at 30 Hz and detectors with delays; collects frames and their release times."""

    def __init__(self, images: bool = True) -> None:
        self.sync = Synchroniser[str, str](uses_images=images)
        self.events: list[tuple[int, int, str]] = []
        self.images = images

    def add(self, name: str, delay: int, frames: range, content: str | None = None) -> None:
        """Add a detector that takes `delay` ms; the name '' is the camera."""
        for frame in frames:
            text = f'{content or name} {frame}' if name else ''
            self.events.append((frame * PERIOD + delay * MS, frame, text))

    def play(self) -> list[tuple[int, Frame[str, str]]]:
        """Return the frames, each with the milliseconds from its image to its release."""
        given: list[tuple[int, Frame[str, str]]] = []
        events = sorted(self.events)
        for index, (now, frame, text) in enumerate(events):
            if text:
                self.sync.add_detections(stamp(frame), text, now, hash(text))
            elif self.images:
                self.sync.add_image(stamp(frame), f'image {frame}', now)
            end = events[index + 1][0] if index + 1 < len(events) else now + SECOND
            while True:
                found = self.sync.take(now)
                given += [(now // MS, one) for one in found]
                if self.sync.ready:
                    continue
                wait = self.sync.wait(now)
                if wait is None or now + wait >= end:
                    break
                now += wait
        return [(now - (one.stamp - stamp(0)) // MS, one) for now, one in given]


def arrays(frame: Frame[str, str]) -> list[str]:
    return [text.split()[0] for text in frame.arrays]


@pytest.mark.parametrize('images', [True, False])
def test_two_arrays_of_a_stamp_are_one_frame(images: bool) -> None:
    stream = Stream(images)
    stream.add('', 0, range(100))
    stream.add('people', 30, range(100))
    stream.add('cars', 80, range(100))
    given = stream.play()
    assert [frame.stamp for _, frame in given] == [stamp(n) for n in range(100)]
    # The first frames show the synchroniser that there are two detectors.
    joined = given[5:]
    assert all(arrays(frame) == ['people', 'cars'] for _, frame in joined)
    assert all((frame.image is not None) == images for _, frame in joined)
    assert max(late for late, _ in joined) <= 81
    counts = stream.sync.counts
    assert counts['merged_detections'] + counts['unmerged_detections'] == 100
    assert counts['unmerged_detections'] <= 5
    assert counts['duplicate_detections'] == 0


def test_a_single_publisher_has_no_added_latency() -> None:
    stream = Stream()
    stream.add('', 0, range(100))
    stream.add('people', 30, range(100))
    stream.add('people', 45, range(0, 100, 3))  # a faulty publisher that sends copies
    given = stream.play()
    assert {late for late, _ in given} <= {30, 31}
    assert stream.sync.counts['duplicate_detections'] == 34
    assert stream.sync.counts['matched'] == 100


def test_a_detector_of_a_lower_rate_is_merged_too() -> None:
    stream = Stream()
    stream.add('', 0, range(200))
    stream.add('people', 30, range(200))
    stream.add('cars', 60, range(0, 200, 5))
    given = stream.play()
    with_cars = [frame.stamp for _, frame in given if 'cars' in arrays(frame)]
    assert with_cars == [stamp(n) for n in range(10, 200, 5)]
    assert max(late for late, _ in given) <= 231  # sync_deadline


def test_a_detector_that_ends_soon_causes_no_wait() -> None:
    stream = Stream()
    stream.add('', 0, range(120))
    stream.add('people', 30, range(120))
    stream.add('cars', 60, range(40))
    given = stream.play()
    assert len(given) == 120
    assert max(late for late, _ in given) <= 231  # sync_deadline
    assert {late for late, _ in given[40 + LEARNT_FROM + 8 :]} <= {30, 31}


def test_two_empty_arrays_are_merged() -> None:
    """Empty arrays of both detectors are the same bytes."""
    stream = Stream()
    stream.add('', 0, range(100))
    for name, delay in (('people', 30), ('cars', 60)):
        stream.add(name, delay, range(20))
        stream.add(name, delay, range(20, 70), content='empty')
        stream.add(name, delay, range(70, 100))
    given = stream.play()
    assert max(late for late, _ in given) <= 61
    assert all(arrays(frame) == ['people', 'cars'] for _, frame in given[70:])
    assert stream.sync.counts['duplicate_detections'] == 0


def test_a_detector_that_is_always_too_late_is_counted_and_causes_no_wait() -> None:
    stream = Stream()
    stream.add('', 0, range(100))
    stream.add('people', 30, range(100))
    stream.add('cars', 400, range(100))
    given = stream.play()
    assert {late for late, _ in given} <= {30, 31}
    assert stream.sync.counts['unmerged_detections'] == 100
    assert stream.sync.counts['restarts'] == 0


def test_a_stamp_that_never_changes_uses_no_more_memory() -> None:
    sync = Synchroniser[str, str]()
    for number in range(1000):
        sync.add_detections(stamp(0), f'array {number}', number * PERIOD, number)
        sync.take(number * PERIOD)
    (released,) = sync._released.values()
    assert len(released.contents) == MOST_ARRAYS
    assert sync.counts['matched'] + sync.counts['without_image'] == 1


def test_the_arrays_that_wait_for_one_stamp_are_bounded() -> None:
    sync = Synchroniser[int, str]()
    for number in range(100):
        sync.add_detections(stamp(0), number, 0, number)
    (frame,) = sync.take(SECOND)
    assert frame.arrays == list(range(MOST_ARRAYS))
    assert sync.counts['duplicate_detections'] == 100 - MOST_ARRAYS
