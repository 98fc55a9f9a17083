"""Limits of a frame's messages, and counters of what exceeds them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest

from strongsort_ros.messages.cdr import Header, InputLimits, write_header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.online.config import NodeSettings, TrackerNodeConfig
from strongsort_ros.online.frame_pairer import StampedMessage
from strongsort_ros.online.frame_processor import FrameProcessor, TrackedFrame
from strongsort_ros.online.synchroniser import Frame

PERIOD = 33_333_333
BOX = (300.0, 200.0, 40.0, 100.0)


@pytest.fixture
def processor() -> Iterator[FrameProcessor]:
    processor = FrameProcessor(
        TrackerNodeConfig(
            node=NodeSettings(weights='none', camera_motion='none', publish_tentative=True),
            limits=InputLimits(detections=5, image_size=0.01),
        ),
        lambda _line: None,
    )
    yield processor
    processor.close()


def process(
    processor: FrameProcessor,
    number: int,
    boxes: list[tuple[float, ...]],
    names: list[str],
    image: bytes = b'',
) -> TrackedFrame | None:
    """Track a frame of boxes (centre, size) and an image given by the bytes after its header."""
    header = Header(*divmod(10**10 + number * PERIOD, 10**9), 'camera')
    table = np.array(boxes).reshape(-1, 4)
    data = write_detection_array(header, [''] * len(names), names, [0.9] * len(names), table)
    pixels = StampedMessage(header, write_header(header, 0)[:-4] + image, 0.0) if image else None
    return processor.process(
        Frame(header.stamp, [StampedMessage(header, data, 0.0)], pixels, False)
    )


def raw_image(side: int) -> bytes:
    """Return the bytes of a grey image message from the height on."""
    return struct.pack('<III5s3xII', side, side, 6, b'mono8', side, side * side) + bytes(side**2)


def test_more_detections_than_the_limit_are_dropped_and_counted(processor: FrameProcessor) -> None:
    assert process(processor, 0, [BOX] * 5, ['person'] * 5) is not None
    assert process(processor, 1, [BOX] * 6, ['person'] * 6) is None
    assert processor.rejected == {'detections_over_limit': 1}
    processor.settings = TrackerNodeConfig(
        node=processor.settings.node, limits=InputLimits(detections=6)
    )
    assert process(processor, 2, [BOX] * 6, ['person'] * 6) is not None


def test_a_long_class_is_counted_and_the_others_are_tracked(processor: FrameProcessor) -> None:
    far = (900.0, 200.0, 40.0, 100.0)
    tracked = process(processor, 0, [BOX, far], ['person', 'x' * 100_000])
    assert tracked is not None
    assert tracked.tracks.class_ids.tolist() == ['person']
    assert processor.rejected == {'class_too_long': 1}


def test_an_image_over_the_limit_is_counted_and_its_detections_tracked(
    processor: FrameProcessor,
) -> None:
    for number, (side, rejected) in enumerate([(100, {}), (101, {'image_too_large': 1})]):
        tracked = process(processor, number, [BOX], ['person'], raw_image(side))
        assert tracked is not None
        assert (tracked.image is None) == bool(rejected)
        assert len(tracked.tracks) == 1
        assert processor.rejected == rejected


def test_no_box_of_negative_size_is_published(processor: FrameProcessor) -> None:
    """The box of a person shrinks by 15 % per frame before the track is lost."""
    published = 0
    for number in range(40):
        height = 100 * 0.85**number
        seen = [(300.0, 200.0, 0.4 * height, height)] if number < 12 else []
        tracked = process(processor, number, seen, ['person'] * len(seen))
        assert tracked is not None
        assert (tracked.tracks.tlwh[:, 2:] > 0).all()
        published += len(tracked.tracks)
    assert published > 12
