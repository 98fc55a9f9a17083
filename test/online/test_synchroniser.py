"""Pairing by exact stamp: paired, dropped and late messages, and jumps back of time."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.online.synchroniser import SECOND, Frame, Synchroniser

PERIOD = SECOND // 30
DEADLINE = SECOND // 5
START = 100 * SECOND
BACKLOG = SECOND // 10
MS = 1_000_000

Sync = Synchroniser[str, str]


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def image(sync: Sync, frame: int) -> None:
    sync.add_image(stamp(frame), f'image {frame}')


def detections(sync: Sync, frame: int, now: int = 0) -> None:
    sync.add_detections(stamp(frame), f'detections {frame}', now)


def take_all(sync: Sync, now: int = 0) -> list[Frame[str, str]]:
    """Take frames like a tracker that keeps up."""
    frames = sync.take(now)
    while sync.ready:
        frames += sync.take(now)
    return frames


def both(sync: Sync, frame: int, now: int = 0) -> list[Frame[str, str]]:
    image(sync, frame)
    detections(sync, frame, now)
    return take_all(sync, now)


def numbers(frames: list[Frame[str, str]]) -> list[tuple[int, bool]]:
    """Return the frame number, and whether the frame has its image."""
    for frame in frames:
        assert frame.image in (None, frame.detections.replace('detections', 'image'))
    return [(int(frame.detections.split()[1]), frame.image is not None) for frame in frames]


def test_pairs_are_found_in_either_order() -> None:
    sync = Sync()
    image(sync, 1)
    assert sync.take(0) == []
    detections(sync, 1)
    assert numbers(sync.take(0)) == [(1, True)]
    detections(sync, 2)
    assert sync.take(0) == []
    image(sync, 2)
    assert numbers(sync.take(0)) == [(2, True)]
    assert sync.counts['matched'] == 2


def test_one_dropped_image_does_not_disturb_the_next_pairs() -> None:
    sync = Sync()
    seen = []
    for frame in range(20):
        if frame != 5:
            image(sync, frame)
        detections(sync, frame, frame * PERIOD)
        seen += sync.take(frame * PERIOD)
    assert numbers(seen) == [(frame, frame != 5) for frame in range(20)]


def test_a_slow_detector_finds_its_image() -> None:
    sync = Sync()
    seen = []
    for frame in range(40):
        image(sync, frame)
        if frame >= 10 and frame % 2 == 0:
            detections(sync, frame - 10, frame * PERIOD)
        seen += sync.take(frame * PERIOD)
    assert numbers(seen) == [(frame, True) for frame in range(0, 30, 2)]
    assert sync.counts['unused_images'] == 14


def test_detections_without_image_are_released_at_the_deadline() -> None:
    sync = Sync(deadline=DEADLINE)
    assert sync.wait(7) is None
    detections(sync, 1, 7)
    assert sync.wait(7) == DEADLINE
    assert sync.take(7 + DEADLINE - 1) == []
    assert numbers(sync.take(7 + DEADLINE)) == [(1, False)]
    image(sync, 1)
    assert sync.take(2 * DEADLINE) == []
    assert sync.counts['late_images'] == 1
    assert sync.wait(0) is None


def test_a_deadline_of_zero_does_not_wait() -> None:
    sync = Sync(deadline=0)
    detections(sync, 1)
    assert numbers(sync.take(0)) == [(1, False)]


def complete(sync: Sync, frames: range, now: int = 0) -> None:
    """Add images and detections, without the image of frame 2."""
    for frame in frames:
        if frame != 2:
            image(sync, frame)
        detections(sync, frame, now)


def test_a_few_pairs_at_once_are_tracked_in_order() -> None:
    sync = Sync(backlog=BACKLOG)
    complete(sync, range(5))
    seen = []
    for now in (0, BACKLOG // 2, BACKLOG, BACKLOG + 1):
        frames = sync.take(now)
        assert sum(frame.image is not None for frame in frames) == 1
        assert sync.ready == (now <= BACKLOG)
        seen += frames
    assert numbers(seen) == [(frame, frame != 2) for frame in range(5)]
    assert sync.counts['superseded'] == 0


def test_the_newest_pair_wins_when_the_backlog_is_too_old() -> None:
    sync = Sync(backlog=BACKLOG)
    complete(sync, range(-1, 5))
    assert numbers(sync.take(0)) == [(-1, True)]
    frames = sync.take(BACKLOG + 1)
    assert numbers(frames) == [(2, False), (4, True)]
    assert sync.counts['superseded'] == 3
    assert sync.counts['matched'] == 2
    # The dropped frames count as elapsed time.
    stamps = [stamp for frame in frames for stamp in (*frame.dropped, frame.stamp)]
    assert stamps == [START + n * PERIOD for n in range(5)]
    detections(sync, 3)
    assert sync.take(0) == []
    assert sync.wait(0) is not None
    assert sync.take(SECOND) == []
    assert sync.counts['duplicate_detections'] == 1


def test_while_the_tracker_is_behind_latency_does_not_grow() -> None:
    """Pairs arrive every 10 ms, and tracking one takes 25 ms: the newest is always tracked."""
    sync = Sync(backlog=BACKLOG)
    tracked, ages = 0, []
    for time in range(0, 1000, 25):
        while tracked * 10 <= time:
            image(sync, tracked)
            detections(sync, tracked, tracked * 10 * MS)
            tracked += 1
        (frame,) = sync.take(time * MS)
        ages.append(time - 10 * (frame.stamp - START) // PERIOD)
    assert max(ages) <= BACKLOG // MS + 25
    assert max(ages[12:]) <= 10
    # When the tracker has caught up, pairs that arrive together are tracked one after the other.
    take_all(sync, 2000 * MS)
    assert sync.take(2001 * MS) == []
    complete(sync, range(tracked, tracked + 3), 2002 * MS)
    assert len(take_all(sync, 2002 * MS)) == 3


def test_a_replay_drops_no_frame() -> None:
    sync = Sync(backlog=None)
    complete(sync, range(20))
    assert numbers(take_all(sync, 60 * SECOND)) == [(frame, frame != 2) for frame in range(20)]


def test_detections_overtaken_by_newer_ones_are_late() -> None:
    sync = Sync()
    image(sync, 4)
    assert numbers(both(sync, 5)) == [(5, True)]
    detections(sync, 4)
    assert sync.take(SECOND) == []
    assert numbers(both(sync, 6)) == [(6, True)]
    assert sync.counts['late_detections'] == 1
    assert sync.counts['restarts'] == 0


def test_second_copies_are_counted_and_not_tracked() -> None:
    sync = Sync()
    seen = []
    for frame in range(5):
        image(sync, frame)
        image(sync, frame)
        detections(sync, frame)
        detections(sync, frame)
        seen += sync.take(0)
        detections(sync, frame)
        seen += sync.take(0)
        image(sync, frame)
    assert numbers(seen) == [(frame, True) for frame in range(5)]
    assert sync.counts['duplicate_images'] == 10
    assert sync.counts['duplicate_detections'] == 10
    assert sync.counts['restarts'] == 0


def test_a_loop_restarts_once_and_pairing_continues() -> None:
    for length in (5, 10, 100):
        sync = Sync(deadline=DEADLINE)
        seen = []
        # The detector is two frames behind, so that the loops overlap.
        images = list(range(length)) * 3
        for time in range(len(images) + 2):
            if time < len(images):
                image(sync, images[time])
            if time >= 2:
                detections(sync, images[time - 2], time * PERIOD)
            seen += take_all(sync, time * PERIOD)
        assert numbers(seen) == [(frame, True) for frame in images]
        restarts = [n for n, frame in enumerate(seen) if frame.restarted]
        assert restarts == [length, 2 * length]
        assert sync.counts['restarts'] == 2


def test_a_loop_that_lost_its_first_frames_restarts_too() -> None:
    sync = Sync()
    for frame in range(20):
        both(sync, frame)
    seen = [frame for n in range(3, 20) for frame in both(sync, n)]
    assert sync.counts['restarts'] == 1
    assert sync.counts['late_detections'] + sync.counts['duplicate_detections'] == 0
    assert seen[0].restarted
    assert numbers(seen) == [(frame, True) for frame in range(3, 20)]


def test_waiting_detections_do_not_survive_a_jump() -> None:
    sync = Sync()
    both(sync, 100)
    detections(sync, 101)
    assert both(sync, 1) + both(sync, 2) == []
    assert numbers(both(sync, 3)) == [(1, True), (2, True), (3, True)]
    assert sync.counts['flushed_detections'] == 1
    assert sync.counts['restarts'] == 1


def test_zero_stamps_are_tracked_at_once_and_counted() -> None:
    sync = Sync()
    sync.add_image(0, 'image 0')
    for _ in range(3):
        sync.add_detections(0, 'detections 0', 0)
    frames = sync.take(0)
    assert [frame.stamp for frame in frames] == [0, 0, 0]
    assert all(frame.image is None for frame in frames)
    assert sync.counts['unstamped_detections'] == 3
    assert sync.counts['unstamped_images'] == 1


def test_images_and_detections_that_wait_are_bounded() -> None:
    sync = Sync(capacity=4, deadline=10**6 * SECOND)
    for frame in range(100):
        image(sync, frame)
    assert sync.counts['unused_images'] == 96
    sync.clear()
    released = 0
    for frame in range(100):
        detections(sync, frame)
        released += len(sync.take(0))
    assert released == 96


def test_clear_resets_time_but_not_counts() -> None:
    sync = Sync()
    both(sync, 100)
    image(sync, 101)
    detections(sync, 102)
    sync.clear()
    assert sync.take(10**6 * SECOND) == []
    frames = both(sync, 1)
    assert numbers(frames) == [(1, True)]
    assert not frames[0].restarted
    assert sync.counts['matched'] == 2


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(['image', 'detections', 'take', 'pass']),
        st.integers(0, 12),
    ),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.integers(1, 6))
def test_any_order_of_messages_is_handled(events: list[tuple[str, int]], capacity: int) -> None:
    sync = Sync(capacity=capacity, deadline=DEADLINE)
    now, seen = 0, []
    for kind, frame in events:
        if kind == 'image':
            image(sync, frame)
        elif kind == 'detections':
            detections(sync, frame, now)
        elif kind == 'take':
            seen += sync.take(now)
        else:
            now += frame * PERIOD
    seen += take_all(sync, now + 10 * SECOND)
    numbers(seen)
    for before, after in itertools.pairwise(seen):
        assert after.restarted or after.stamp > before.stamp
    counts = sync.counts
    assert len(seen) == counts['matched'] + counts['without_image']
    assert sum(frame.restarted for frame in seen) <= counts['restarts']
    fates = ('matched', 'without_image', 'superseded', 'late_detections', 'duplicate_detections')
    assert counts['detections'] == sum(counts[f] for f in fates) + counts['flushed_detections']
    assert sync.wait(now) is None


def test_the_image_of_dropped_detections_is_not_late() -> None:
    sync = Sync(deadline=DEADLINE)
    for frame in 1, 3:
        image(sync, frame)
        detections(sync, frame)
    take_all(sync)
    detections(sync, 2)  # older than frame 3: dropped, and not tracked without its image
    image(sync, 2)
    assert take_all(sync) == []
    assert sync.counts['late_detections'] == 1
    assert sync.counts['late_images'] == 0
