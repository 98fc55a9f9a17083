"""Images and detections are found in a bag by their types, or by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.camera import find_camera_topics, read_camera, read_image
from strongsort_ros.bags.types import DETECTIONS
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import InputError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.tracking.detections import Detections
from test.bags.any_reader import open_bag

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
    with open_bag(source) as reader, BagWriter(target) as bag:
        for connection, time, data in reader.messages():
            for name in names[connection.topic].split():
                bag.write_serialized(name, connection.msgtype, time, data)
    return target


def test_topics_are_found_by_type_and_read_in_order(tmp_path: Path) -> None:
    bag = copy(write(tmp_path / 'a'), tmp_path / 'b', {'/image': '/cam', '/detections': '/yolo'})
    topics = find_camera_topics(bag)
    assert (topics.image, topics.detections, topics.frames) == ('/cam', '/yolo', 2)
    assert topics.transport == 'raw'
    read = list(read_camera(bag, topics))
    assert [(name, time) for name, time, _ in read] == [
        ('/cam', 100), ('/yolo', 100), ('/cam', 200), ('/yolo', 200),
    ]  # fmt: skip
    assert [read_header(bytes(data)).stamp for _, _, data in read] == [100, 100, 200, 200]


def test_compressed_images_and_none(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_compressed(100, b'no jpeg', '.jpg')
        bag.write_detections(100, Detections.empty())
    assert find_camera_topics(tmp_path / 'bag').transport == 'compressed'
    topics = find_camera_topics(write(tmp_path / 'blind', images=False))
    assert (topics.transport, topics.image) == ('none', '')
    assert [name for name, _, _ in read_camera(tmp_path / 'blind', topics)] == ['/detections'] * 2


def test_of_several_one_must_be_named(tmp_path: Path) -> None:
    bag = copy(
        write(tmp_path / 'a'), tmp_path / 'b', {'/image': '/left /right', '/detections': '/yolo'}
    )
    with pytest.raises(InputError, match=r'images are on several topics.*/left, /right'):
        find_camera_topics(bag)
    assert find_camera_topics(bag, image='/right').image == '/right'
    with pytest.raises(InputError, match=r'topic /front of images is not in it.*/left, /right'):
        find_camera_topics(bag, image='/front')


def test_a_topic_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='/image of detections is not in it'):
        find_camera_topics(write(tmp_path / 'bag'), detections='/image')


def test_without_detections_there_is_nothing_to_track(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f'no {DETECTIONS} to track; there is: /image'):
        find_camera_topics(write(tmp_path / 'bag', detections=False))
    with BagWriter(tmp_path / 'empty'):
        pass
    with pytest.raises(InputError, match='nothing'):
        find_camera_topics(tmp_path / 'empty')


def test_the_image_at_a_time(tmp_path: Path) -> None:
    bag = tmp_path / 'bag'
    with BagWriter(bag) as writer:
        for stamp in (100, 200, 300):
            writer.write_image(stamp, np.full((4, 6, 3), stamp // 2, np.uint8))
            writer.write_detections(stamp, Detections.empty())
    topics = find_camera_topics(bag)
    image = read_image(bag, topics, 200)
    assert image is not None
    np.testing.assert_array_equal(image, np.full((4, 6, 3), 100))
    assert read_image(bag, topics, 201) is None
    blind = write(tmp_path / 'blind', images=False)
    assert read_image(blind, find_camera_topics(blind), 100) is None
