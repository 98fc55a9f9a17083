"""Bags out and in, of both storages, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.typesys import get_types_from_msg

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE, ros_types
from strongsort_ros.bags.writer import BagWriter, Storage, detection_array, header, write_sequence
from strongsort_ros.errors import InputError
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_any_reader

ROOT = Path(__file__).parents[2]
STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')


def contents(path: Path) -> list[tuple[str, int, Any]]:
    """Return (topic, time, message) of a bag, in its order."""
    with open_any_reader(path) as reader:
        return [
            (c.topic, time, reader.deserialize(data, c.msgtype))
            for c, time, data in reader.messages()
        ]


def test_types_are_the_real_ones() -> None:
    """The type hashes are those of vision_msgs and of this package's own messages."""
    assert ros_types().hash_rihs01(DETECTIONS_TYPE) == (
        'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968'
    )
    for name in ('Track2D', 'Track2DArray'):
        kind = f'strongsort_ros/msg/{name}'
        text = (ROOT / 'msg' / f'{name}.msg').read_text()
        real = get_types_from_msg(text, kind)[kind]
        declared = ros_types().fielddefs[kind]
        assert declared == real


@pytest.mark.parametrize('storage', STORAGES)
def test_sequence_as_a_bag(walk: Path, tmp_path: Path, storage: Storage) -> None:
    """Every frame that has an image is there with its stamp, and an array of detections."""
    summary = write_sequence(walk, tmp_path / 'bag', storage=storage)
    assert (summary.frames, summary.detections, summary.left_out) == (4, 6, 2)
    messages = contents(tmp_path / 'bag')
    assert [topic for topic, _, _ in messages] == ['/image', '/detections'] * 4
    stamps = [n * 100_000_000 for n in (2, 3, 4, 5) for _ in range(2)]
    assert [time for _, time, _ in messages] == stamps
    for _, time, message in messages:
        stamp = message.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == time
        assert message.header.frame_id == 'camera'
    image = messages[0][2]
    expected = cv2.imread(str(walk / 'img1' / '000002.jpg'))
    assert (image.encoding, image.height, image.width, image.step) == ('bgr8', 48, 64, 192)
    np.testing.assert_array_equal(image.data.reshape(48, 64, 3), expected)
    arrays = [message for topic, _, message in messages if topic == '/detections']
    assert [len(array.detections) for array in arrays] == [2, 2, 0, 2]
    first = arrays[0].detections[0]
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (18.0, 25.0)
    assert (first.bbox.size_x, first.bbox.size_y) == (12.0, 30.0)
    assert first.results[0].hypothesis.class_id == 'person'
    assert first.results[0].hypothesis.score == 0.9


def test_compressed_images_are_the_files(walk: Path, tmp_path: Path) -> None:
    """With compressed images the bytes of the files are carried as they are."""
    write_sequence(walk, tmp_path / 'bag', compressed=True, frame_id='left')
    topic, _, message = contents(tmp_path / 'bag')[0]
    assert topic == '/image/compressed'
    assert message.format == 'jpeg'
    assert message.header.frame_id == 'left'
    assert message.data.tobytes() == (walk / 'img1' / '000002.jpg').read_bytes()


def test_failure_leaves_no_bag(walk: Path, tmp_path: Path) -> None:
    """A broken image in the middle leaves nothing, and an existing folder is not touched."""
    (walk / 'img1' / '000004.jpg').write_bytes(b'not an image')
    with pytest.raises(InputError, match=r'000004\.jpg'):
        write_sequence(walk, tmp_path / 'bag')
    assert [path.name for path in tmp_path.iterdir()] == ['walk']
    with pytest.raises(InputError, match='exists already'):
        write_sequence(walk, walk)


def track(number: int, x: float, state: int = 1, missed: int = 0) -> Any:
    """Return a Track2D."""
    known = ros_types().types
    center = known['vision_msgs/msg/Point2D'](x=x, y=50.0)
    return known['strongsort_ros/msg/Track2D'](
        TENTATIVE=0, CONFIRMED=1, LOST=2,
        id=number, class_id='person', score=0.5, state=state,
        bbox=known['vision_msgs/msg/BoundingBox2D'](
            center=known['vision_msgs/msg/Pose2D'](position=center, theta=0.0),
            size_x=20.0, size_y=40.0,
        ),
        bbox_covariance=np.zeros(16), velocity=center, age=3, hits=3, time_since_update=missed,
        first_seen=known['builtin_interfaces/msg/Time'](sec=0, nanosec=0), detection_index=0,
    )  # fmt: skip


def write_tracks(path: Path, frames: dict[int, list[Any]], storage: Storage = 'mcap') -> Path:
    """Return a bag of Track2DArray on /tracks at 10 frames a second."""
    types = ros_types()
    with BagWriter(path, storage) as bag:
        for frame, tracks in frames.items():
            stamp = frame * 100_000_000
            message = types.types[TRACKS_TYPE](
                header=header(types, stamp, 'camera'), tracks=tracks,
                camera_motion=np.eye(3).reshape(-1), camera_motion_score=0.0,
            )  # fmt: skip
            bag.write_serialized(
                '/tracks', TRACKS_TYPE, stamp, types.serialize_cdr(message, TRACKS_TYPE)
            )
    return path


@pytest.mark.parametrize('storage', STORAGES)
def test_tracks_come_back(tmp_path: Path, storage: Storage) -> None:
    """Of a Track2DArray the rows of the published program, with boxes as left, top."""
    frames = {
        3: [track(2, 100.0), track(1, 30.0)],
        4: [],
        5: [track(1, 40.0, state=2, missed=1), track(2, 90.0, 2, missed=2), track(3, 10.0, 0)],
    }
    bag = write_tracks(tmp_path / 'bag', frames, storage)
    rows = read_tracks(bag)
    assert rows.frames.tolist() == [3, 3, 5]
    assert rows.ids.tolist() == [1, 2, 1]
    assert rows.tlwh.tolist() == [[20, 30, 20, 40], [90, 30, 20, 40], [30, 30, 20, 40]]
    assert read_tracks(bag, '/tracks', frame_rate=10).frames.tolist() == [3, 3, 5]


def test_detections_with_ids_are_tracks(tmp_path: Path) -> None:
    """Of a Detection2DArray the detections that have an id; texts are numbered."""
    types = ros_types()
    seen = Detections(np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), np.ones(2), np.full(2, 'cat'))
    for number, name in (('7', 'number'), ('seven', 'text')):
        message = detection_array(types, 100, 'camera', seen)
        message.detections[1].id = number
        with BagWriter(tmp_path / name) as bag:
            data = types.serialize_cdr(message, DETECTIONS_TYPE)
            bag.write_serialized('/tracked_detections', DETECTIONS_TYPE, 100, data)
    rows = read_tracks(tmp_path / 'number')
    assert rows.ids.tolist() == [7]
    assert rows.tlwh.tolist() == [[5, 6, 7, 8]]
    assert rows.class_ids.tolist() == ['cat']
    assert read_tracks(tmp_path / 'text').ids.tolist() == [1]


def test_the_topic_is_named_where_there_is_a_choice(tmp_path: Path) -> None:
    """An absent topic is answered with what is there, and doubled ids with their frame."""
    bag = write_tracks(tmp_path / 'bag', {1: [track(1, 30.0), track(1, 60.0)]})
    with pytest.raises(InputError, match=r'no topic /other; topics: /tracks'):
        read_tracks(bag, '/other')
    with pytest.raises(InputError, match='frame 1: id 1 is there twice'):
        read_tracks(bag)


@pytest.mark.parametrize('storage', STORAGES)
def test_broken_bags(tmp_path: Path, storage: Storage) -> None:
    """Missing, empty and truncated bags are each one clear error."""
    bag = write_tracks(tmp_path / 'bag', {n: [track(1, 30.0)] for n in range(1, 200)}, storage)
    (tmp_path / 'empty').mkdir()
    for path in (tmp_path / 'missing', tmp_path / 'empty'):
        with pytest.raises(InputError, match=path.name):
            read_tracks(path)
    data = next(path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3'))
    data.write_bytes(data.read_bytes()[:5000])
    with pytest.raises(InputError, match='bag'):
        read_tracks(bag)


def test_errors_of_the_callers_own_are_not_the_bags(tmp_path: Path) -> None:
    """They once came out as "not a readable bag"."""
    with BagWriter(tmp_path / 'bag') as writer:
        writer.write_detections(1, Detections.empty())
    with pytest.raises(ZeroDivisionError), open_any_reader(tmp_path / 'bag'):
        _ = 1 / 0
