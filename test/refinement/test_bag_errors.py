"""Bags that cannot be refined: one line of error, and no output."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE, ros_types
from strongsort_ros.bags.writer import BagWriter, Storage, open_writer
from strongsort_ros.errors import InputError
from strongsort_ros.refinement.bag import refine_bag
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings
from strongsort_ros.refinement.tracks import RefinementSteps
from test.bags.track_bags import (
    detections,
    digests,
    stamp,
    track,
    track_array,
    walk,
    write_messages,
)

STEPS = RefinementSteps(aflink=AflinkSettings(), gsi=GsiSettings())
STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')
NAN = float('nan')


def good(path: Path, storage: Storage = 'mcap') -> Path:
    """Return a valid bag."""
    messages = walk(range(1, 60), 1) | walk(range(64, 120), 2)
    return write_messages(path, messages, storage)


def data_file(bag: Path) -> Path:
    (found,) = (path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3'))
    return found


def missing(path: Path) -> Path:
    return path


def empty_folder(path: Path) -> Path:
    path.mkdir()
    return path


def other_folder(path: Path) -> Path:
    path.mkdir()
    (path / 'notes.txt').write_text('nothing')
    return path


def no_metadata(path: Path) -> Path:
    (good(path) / 'metadata.yaml').unlink()
    return path


def broken_metadata(path: Path) -> Path:
    (good(path) / 'metadata.yaml').write_text('rosbag2_bagfile_information: [}')
    return path


def empty_metadata(path: Path) -> Path:
    (good(path) / 'metadata.yaml').write_text('')
    return path


def data_missing(path: Path) -> Path:
    data_file(good(path)).unlink()
    return path


def no_topics(path: Path) -> Path:
    with BagWriter(path):
        pass
    return path


def no_messages(path: Path) -> Path:
    with open_writer(path, StoragePlugin.MCAP) as writer:
        writer.add_connection('/tracks', TRACKS_TYPE, typestore=ros_types())
    return path


def wrong_type(path: Path) -> Path:
    message = ros_types().serialize_cdr(
        ros_types().types['std_msgs/msg/String'](data='x'), 'std_msgs/msg/String'
    )
    return write_messages(path, {1: message}, topic='/chatter', msgtype='std_msgs/msg/String')


def several(path: Path) -> Path:
    with BagWriter(path) as bag:
        for topic in ('/left/tracks', '/right/tracks'):
            bag.write_serialized(topic, TRACKS_TYPE, stamp(1), track_array(1, [track(1, 0)]))
    return path


def twice(path: Path) -> Path:
    return write_messages(path, walk([1, 2], 5) | {3: track_array(3, [track(8, 0), track(8, 9)])})


def one_stamp(path: Path) -> Path:
    return write_messages(
        path, {1: track_array(1, []), 2: track_array(7, []), 3: track_array(7, [])}
    )


def not_finite(path: Path) -> Path:
    return write_messages(path, {1: track_array(1, [track(1, 0), track(6, NAN)])})


def infinite(path: Path) -> Path:
    return write_messages(path, {1: track_array(1, [track(6, 0, size=(np.inf, 3))])})


def no_score(path: Path) -> Path:
    return write_messages(path, {1: track_array(1, [track(6, 0, score=NAN)])})


def no_message(path: Path) -> Path:
    return write_messages(path, walk([1, 2], 5) | {3: track_array(3, [track(8, 0)])[:60]})


def detection_twice(path: Path) -> Path:
    message = detections(4, {'a': (0, 0, 9, 9), 'a ': (0, 0, 9, 9)})
    return write_messages(path, {4: message}, topic='/seen', msgtype=DETECTIONS_TYPE)


def no_ids(path: Path) -> Path:
    """Return a bag of detections without ids."""
    messages = {1: detections(1, {}), 4: detections(4, {'': (0, 0, 9, 9)})}
    return write_messages(path, messages, topic='/seen', msgtype=DETECTIONS_TYPE)


def ages(path: Path) -> Path:
    """Stamps of 1970 and of today."""
    return write_messages(path, {1: track_array(1, [], start=0), 2: track_array(2, [])})


def other_version(path: Path) -> Path:
    """Return a bag whose type has the right name and another hash."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        tracks = bag.add_connection('/tracks', TRACKS_TYPE, msgdef='uint8 id', rihs01='RIHS01_00')
        bag.write(tracks, stamp(1), track_array(1, []))
    return path


def old_bag_file(path: Path) -> Path:
    path.with_suffix('.bag').write_bytes(b'#ROSBAG V2.0\n')
    return path.with_suffix('.bag')


WRONG: dict[Callable[[Path], Path], str] = {
    missing: 'no such bag',
    empty_folder: 'it has no metadata.yaml, .mcap or .db3 file; found: nothing',
    other_folder: r'it has no metadata.yaml, .mcap or .db3 file; found: notes\.txt',
    no_metadata: 'no metadata.yaml; run: ros2 bag reindex',
    broken_metadata: r'metadata\.yaml, line 1: not YAML: expected the node content',
    empty_metadata: r'metadata\.yaml: None, expected a mapping',
    data_missing: r'not a readable bag: 1 of 1 files are missing: .bad\.mcap',
    no_topics: 'no topic of .*Track2DArray or .*; topics: none',
    no_messages: 'no messages on /tracks',
    wrong_type: r'no topic of .*; topics: /chatter \(std_msgs/msg/String\)',
    several: 'several topics of tracks, name one: /left/tracks .*, /right/tracks',
    twice: '/tracks, frame 3: id 8 occurs twice',
    one_stamp: '/tracks: messages 2 and 3 have the same stamp, 1700000000.7',
    not_finite: '/tracks, frame 1: id 6 has a box or a score that is not finite',
    infinite: 'id 6 has a box or a score that is not finite',
    no_score: 'id 6 has a box or a score that is not finite',
    no_message: 'tracks message of 60 bytes',
    detection_twice: "/seen, frame 1: id 'a' occurs twice",
    no_ids: '/seen: no detection has an id; name a topic of tracks',
    ages: r'/tracks: stamps from 0\.100 to 1700000000\.200 s span more than',
    other_version: '/tracks: a strongsort_ros/msg/Track2DArray of another version',
    old_bag_file: r'not a readable bag: expected a folder, \.mcap or \.db3',
}


@pytest.mark.parametrize('make', WRONG, ids=lambda make: make.__name__)
def test_an_invalid_bag_gives_one_line(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = make(tmp_path / 'bad')
    before = digests(tmp_path)
    with pytest.raises(InputError, match=WRONG[make]) as raised:
        refine_bag(source, tmp_path / 'made' / 'deep' / 'out', STEPS, frame_rate=10)
    assert str(raised.value).startswith(f'{source}')
    assert '\n' not in str(raised.value)
    assert digests(tmp_path) == before
    assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('share', [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_bag(tmp_path: Path, storage: Storage, share: float) -> None:
    source = good(tmp_path / 'bad', storage)
    content = data_file(source).read_bytes()
    data_file(source).write_bytes(content[: int(share * len(content))])
    before = digests(tmp_path)
    with pytest.raises(InputError, match=r'not a readable bag|of the'):
        refine_bag(source, tmp_path / 'out', STEPS)
    assert digests(tmp_path) == before


def test_a_topic_can_be_chosen(tmp_path: Path) -> None:
    source = wrong_type(tmp_path / 'bag')
    with pytest.raises(InputError, match='no topic /tracks; topics: /chatter'):
        refine_bag(source, tmp_path / 'out', STEPS, topic='/tracks')
    with pytest.raises(InputError, match='/chatter is a std_msgs/msg/String, expected '):
        refine_bag(source, tmp_path / 'out', STEPS, topic='/chatter')
    done = refine_bag(several(tmp_path / 'two'), tmp_path / 'out', STEPS, topic='/right/tracks')
    assert done.boxes_out == 1


def test_invalid_outputs_are_refused(tmp_path: Path) -> None:
    source = good(tmp_path / 'in')
    good(tmp_path / 'other')
    (tmp_path / 'there').mkdir()
    (tmp_path / 'text.txt').write_text('mine')
    (tmp_path / 'dangling.txt').symlink_to(tmp_path / 'in' / 'made.txt')
    before = digests(tmp_path)
    for name, reason in (
        ('there', 'there: exists already'),
        ('text', r'text\.txt: exists already'),
        ('dangling', r'dangling\.txt: exists already'),
        ('in', 'in: exists already'),
        ('in/out', 'out: is inside the bag .*/in;'),
        ('other/deep/out', 'out: is inside the bag .*/other;'),
        ('line\nbreak', r"line\\nbreak': a control character in the name"),
        ('text.txt/out', 'cannot write there'),
        ('x' * 300, 'the name has more than 240 bytes'),
    ):
        with pytest.raises(InputError, match=reason):
            refine_bag(source, tmp_path / name, STEPS)
        assert digests(tmp_path) == before
    with pytest.raises(InputError, match=r'cannot write there: (Operation|Permission)'):
        refine_bag(source, Path('/sys/strongsort_out'), STEPS)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Bag in a folder without permissions; root gives up its privileges."""
    source = good(tmp_path / 'closed' / 'in')
    source.parent.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield source
    os.seteuid(was)
    source.parent.chmod(0o700)


def test_no_permission_to_read(closed: Path) -> None:
    with pytest.raises(InputError, match=r'not a readable bag: .*Permission denied') as raised:
        read_tracks(closed)
    assert str(raised.value).startswith(f'{closed}: ')


class StopError(Exception):
    """Raised by the progress callback to stop."""


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('phase', ['read', 'link', 'interpolate', 'write'])
@pytest.mark.parametrize('when', [0.0, 0.5, 1.0])
def test_a_stopped_refinement_leaves_no_output(
    tmp_path: Path, storage: Storage, phase: str, when: float
) -> None:
    source = good(tmp_path / 'in', storage)
    before = digests(tmp_path)

    def stop(name: str, share: float) -> None:
        if name == phase and share >= when:
            raise StopError

    with pytest.raises(StopError):
        refine_bag(source, tmp_path / 'made' / 'deep' / 'out', STEPS, progress=stop)
    assert digests(tmp_path) == before
    assert list(tmp_path.iterdir()) == [source]


def test_progress_reports_all_phases(tmp_path: Path) -> None:
    said: list[tuple[str, float]] = []
    refine_bag(
        good(tmp_path / 'in'), tmp_path / 'out', STEPS,
        progress=lambda phase, share: said.append((phase, share)),
    )  # fmt: skip
    phases = list(dict.fromkeys(phase for phase, _ in said))
    assert phases == ['read', 'link', 'interpolate', 'write']
    for phase in phases:
        shares = [share for name, share in said if name == phase]
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] == 1


@pytest.fixture
def big(tmp_path: Path) -> Callable[[Storage], Path]:
    """Return a function that makes bags larger than the small disk."""

    def make(storage: Storage) -> Path:
        source = tmp_path / 'in'
        with BagWriter(source, storage) as bag:
            for frame, message in walk(range(1, 60), 1).items():
                bag.write_serialized('/tracks', TRACKS_TYPE, stamp(frame), message)
                image = np.random.default_rng(frame).integers(0, 255, (100, 100, 3), np.uint8)
                bag.write_image(stamp(frame), image)
        return source

    return make


@pytest.mark.parametrize('storage', STORAGES)
def test_a_file_that_grows_too_large(
    tmp_path: Path, big: Callable[[Storage], Path], storage: Storage
) -> None:
    source = big(storage)
    before = digests(tmp_path)
    done = subprocess.run(
        [sys.executable, '-m', 'strongsort_ros', 'refine', source, '--gsi', '-o', tmp_path / 'out'],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert 'out: cannot write' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert digests(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Folder of a file system of 600 kB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount, umount = shutil.which('mount'), shutil.which('umount')
    command = [mount or '', '-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', folder]
    if (
        not (mount and umount)
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip('no file system can be mounted here')
    yield folder
    subprocess.run([umount, folder], check=True)


@pytest.mark.parametrize('storage', STORAGES)
def test_a_full_disk(small_disk: Path, big: Callable[[Storage], Path], storage: Storage) -> None:
    source = big(storage)
    with pytest.raises(InputError, match=r'out: cannot write .*(full|No space left)'):
        refine_bag(source, small_disk / 'out', STEPS)
    assert list(small_disk.iterdir()) == []
