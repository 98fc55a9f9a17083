"""Refined bags: their tracks, and the messages that are copied."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter, Storage
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.messages.track2d_array import TrackArray, read_track_array
from strongsort_ros.refinement.bag import refine_bag
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings
from strongsort_ros.refinement.tracks import RefinementSteps, apply_steps, refine_tracks
from strongsort_ros.tracking.tracks import CONFIRMED, LOST
from strongsort_ros.types import SECOND
from test.bags.any_reader import open_any_reader
from test.bags.track_bags import (
    RATE,
    detections,
    digests,
    lost,
    stamp,
    track,
    track_array,
    walk,
    write_messages,
)

GSI = RefinementSteps(gsi=GsiSettings())
# The published network links over the short gaps of these tests.
LINK = RefinementSteps(aflink=AflinkSettings(), checkpoint=Path('published'))
BOTH = dataclasses.replace(LINK, gsi=GsiSettings())
STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')


def arrays(bag: Path) -> list[TrackArray]:
    """Return all messages of a bag of tracks."""
    with open_bag(bag) as opened:
        return [read_track_array(data) for _, _, data in opened.messages()]


@pytest.mark.parametrize('storage', STORAGES)
def test_a_gap_is_filled_and_marked(tmp_path: Path, storage: Storage) -> None:
    """Only frames with a message get boxes, in the bag and in the text."""
    messages = walk([1, 2, 3, 8, 9], 7)
    messages |= {frame: track_array(frame, []) for frame in (5, 6, 7)}
    source = write_messages(tmp_path / 'in', dict(sorted(messages.items())), storage)
    before = digests(source)
    done = refine_bag(source, tmp_path / 'out', GSI)
    assert digests(source) == before
    assert (done.tracks_in, done.tracks_out, done.links) == (1, 1, 0)
    assert (done.boxes_in, done.boxes_out, done.interpolated) == (5, 8, 3)
    made = arrays(tmp_path / 'out')
    assert [array.header.stamp for array in made] == [stamp(f) for f in (1, 2, 3, 5, 6, 7, 8, 9)]
    rows = np.concatenate([array.tracks for array in made])
    assert rows['id'].tolist() == [7] * 8
    assert rows['state'].tolist() == [CONFIRMED] * 3 + [LOST] * 3 + [CONFIRMED] * 2
    assert rows['detection_index'].tolist() == [0] * 3 + [-1] * 3 + [0] * 2
    assert rows['time_since_update'].tolist() == [0, 0, 0, 2, 3, 4, 0, 0]
    assert rows['age'].tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    assert rows['hits'].tolist() == [1, 2, 3, 3, 3, 3, 4, 5]
    np.testing.assert_allclose(rows['center'][:, 0], [2, 4, 6, 10, 12, 14, 16, 18], atol=0.5)
    # 2 px a frame along the line, at 10 frames a second.
    np.testing.assert_allclose(rows['velocity'][3:6], [[2 * RATE, 0]] * 3, atol=1)
    text = load_tracks(tmp_path / 'out.txt')
    assert text.frames.tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    again = read_tracks(tmp_path / 'out')
    np.testing.assert_array_equal(again.frames, text.frames)
    np.testing.assert_allclose(again.tlwh, text.tlwh, atol=0.006)


def test_a_linked_track_continues_the_first_of_its_chain(tmp_path: Path) -> None:
    first, second = list(range(1, 40)), list(range(44, 80))
    messages = {**walk(first, 3), **walk(second, 9)}
    source = write_messages(tmp_path / 'in', messages)
    done = refine_bag(source, tmp_path / 'out', LINK)
    assert (done.tracks_in, done.tracks_out, done.links) == (2, 1, 1)
    rows = np.concatenate([array.tracks for array in arrays(tmp_path / 'out')])
    assert set(rows['id'].tolist()) == {3}
    assert set(rows['first_seen'].tolist()) == {divmod(stamp(1), SECOND)}
    assert rows['age'].tolist() == first + second
    assert rows['hits'].tolist() == list(range(1, len(first) + len(second) + 1))
    both = refine_bag(source, tmp_path / 'both', BOTH)
    assert (both.links, both.interpolated, both.boxes_out) == (1, 0, 75)


def test_classes_are_never_linked(tmp_path: Path) -> None:
    messages = walk(list(range(1, 40)), 3)
    messages |= {
        frame: track_array(frame, [track(9, 2 * frame)], ['car']) for frame in range(44, 80)
    }
    source = write_messages(tmp_path / 'in', messages)
    assert refine_bag(source, tmp_path / 'out', LINK).links == 0
    classes = {array.class_ids[0] for array in arrays(tmp_path / 'out')}
    assert classes == {'person', 'car'}


def test_camera_motion_is_compensated(tmp_path: Path) -> None:
    """The image jumps by 300 px between tracklets: they are linked only with camera motion."""
    jump = np.array([[1, 0, 300], [0, 1, 0], [0, 0, 1.0]])
    for known in (True, False):
        messages = walk(list(range(1, 40)), 3) | walk(list(range(44, 80)), 9, x=300)
        # The frames between were dropped: the motion is from frame 39 to 44.
        rows = [track(9, 300 + 2 * 44, detection_index=0)]
        messages[44] = track_array(44, rows, motion=jump if known else None)
        source = write_messages(tmp_path / f'in_{known}', messages)
        assert refine_bag(source, tmp_path / f'out_{known}', LINK).links == known


def test_unreported_tracks_are_left_out(tmp_path: Path) -> None:
    messages = {
        1: track_array(1, [track(1, 10), track(2, 50), track(3, 90, state=0, reported=0)]),
        2: track_array(2, [track(1, 12), lost(2, 50)]),
        3: track_array(3, [track(1, 14), lost(2, 50, missed=2), lost(4, 0, size=(0, 0))]),
        # Two frames were dropped: one that was missed here is missed for the first time.
        6: track_array(6, [lost(1, 20, missed=3, reported=1), lost(2, 50, missed=5)]),
    }
    source = write_messages(tmp_path / 'in', messages)
    rows = read_tracks(source)
    assert list(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True)) == [
        (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (6, 1),
    ]  # fmt: skip
    refine_bag(source, tmp_path / 'out', GSI)
    ids = [array.tracks['id'].tolist() for array in arrays(tmp_path / 'out')]
    assert ids == [[1, 2], [1, 2], [1], [1]]


def test_predicted_boxes_are_read_but_not_refined(tmp_path: Path) -> None:
    """A tracker that reports predictions for longer: they are no evidence of where a track is."""
    messages = walk([1, 2, 3, 8, 9], 7)
    for frame in (4, 5, 6, 7):
        rows = [lost(7, 100.0, missed=frame - 3, reported=frame < 7)]
        messages[frame] = track_array(frame, rows)
    source = write_messages(tmp_path / 'in', dict(sorted(messages.items())))
    assert read_tracks(source).frames.tolist() == [1, 2, 3, 4, 5, 6, 8, 9]
    messages |= {frame: track_array(frame, []) for frame in (5, 6, 7)}
    without = write_messages(tmp_path / 'without', dict(sorted(messages.items())))
    for name, bag in (('a', source), ('b', without)):
        done = refine_bag(bag, tmp_path / name, GSI)
        assert (done.boxes_in, done.boxes_out, done.interpolated) == (6, 9, 3)
    for one, other in zip(arrays(tmp_path / 'a'), arrays(tmp_path / 'b'), strict=True):
        np.testing.assert_array_equal(one.tracks, other.tracks)
        assert one.tracks['reported'].tolist() == [1]
    rows = [refine_tracks(bag, aflink=False) for bag in (source, without)]
    np.testing.assert_array_equal(rows[0].tlwh, rows[1].tlwh)


def boxes_of(bag: Path) -> list[dict[str, Any]]:
    """Return the detections by id of every message of a bag."""
    with open_any_reader(bag) as reader:
        found: list[Any] = [reader.deserialize(m[2], m[0].msgtype) for m in reader.messages()]
    return [{d.id: d for d in message.detections} for message in found]


def test_detections_with_text_ids(tmp_path: Path) -> None:
    """Detections without an id are kept, and gaps are filled by new detections."""
    box = (0.0, 0.0, 20.0, 40.0)
    messages = {
        frame: detections(frame, {'': (5.0 + frame, 5, 9, 9)} | ({} if frame in (4, 5) else {
            'anna': (2.0 * frame, *box[1:]), '007': (100 + 2.0 * frame, *box[1:])
        }))
        for frame in range(1, 9)
    }  # fmt: skip
    source = write_messages(tmp_path / 'in', messages, topic='/others', msgtype=DETECTIONS_TYPE)
    done = refine_bag(source, tmp_path / 'out', GSI)
    assert (done.tracks_out, done.boxes_in, done.boxes_out, done.interpolated) == (2, 12, 16, 4)
    made = boxes_of(tmp_path / 'out')
    assert all(set(message) == {'', 'anna', '007'} for message in made)
    for frame, message in enumerate(made, 1):
        assert message[''].bbox.center.position.x == 5 + frame + 4.5
        assert message['anna'].bbox.center.position.x == pytest.approx(2 * frame + 10, abs=0.5)
        assert message['007'].results[0].hypothesis.class_id == 'person'
        assert message['007'].results[0].hypothesis.score == pytest.approx(0.5)
        assert message['007'].header.frame_id == 'camera'
    assert set(load_tracks(tmp_path / 'out.txt').ids.tolist()) == {1, 2}


def test_overlapping_linked_detections_are_kept_once(tmp_path: Path) -> None:
    """Where linked tracklets overlap, the box of the earlier one is kept."""
    messages = {
        frame: detections(frame, {
            name: (2.0 * frame, 10, 20, 40)
            for name, frames in (('3', range(1, 42)), ('9', range(40, 80))) if frame in frames
        })
        for frame in range(1, 80)
    }  # fmt: skip
    source = write_messages(tmp_path / 'in', messages, topic='/others', msgtype=DETECTIONS_TYPE)
    steps = RefinementSteps(aflink=AflinkSettings(min_gap=-5, max_cost=0.9))
    done = refine_bag(source, tmp_path / 'out', steps)
    assert (done.links, done.boxes_in, done.boxes_out) == (1, 81, 79)
    assert [list(message) for message in boxes_of(tmp_path / 'out')] == [['3']] * 79


def test_a_bag_gives_the_same_rows_as_text(data_dir: Path, tmp_path: Path) -> None:
    """A bag of the golden tracks gives the published rows, in bag and text."""
    name = 'MOT17-02-FRCNN.txt'
    golden = load_tracks(data_dir / 'golden' / 'strongsort' / name)
    cxcywh = golden.tlwh.copy()
    cxcywh[:, :2] += cxcywh[:, 2:] / 2
    messages = {}
    for frame in np.unique(golden.frames).tolist():
        here = np.flatnonzero(golden.frames == frame)
        rows = [
            track(golden.ids[n], 0, center=cxcywh[n, :2], size=cxcywh[n, 2:], score=1)
            for n in here.tolist()
        ]
        messages[frame] = track_array(frame, rows, start=0)
    source = write_messages(tmp_path / 'in', messages)
    checkpoint = data_dir / 'aflink' / 'aflink_official_recipe.pth'
    steps = RefinementSteps(AflinkSettings(), GsiSettings(), checkpoint)
    done = refine_bag(source, tmp_path / 'out', steps)
    assert done.links == 2
    expected = load_tracks(data_dir / 'golden' / 'strongsort_aflink_gsi' / name)
    order = np.lexsort((expected.ids, expected.frames))
    for got in (load_tracks(tmp_path / 'out.txt'), read_tracks(tmp_path / 'out')):
        np.testing.assert_array_equal(got.frames, expected.frames[order])
        np.testing.assert_array_equal(got.ids, expected.ids[order])
        np.testing.assert_allclose(got.tlwh, expected.tlwh[order], atol=0.05)


def test_refining_twice_changes_nothing_more(tmp_path: Path) -> None:
    """Interpolated boxes are read again from a refined bag."""
    messages = walk([1, 2, 3, 8, 9], 7) | {f: track_array(f, []) for f in (4, 5, 6, 7)}
    source = write_messages(tmp_path / 'in', dict(sorted(messages.items())))
    refine_bag(source, tmp_path / 'once', GSI)
    done = refine_bag(tmp_path / 'once', tmp_path / 'twice', LINK)
    assert (done.boxes_in, done.boxes_out, done.interpolated) == (9, 9, 0)
    first, second = arrays(tmp_path / 'once'), arrays(tmp_path / 'twice')
    for a, b in zip(first, second, strict=True):
        assert a.tracks['state'].tolist() == b.tracks['state'].tolist()


def test_two_topics_are_refined_in_turn(tmp_path: Path) -> None:
    """The topic refined first keeps its interpolated boxes and its mark."""
    with BagWriter(tmp_path / 'in') as bag:
        messages = walk([1, 2, 6], 1) | {frame: track_array(frame, []) for frame in (3, 4)}
        for frame, message in sorted(messages.items()):
            for topic in ('/left', '/right'):
                bag.write_serialized(topic, TRACKS_TYPE, stamp(frame), message)
    refine_bag(tmp_path / 'in', tmp_path / 'left', GSI, topic='/left')
    refine_bag(tmp_path / 'left', tmp_path / 'both', GSI, topic='/right')
    for topic in ('/left', '/right'):
        assert read_tracks(tmp_path / 'both', topic).frames.tolist() == [1, 2, 3, 4, 6]


def test_steps_on_rows(data_dir: Path) -> None:
    golden = load_tracks(data_dir / 'golden' / 'strongsort' / 'MOT17-09-FRCNN.txt')
    refined = apply_steps(golden, BOTH)
    seen = refined.source >= 0
    assert refined.interpolated == np.count_nonzero(~seen)
    np.testing.assert_array_equal(refined.tracks.frames[seen], golden.frames[refined.source[seen]])
    untouched = apply_steps(golden, RefinementSteps())
    assert (untouched.links, untouched.interpolated) == (0, 0)
    np.testing.assert_array_equal(untouched.source, np.arange(len(golden)))


@settings(max_examples=10, deadline=None)
@given(
    st.sets(st.integers(1, 40), min_size=1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4),
    st.sampled_from(STORAGES),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_bag_and_its_rows_give_the_same_tracks(
    frames: set[int], ids: list[int], storage: Storage, seed: int
) -> None:
    """With random dropped frames and broken tracks."""
    pytest.importorskip('torch')
    rng = np.random.default_rng(seed)
    messages = {}
    for frame in sorted(frames):
        here = [i for i in dict.fromkeys(ids) if rng.random() < 0.6]
        messages[frame] = track_array(frame, [track(i, rng.uniform(0, 99)) for i in here])
    with TemporaryDirectory() as folder:
        source = write_messages(Path(folder) / 'in', messages, storage)
        before = read_tracks(source, frame_rate=RATE)
        done = refine_bag(source, Path(folder) / 'out', BOTH, frame_rate=RATE)
        after = read_tracks(Path(folder) / 'out', frame_rate=RATE)
    expected = apply_steps(before, BOTH).tracks
    numbers = np.array(sorted(frames)) - min(frames) + 1
    expected = expected.select(np.isin(expected.frames, numbers))
    np.testing.assert_array_equal(after.frames, expected.frames)
    np.testing.assert_array_equal(after.ids, expected.ids)
    np.testing.assert_allclose(after.tlwh, expected.tlwh, atol=1e-9)
    np.testing.assert_allclose(after.scores, expected.scores, atol=1e-6)
    assert done.boxes_out == len(after)
    assert done.interpolated >= len(after) - len(before)


@pytest.mark.parametrize('storage', STORAGES)
def test_a_singular_camera_motion_is_ignored(tmp_path: Path, storage: Storage) -> None:
    """A singular camera motion in a bag is taken for unknown."""
    messages = walk(range(1, 20), 1) | walk(range(24, 40), 2)
    # Of the last message of the one and the first of the other, between which motions count.
    for frame, identity in ((19, 1), (24, 2)):
        messages[frame] = track_array(
            frame, [track(identity, 2 * frame)], motion=np.diag([1.0, 0.0, 1.0])
        )
    source = write_messages(tmp_path / 'in', messages, storage)
    steps = RefinementSteps(aflink=AflinkSettings(), gsi=None)
    done = refine_bag(source, tmp_path / 'out', steps, frame_rate=10)
    assert done.boxes_out == done.boxes_in
