"""Requests to the refiner node: results, paths and settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import Storage
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.messages.track2d_array import TrackArray, read_track_array
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from test.bags.track_bags import (
    digests,
    stamp,
    track,
    track_array,
    walk,
    write_messages,
)
from test.nodes.refiner import Refiner

Start = Callable[..., Refiner]


def arrays(bag: Path) -> list[TrackArray]:
    """Return the messages of a bag of tracks."""
    with open_bag(bag) as opened:
        return [read_track_array(data) for _, _, data in opened.messages()]


def test_a_bag_is_refined_beside_itself(refiner: Refiner) -> None:
    before = digests(refiner.root / 'bag')
    response = refiner.refine('bag')
    assert response.success, response.message
    output = refiner.root / 'bag_refined'
    assert Path(response.output_uri) == output
    assert (response.tracks_in, response.tracks_out, response.links) == (1, 1, 0)
    assert (response.boxes_in, response.boxes_out) == (5, 9)
    assert 0 < response.duration < 60
    stamps = [message.header.stamp for message in arrays(output)]
    assert stamps == [stamp(frame) for frame in range(1, 10)]
    assert len(load_tracks(output.with_name('bag_refined.txt'))) == 9
    assert digests(refiner.root / 'bag') == before
    # An existing output is not replaced.
    before = digests(output)
    again = refiner.refine('bag')
    assert not again.success
    assert str(output) in again.message
    assert digests(output) == before
    report = refiner.report()
    assert report['message'] == 'active'
    assert report['last_answer'] == again.message
    assert (int(report['done']), int(report['failed'])) >= (1, 1)


def test_gsi_alone_with_other_settings(refiner: Refiner) -> None:
    assert refiner.set_parameters(**{'gsi.interval': 3}) == []
    response = refiner.refine('bag', 'made/here', aflink=False)
    assert response.success, response.message
    assert (response.output_uri, response.boxes_out) == (str(refiner.root / 'made' / 'here'), 5)
    assert refiner.set_parameters(**{'gsi.interval': 20}) == []
    assert refiner.set_parameters(**{'aflink.max_gap': 50}) == []
    (reason,) = refiner.set_parameters(**{'aflink.min_gap': 50})
    assert 'max_gap' in reason


def test_rts_with_the_tentative_boxes(refiner: Refiner) -> None:
    """The bag has two tentative boxes, which become confirmed, and a gap of three frames."""
    messages = walk([1, 2, 3, 7, 8, 9], 1)
    messages |= {
        frame: track_array(frame, [track(1, 2.0 * frame, state=TENTATIVE)]) for frame in (1, 2)
    }
    messages |= {frame: track_array(frame, []) for frame in (4, 5, 6)}
    write_messages(refiner.root / 'births', dict(sorted(messages.items())))
    response = refiner.refine('births', aflink=False, gsi=False, smooth='rts')
    assert response.success, response.message
    assert (response.tracks_in, response.boxes_in, response.boxes_out) == (1, 4, 9)
    made = np.concatenate([a.tracks for a in arrays(refiner.root / 'births_refined')])
    assert made['state'].tolist() == [CONFIRMED] * 3 + [LOST] * 3 + [CONFIRMED] * 3
    np.testing.assert_allclose(made['center'][:, 0], np.arange(1, 10) * 2, atol=0.5)
    assert refiner.set_parameters(**{'rts.max_gap': 3}) == []
    response = refiner.refine('births', 'apart', aflink=False, gsi=False, smooth='rts')
    assert response.boxes_out == 6
    assert refiner.set_parameters(**{'rts.max_gap': 20}) == []


def test_nothing_outside_the_allowed_root_is_read_or_written(
    refiner: Refiner, tmp_path: Path
) -> None:
    outside = tmp_path / 'outside'
    outside.mkdir()
    write_messages(outside / 'bag', walk([1, 2, 3], 1))
    (refiner.root / 'link').symlink_to(outside)
    # A bag of which a file is a link.
    (storage,) = (outside / 'bag').glob('*.mcap')
    shutil.copytree(outside / 'bag', refiner.root / 'hollow')
    (refiner.root / 'hollow' / storage.name).unlink()
    (refiner.root / 'hollow' / storage.name).symlink_to(storage)
    before, there = digests(outside), refiner.outputs()
    for uri in ('bag/../../outside/bag', str(outside / 'bag'), 'link/bag', 'hollow'):
        response = refiner.refine(uri, 'made')
        assert not response.success
        assert 'leads out of the allowed root' in response.message
    for uri in ('../outside/made', str(outside / 'made'), 'link/made', 'bag/../link/made'):
        response = refiner.refine('bag', uri)
        assert not response.success
        assert 'leads out of the allowed root' in response.message
    assert digests(outside) == before
    assert refiner.outputs() == there


def test_invalid_requests_fail_with_one_line(refiner: Refiner) -> None:
    (refiner.root / 'empty').mkdir()
    (refiner.root / 'text').write_text('no bag')
    for uri in ('nowhere', 'empty', 'text', '\0'):
        response = refiner.refine(uri, 'made')
        assert not response.success
        assert response.message
        assert '\n' not in response.message
        assert 'Traceback' not in response.message
    assert not refiner.refine('bag', tracks_topic='/other').success
    response = refiner.refine('bag', aflink=False, gsi=False)
    assert response.message == 'refused: nothing to do; request aflink, gsi or smooth'
    response = refiner.refine('bag', aflink=False, gsi=False, smooth='none')
    assert response.message == 'refused: nothing to do; request aflink, gsi or smooth'
    response = refiner.refine('bag', smooth='rts')
    assert response.message.startswith('refused: gsi and smooth both fill gaps')
    response = refiner.refine('bag', smooth='strong')
    assert response.message == "refused: smooth: 'strong' is not one of: none, rts"
    assert refiner.refine('bag').success
    assert 'Traceback' not in refiner.process.text()


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_percent_encoded_name_stays_in_the_allowed_root(
    refiner: Refiner, storage: Storage
) -> None:
    """rosbags opens SQLite files as URIs, which are decoded."""
    write_messages(refiner.root / 'source', walk([1, 2, 3], 1), storage)
    before = set(refiner.root.parent.iterdir())
    name = 'x%2F..%2F..%2Fescaped'
    response = refiner.refine('source', name, aflink=False)
    assert response.success, response.message
    assert set(refiner.root.parent.iterdir()) == before
    assert len(arrays(refiner.root / name)) == 3


@pytest.mark.parametrize('uri', ['bag/in', 'bag/deep/in', 'line\nbreak', 'deep/line\rbreak/x'])
def test_invalid_outputs_are_refused(refiner: Refiner, uri: str) -> None:
    before = digests(refiner.root / 'bag')
    response = refiner.refine('bag', uri)
    assert not response.success
    assert 'is inside the bag' in response.message or 'control character' in response.message
    assert '\n' not in response.message
    assert digests(refiner.root / 'bag') == before
    assert refiner.outputs() == set()


def test_messages_are_of_bounded_length(refiner: Refiner) -> None:
    for response in (
        refiner.refine('bag', tracks_topic='/' + 'x' * 100_000),
        refiner.refine('x' * 100_000),
        refiner.refine('bag', 'x/' * 2000),
    ):
        assert not response.success
        assert len(response.message) < 1000
    assert 'Traceback' not in refiner.process.text()


def test_an_invalid_checkpoint_is_named_and_can_be_corrected(
    start_refiner: Start, tmp_path: Path
) -> None:
    wrong = tmp_path / 'wrong.pth'
    wrong.write_bytes(b'no checkpoint')
    refiner = start_refiner(autostart=False, weights=str(wrong))
    assert not refiner.change_state('configure')
    assert str(wrong) in refiner.process.text()
    assert 'Traceback' not in refiner.process.text()
    assert refiner.state() == 'unconfigured'
    assert refiner.refine('bag').message.startswith('refused: the node is unconfigured')
    assert refiner.set_parameters(weights='') == []
    assert refiner.change_state('configure')
    assert refiner.change_state('activate')
    assert refiner.refine('bag').success


def test_the_allowed_root_is_checked_and_read_only(
    start_refiner: Start,
) -> None:
    refiner = start_refiner(autostart=False, allowed_root='nowhere')
    assert not refiner.change_state('configure')
    assert "'nowhere': not a folder" in refiner.process.text()
    (reason,) = refiner.set_parameters(allowed_root='/')
    assert 'read-only' in reason
