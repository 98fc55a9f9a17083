"""Replay of bags: every frame tracked, losses counted, the same bytes in every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.writer import BagWriter, Storage, write_sequence
from strongsort_ros.cli.main import main
from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.messages.track2d_array import read_track_array
from strongsort_ros.online.config import DiagnosticsSettings, NodeSettings, TrackerNodeConfig
from strongsort_ros.replay.replay import (
    STAGES,
    ReplayResult,
    increasing_stamps,
    read_replay_frames,
    replay,
)
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_any_reader
from test.replay.bags import Message, frame_of, read, rewrite, stamped, twice

SETTINGS = TrackerNodeConfig()
MOTION_ONLY = TrackerNodeConfig().replace({'weights': 'none', 'camera_motion': 'none'})
IMAGES, DETECTIONS = '/image/compressed', '/detections'


def run(
    bag: Path, output: Path, settings: TrackerNodeConfig = MOTION_ONLY, *, carry: bool = False
) -> ReplayResult:
    return replay(bag, output, settings, carry=carry)


def test_every_frame_has_tracks_with_its_header_and_time(drawn_bag: Path, tmp_path: Path) -> None:
    replayed = run(drawn_bag, tmp_path / 'out', SETTINGS)
    assert replayed.frames.numbers.tolist() == list(range(1, 41))
    assert replayed.frames.frame_rate == 25
    assert replayed.counts == {'images': 40, 'detections': 40, 'matched': 40}
    assert not replayed.rejected
    assert list(replayed.seconds) == list(STAGES)
    assert all(len(spent) == 40 for spent in replayed.seconds.values())
    expected = read(drawn_bag, DETECTIONS)
    for topic in ('/tracks', '/tracked_detections'):
        answers = read(tmp_path / 'out', topic)
        assert [time for time, _ in answers] == [time for time, _ in expected]
        assert [read_header(data) for _, data in answers] == [read_header(d) for _, d in expected]
    arrays = [read_track_array(data) for _, data in read(tmp_path / 'out', '/tracks')]
    assert sum(array.camera_motion_score > 0 for array in arrays) >= 35


def test_the_text_has_the_rows_of_the_bag(drawn_bag: Path, tmp_path: Path) -> None:
    replayed = run(drawn_bag, tmp_path / 'out')
    text, bag = load_tracks(tmp_path / 'out.txt'), read_tracks(tmp_path / 'out')
    assert len(text) == replayed.boxes > 100
    assert len(set(text.ids.tolist())) == replayed.tracks
    np.testing.assert_array_equal(text.frames, bag.frames)
    np.testing.assert_array_equal(text.ids, bag.ids)
    np.testing.assert_allclose(text.tlwh, bag.tlwh, atol=0.0051)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_two_runs_give_the_same_files(
    drawn_sequence: Path, tmp_path: Path, storage: Storage
) -> None:
    assert (
        main(['bag', str(drawn_sequence), '--storage', storage, '-o', str(tmp_path / 'bag')]) == 0
    )
    for folder in ('a', 'b'):
        run(tmp_path / 'bag', tmp_path / folder / 'out', SETTINGS)
    files = [sorted(p for p in (tmp_path / f).rglob('*') if p.is_file()) for f in ('a', 'b')]
    assert len(files[0]) == 3
    for one, other in zip(*files, strict=True):
        assert one.relative_to(tmp_path / 'a') == other.relative_to(tmp_path / 'b')
        assert one.read_bytes() == other.read_bytes(), one
    assert any(path.suffix == {'mcap': '.mcap', 'sqlite3': '.db3'}[storage] for path in files[0])


@pytest.mark.parametrize('compressed', [True, False])
def test_same_tracks_as_from_the_files(
    drawn_sequence: Path, tmp_path: Path, compressed: bool
) -> None:
    write_sequence(drawn_sequence, tmp_path / 'bag', compressed=compressed)
    run(tmp_path / 'bag', tmp_path / 'out', SETTINGS)
    det = drawn_sequence / 'det' / 'det.txt'
    images = ['--images', str(drawn_sequence), '--max-camera-motion', '1000']
    assert main(['track', str(det), *images, '-o', str(tmp_path / 'track.txt')]) == 0
    assert (tmp_path / 'out.txt').read_text() == (tmp_path / 'track.txt').read_text()


def test_an_interrupted_replay_leaves_nothing(drawn_bag: Path, tmp_path: Path) -> None:
    def progress(done: int, total: int) -> None:
        assert total == 40
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(drawn_bag, tmp_path / 'out', MOTION_ONLY, progress=progress)
    assert not list(tmp_path.iterdir())


def test_an_existing_output_is_not_replaced(drawn_bag: Path, tmp_path: Path) -> None:
    (tmp_path / 'out.txt').write_text('mine')
    with pytest.raises(InputError, match=r'out\.txt: exists already'):
        run(drawn_bag, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['out.txt']


def test_a_bag_without_images_is_tracked_by_motion(drawn_bag: Path, tmp_path: Path) -> None:
    def drop_images(topic: str, time: int, data: bytes) -> list[Message]:
        return [(topic, time, data)] if topic == DETECTIONS else []

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', drop_images), tmp_path / 'out', SETTINGS)
    assert replayed.topics.image == ''
    assert replayed.counts == {'detections': 40, 'without_image': 40}
    run(drawn_bag, tmp_path / 'same')
    assert (tmp_path / 'out.txt').read_text() == (tmp_path / 'same.txt').read_text()


def test_a_corrupt_image_in_the_middle_is_counted(drawn_bag: Path, tmp_path: Path) -> None:
    def spoil(topic: str, time: int, data: bytes) -> list[Message]:
        spoiled = topic == IMAGES and frame_of(time) == 20
        return [(topic, time, data[:-400].replace(b'\xff\xd8', b'\0\0') if spoiled else data)]

    bag = rewrite(drawn_bag, tmp_path / 'bag', spoil)
    replayed = run(bag, tmp_path / 'out', SETTINGS)
    assert replayed.frames.numbers.tolist() == list(range(1, 41))
    assert sum(replayed.rejected.values()) == 1
    answers = read(tmp_path / 'out', '/tracks')
    scores = [read_track_array(data).camera_motion_score for _, data in answers]
    assert scores[19] == 0
    assert scores[18] > 0


def test_images_without_texture_are_tracked(tmp_path: Path) -> None:
    settings = TrackerNodeConfig(
        node=NodeSettings(weights='none'), diagnostics=DiagnosticsSettings(warn_motion_failures=2)
    )
    seen = Detections(np.array([[9.0, 9, 30, 60]]), np.array([0.9]), np.array(['person']))
    with BagWriter(tmp_path / 'grey') as bag:
        for number in range(1, 9):
            bag.write_image(number * 33_333_333, np.full((96, 128, 3), 90, np.uint8))
            bag.write_detections(number * 33_333_333, seen)
    replayed = run(tmp_path / 'grey', tmp_path / 'out', settings)
    assert len(replayed.frames.numbers) == 8
    assert replayed.seconds['camera_motion'].all()


def test_missing_images_for_some_frames(drawn_bag: Path, tmp_path: Path) -> None:
    def drop(topic: str, time: int, data: bytes) -> list[Message]:
        away = topic == IMAGES and 10 <= frame_of(time) < 18
        return [] if away else [(topic, time, data)]

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', drop), tmp_path / 'out', SETTINGS)
    assert replayed.frames.numbers.tolist() == list(range(1, 41))
    assert (replayed.counts['without_image'], replayed.counts['matched']) == (8, 32)


def test_dropped_frames_are_gaps_in_the_numbers(drawn_bag: Path, tmp_path: Path) -> None:
    def drop(topic: str, time: int, data: bytes) -> list[Message]:
        return [] if frame_of(time) in (7, 21, 22, 23) else [(topic, time, data)]

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', drop), tmp_path / 'out')
    assert replayed.frames.numbers.tolist() == [n for n in range(1, 41) if n not in (7, 21, 22, 23)]


def test_a_frame_rate_that_changes(drawn_bag: Path, tmp_path: Path) -> None:
    """The detector slows down to every second frame: gaps in the numbers; tracks continue."""

    def slow(topic: str, time: int, data: bytes) -> list[Message]:
        frame = frame_of(time)
        return [(topic, time, data)] if frame <= 24 or frame % 2 == 0 else []

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', slow), tmp_path / 'out')
    assert replayed.frames.numbers.tolist() == [*range(1, 25), *range(26, 41, 2)]
    ids = load_tracks(tmp_path / 'out.txt')
    assert set(ids.at(24).ids.tolist()) & set(ids.at(40).ids.tolist())


def test_stamps_that_jump_back_reset_the_tracker(drawn_bag: Path, tmp_path: Path) -> None:
    """A bag recorded over a loop gives new ids; frame numbers continue."""
    replayed = run(twice(drawn_bag, tmp_path / 'bag'), tmp_path / 'out')
    assert replayed.counts['restarts'] == 1
    assert replayed.frames.numbers.tolist() == list(range(1, 81))
    tracks = load_tracks(tmp_path / 'out.txt')
    first, second = tracks.frames <= 40, tracks.frames > 40
    assert second.any()
    assert not set(tracks.ids[first].tolist()) & set(tracks.ids[second].tolist())


def test_frames_without_stamps_are_numbered_in_order(drawn_bag: Path, tmp_path: Path) -> None:
    def unstamp(topic: str, time: int, data: bytes) -> list[Message]:
        return [(topic, time, stamped(data, 0))]

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', unstamp), tmp_path / 'out', SETTINGS)
    assert replayed.frames.numbers.tolist() == list(range(1, 41))
    assert replayed.counts['unstamped_detections'] == 40
    assert len(replayed.notes) == 2
    assert 'no stamp' in replayed.notes[0]
    times = [time for time, _ in read(tmp_path / 'out', '/tracks')]
    assert times == [time for time, _ in read(drawn_bag, DETECTIONS)]


def test_unreadable_detections_are_counted(drawn_bag: Path, tmp_path: Path) -> None:
    def cut(topic: str, time: int, data: bytes) -> list[Message]:
        cut_off = topic == DETECTIONS and frame_of(time) in (5, 6)
        return [(topic, time, data[: {5: 3, 6: 60}[frame_of(time)]] if cut_off else data)]

    replayed = run(rewrite(drawn_bag, tmp_path / 'bag', cut), tmp_path / 'out')
    assert replayed.frames.numbers.tolist() == [n for n in range(1, 41) if n not in (5, 6)]
    assert replayed.counts['malformed_detections'] == 1
    assert replayed.rejected['malformed_detections'] == 1


def test_a_truncated_bag_is_one_error_and_no_output(drawn_bag: Path, tmp_path: Path) -> None:
    bag = rewrite(drawn_bag, tmp_path / 'bag', lambda *message: [message])
    (file,) = bag.glob('*.mcap')
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(InputError, match='not a readable bag'):
        run(bag, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_a_bag_that_is_damaged_in_the_middle(drawn_sequence: Path, tmp_path: Path) -> None:
    """It opens and fails later: one error and no output."""
    bag = tmp_path / 'bag'
    write_sequence(drawn_sequence, bag, storage='sqlite3', compressed=True)
    (file,) = bag.glob('*.db3')
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60_000] = b'\xff' * 60_000
    file.write_bytes(data)
    with pytest.raises(InputError, match='not a readable bag'):
        run(bag, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_carry_copies_all_other_topics(
    drawn_sequence: Path, tmp_path: Path, storage: Storage
) -> None:
    """Also of a bag that was tracked before; the new tracks replace the old ones."""
    write_sequence(drawn_sequence, tmp_path / 'bag', storage=storage, compressed=True)
    for source, target in (('bag', 'one'), ('one', 'two')):
        run(tmp_path / source, tmp_path / target, carry=True)
        for topic in (IMAGES, DETECTIONS):
            assert read(tmp_path / target, topic) == read(tmp_path / 'bag', topic)
    assert len(read(tmp_path / 'two', '/tracks')) == 40
    assert read(tmp_path / 'one', '/tracks') == read(tmp_path / 'two', '/tracks')
    with open_any_reader(tmp_path / 'two') as reader:
        times = [time for _, time, _ in reader.messages()]
        assert times == sorted(times)
        assert len(reader.connections) == 4


def test_the_frames_of_an_earlier_replay(drawn_bag: Path, tmp_path: Path) -> None:
    """Its bag gives them, also where stamps jump back."""
    replayed = run(twice(drawn_bag, tmp_path / 'bag'), tmp_path / 'out')
    frames = read_replay_frames(tmp_path / 'out')
    assert frames.numbers.tolist() == replayed.frames.numbers.tolist()
    assert frames.stamps.tolist() == replayed.frames.stamps.tolist()
    with pytest.raises(InputError, match='no messages on /tracks'):
        read_replay_frames(drawn_bag)


def test_nothing_to_track(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'images') as bag:
        bag.write_image(1, np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r'no vision_msgs/msg/Detection2DArray.*/image'):
        run(tmp_path / 'images', tmp_path / 'out')


def test_recorded_tracked_detections_are_not_the_input(drawn_bag: Path, tmp_path: Path) -> None:
    """A bag recorded while the tracker ran has its output, of the same type as the input."""
    with open_any_reader(drawn_bag) as reader, BagWriter(tmp_path / 'bag') as bag:
        for connection, time, data in reader.messages():
            bag.write_serialized(connection.topic, connection.msgtype, time, data)
            if connection.topic == DETECTIONS:
                kind = connection.msgtype
                bag.write_serialized('/robot/tracked_detections', kind, time, data)
    assert run(tmp_path / 'bag', tmp_path / 'out').topics.detections == DETECTIONS


def test_increasing_stamps() -> None:
    stamps = np.array([100, 140, 180, 20, 60, 0, 0, 300])
    assert increasing_stamps(stamps).tolist() == [100, 140, 180, 220, 260, 300, 340, 380]
    assert np.diff(increasing_stamps(np.zeros(3, np.int64), 10)).tolist() == [100_000_000] * 2
    assert increasing_stamps(np.array([7])).tolist() == [7]
