"""Bags of earlier versions are read and refined as before.

data/0.1.0 has a bag of each storage, written by `strongsort replay` of version 0.1.0, and the
MOTChallenge text it wrote beside them. A person is hidden for 34 frames and gets a new id; a dog is
missed for three frames.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.refinement.bag import refine_bag
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings, RtsSettings
from strongsort_ros.refinement.tracks import RefinementSteps
from test.bags.any_reader import open_any_reader
from test.bags.track_bags import digests

DATA = Path(__file__).parent / 'data' / '0.1.0'
STORAGES = ('mcap', 'sqlite3')
STEPS = RefinementSteps(AflinkSettings(), GsiSettings())


@pytest.mark.parametrize('storage', STORAGES)
def test_tracks_of_a_bag_of_0_1_0(storage: str) -> None:
    expected = load_tracks(DATA / 'tracks.txt')
    rows = read_tracks(DATA / f'tracks_{storage}')
    assert (rows.frames.tolist(), rows.ids.tolist()) == (
        expected.frames.tolist(), expected.ids.tolist(),
    )  # fmt: skip
    np.testing.assert_allclose(rows.tlwh, expected.tlwh, rtol=0, atol=0.0051)
    assert dict(zip(rows.ids.tolist(), rows.class_ids.tolist(), strict=True)) == {
        1: 'person', 2: 'dog', 3: 'person',
    }  # fmt: skip
    detections = read_tracks(DATA / f'tracks_{storage}', '/tracked_detections', frame_rate=10)
    assert set(detections.ids.tolist()) == {1, 2, 3}
    assert len(detections) == 45


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize(
    ('topic', 'boxes_in', 'boxes_out', 'person_until', 'dog_until'),
    [('/tracks', 48, 50, 13, 31), ('/tracked_detections', 45, 48, 12, 30)],
)
def test_refining_a_bag_of_0_1_0(
    tmp_path: Path,
    storage: str,
    topic: str,
    boxes_in: int,
    boxes_out: int,
    person_until: int,
    dog_until: int,
) -> None:
    """Tracks last one frame longer than their last detection; detections do not."""
    source = DATA / f'tracks_{storage}'
    before = digests(source)
    done = refine_bag(source, tmp_path / 'out', STEPS, topic=topic)
    assert digests(source) == before
    assert (done.tracks_in, done.tracks_out, done.links) == (3, 2, 1)
    assert (done.boxes_in, done.boxes_out) == (boxes_in, boxes_out)
    assert done.interpolated == boxes_out - boxes_in
    rows = read_tracks(tmp_path / 'out', topic)
    assert rows.frames[rows.ids == 1].tolist() == [
        *range(3, person_until + 1), *range(47, 57),
    ]  # fmt: skip
    assert rows.frames[rows.ids == 2].tolist() == list(range(3, dog_until + 1))
    # Where the dog was missed, its box lies on the line between its neighbours.
    left = rows.tlwh[rows.ids == 2, 0]
    np.testing.assert_allclose(left[12:14], [375.0, 372.0], atol=0.2)


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('topic', ['/tracks', '/tracked_detections'])
def test_smoothing_a_bag_of_0_1_0(tmp_path: Path, storage: str, topic: str) -> None:
    """Its states tell the predicted boxes, so both topics have the same measured ones."""
    steps = RefinementSteps(rts=RtsSettings())
    done = refine_bag(DATA / f'tracks_{storage}', tmp_path / 'out', steps, topic=topic)
    assert (done.tracks_in, done.tracks_out) == (3, 3)
    assert (done.boxes_out, done.interpolated) == (48, 3)
    rows = read_tracks(tmp_path / 'out', topic)
    assert rows.frames[rows.ids == 2].tolist() == list(range(3, 31))
    left = rows.tlwh[rows.ids == 2, 0]
    np.testing.assert_allclose(left[12:14], [375.0, 372.0], atol=0.5)


@pytest.mark.parametrize('storage', STORAGES)
def test_a_refined_bag_of_0_1_0_has_the_types_of_0_1_0(tmp_path: Path, storage: str) -> None:
    """Its messages keep their fields, so that tools of version 0.1 can still read it."""
    source = DATA / f'tracks_{storage}'
    refine_bag(source, tmp_path / 'out', STEPS, topic='/tracks')
    with open_any_reader(tmp_path / 'out') as reader:
        messages: list[Any] = [
            reader.deserialize(data, connection.msgtype)
            for connection, _, data in reader.messages()
            if connection.topic == '/tracks'
        ]
    assert sum(len(message.tracks) for message in messages) == 50
    assert not any(hasattr(track, 'reported') for m in messages for track in m.tracks)
    again = refine_bag(tmp_path / 'out', tmp_path / 'again', STEPS, topic='/tracks')
    assert (again.boxes_in, again.boxes_out) == (50, 50)


@pytest.mark.parametrize('file', ['tracks_mcap/tracks_mcap.mcap', 'tracks_sqlite3'])
def test_a_bag_of_0_1_0_without_type_hashes(tmp_path: Path, file: str) -> None:
    """The definition of the messages tells their fields."""
    bag = tmp_path / Path(file).name
    if (DATA / file).is_file():
        shutil.copy(DATA / file, bag)
    else:
        shutil.copytree(DATA / file, bag)
        metadata = bag / 'metadata.yaml'
        metadata.write_text(re.sub(r'RIHS01_\w+', "''", metadata.read_text()))
    rows = read_tracks(bag, '/tracks')
    np.testing.assert_array_equal(rows.tlwh, read_tracks((DATA / file), '/tracks').tlwh)
    assert len(rows) == 48


def test_the_bags_name_no_machine() -> None:
    for path in DATA.glob('*/*'):
        assert not any(word in path.read_bytes() for word in (b'/home/', b'/root/', b'/tmp/'))
