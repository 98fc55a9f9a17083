"""Images and detections of a bag, found by their types or by name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.camera import bag_images, find_camera_topics, read_camera
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.types import DETECTIONS_TYPE
from strongsort_ros.bags.writer import BagWriter, Storage
from strongsort_ros.errors import InputError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_any_reader

PIXELS = np.zeros((4, 6, 3), np.uint8)


def write(path: Path, *, images: bool = True, detections: bool = True) -> Path:
    with BagWriter(path) as bag:
        for stamp in (100, 200):
            if images:
                bag.write_image(stamp, PIXELS)
            if detections:
                bag.write_detections(stamp, Detections.empty())
    return path


def copy(source: Path, target: Path, names: dict[str, str]) -> Path:
    """Copy a bag's messages to one or several other topics each."""
    with open_any_reader(source) as reader, BagWriter(target) as bag:
        for connection, time, data in reader.messages():
            for name in names[connection.topic].split():
                bag.write_serialized(name, connection.msgtype, time, data)
    return target


def test_topics_are_found_by_type_and_read_in_order(tmp_path: Path) -> None:
    path = copy(write(tmp_path / 'a'), tmp_path / 'b', {'/image': '/cam', '/detections': '/yolo'})
    with open_bag(path) as bag:
        topics = find_camera_topics(bag)
        assert (topics.image, topics.detections, topics.frames) == ('/cam', '/yolo', 2)
        assert topics.transport == 'raw'
        read = list(read_camera(bag, topics))
    assert [(name, time) for name, time, _ in read] == [
        ('/cam', 100), ('/yolo', 100), ('/cam', 200), ('/yolo', 200),
    ]  # fmt: skip
    assert [read_header(bytes(data)).stamp for _, _, data in read] == [100, 100, 200, 200]


def test_compressed_images_and_none(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'compressed') as writer:
        writer.write_compressed(100, b'no jpeg', '.jpg')
        writer.write_detections(100, Detections.empty())
    with open_bag(tmp_path / 'compressed') as bag:
        assert find_camera_topics(bag).transport == 'compressed'
    with open_bag(write(tmp_path / 'no_images', images=False)) as bag:
        topics = find_camera_topics(bag)
        assert (topics.transport, topics.image) == ('none', '')
        assert [name for name, _, _ in read_camera(bag, topics)] == ['/detections'] * 2
    assert bag_images(tmp_path / 'no_images', topics, {1: 100})(1) is None


def test_one_of_several_topics_must_be_named(tmp_path: Path) -> None:
    path = copy(
        write(tmp_path / 'a'), tmp_path / 'b', {'/image': '/left /right', '/detections': '/yolo'}
    )
    with open_bag(path) as bag:
        with pytest.raises(InputError, match=r'several topics of images.*/left, /right'):
            find_camera_topics(bag)
        assert find_camera_topics(bag, image='/right').image == '/right'
        with pytest.raises(InputError, match=r'no topic /front of images.*/left, /right'):
            find_camera_topics(bag, image='/front')


def test_a_topic_of_another_type_is_refused(tmp_path: Path) -> None:
    with (
        open_bag(write(tmp_path / 'bag')) as bag,
        pytest.raises(InputError, match='no topic /image of detections'),
    ):
        find_camera_topics(bag, detections='/image')


def test_a_bag_without_detections_is_refused(tmp_path: Path) -> None:
    with (
        open_bag(write(tmp_path / 'bag', detections=False)) as bag,
        pytest.raises(InputError, match=f'no {DETECTIONS_TYPE} to track; topics: /image'),
    ):
        find_camera_topics(bag)
    with BagWriter(tmp_path / 'empty'):
        pass
    with open_bag(tmp_path / 'empty') as bag, pytest.raises(InputError, match='topics: none'):
        find_camera_topics(bag)


def test_images_by_frame_number(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        for stamp in (100, 200, 300):
            writer.write_image(stamp, np.full((4, 6, 3), stamp // 2, np.uint8))
            writer.write_detections(stamp, Detections.empty())
    with open_bag(tmp_path / 'bag') as bag:
        topics = find_camera_topics(bag)
    image = bag_images(tmp_path / 'bag', topics, {1: 100, 2: 200, 3: 201})
    found = image(2)
    assert found is not None
    np.testing.assert_array_equal(found, np.full((4, 6, 3), 100))
    assert image(3) is None
    assert image(4) is None


def test_an_unreadable_image_is_none(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.write_compressed(100, b'no jpeg', '.jpg')
        writer.write_detections(100, Detections.empty())
    with open_bag(tmp_path / 'bag') as bag:
        topics = find_camera_topics(bag)
    assert bag_images(tmp_path / 'bag', topics, {1: 100})(1) is None


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_an_open_bag_is_read_again_and_in_another_thread(tmp_path: Path, storage: Storage) -> None:
    with BagWriter(tmp_path / 'bag', storage) as writer:
        for stamp in range(1, 50):
            writer.write_detections(stamp, Detections.empty())
    with open_bag(tmp_path / 'bag') as bag, ThreadPoolExecutor(1) as thread:
        topics = find_camera_topics(bag)
        first = list(read_camera(bag, topics))
        assert len(first) == 49
        assert thread.submit(list, read_camera(bag, topics)).result() == first
        begun = read_camera(bag, topics)
        assert next(begun) == first[0]
        assert list(read_camera(bag, topics)) == first
        assert list(begun) == first[1:]
