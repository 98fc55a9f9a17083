"""Images and detections of a recorded bag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from rosbags.interfaces import Connection

from strongsort_ros.bags.reader import BagReader, open_bag
from strongsort_ros.bags.types import COMPRESSED_IMAGE_TYPE, DETECTIONS_TYPE, IMAGE_TYPE
from strongsort_ros.errors import ImageError, InputError, MessageError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.messages.images import decode_image
from strongsort_ros.types import Image

TRACKED_DETECTIONS: Final = '/tracked_detections'
"""End of the name of the tracker's own topic of detections."""


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """Topics of a bag that the tracker reads.

    Attributes
    ----------
    detections
        Topic of vision_msgs/Detection2DArray.
    image
        Topic of images, '' if the bag has none.
    compressed
        The images are sensor_msgs/CompressedImage instead of sensor_msgs/Image.
    frames
        Number of detection arrays.

    """

    detections: str
    image: str
    compressed: bool
    frames: int

    @property
    def transport(self) -> str:
        """Value of the tracker's parameter image_transport: raw, compressed or none."""
        if not self.image:
            return 'none'
        return 'compressed' if self.compressed else 'raw'


def find_camera_topics(bag: BagReader, image: str = '', detections: str = '') -> CameraTopics:
    """Return the named topics of images and detections, or the only ones of their types.

    Raises
    ------
    InputError
        A named topic is not in the bag or is of another type, the bag has no detections, or
        several topics qualify.

    """
    seen = _choose(bag, (DETECTIONS_TYPE,), 'detections', detections)
    if seen is None:
        raise InputError(f'{bag.path}: no {DETECTIONS_TYPE} to track; topics: {bag.topics}')
    pictures = _choose(bag, (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE), 'images', image)
    return CameraTopics(
        seen.topic,
        pictures.topic if pictures else '',
        pictures is not None and pictures.msgtype == COMPRESSED_IMAGE_TYPE,
        sum(connection.msgcount for connection in bag.named(seen.topic)),
    )


def _choose(bag: BagReader, msgtypes: tuple[str, ...], what: str, name: str) -> Connection | None:
    found = {c.topic: c for c in bag.connections if c.msgtype in msgtypes}
    if name:
        if name not in found:
            topics = ', '.join(sorted(found)) or 'none'
            raise InputError(f'{bag.path}: no topic {name} of {what}; topics of {what}: {topics}')
        return found[name]
    if len(found) > 1:  # the output of a tracker that ran while the bag was recorded
        found = {topic: c for topic, c in found.items() if not topic.endswith(TRACKED_DETECTIONS)}
    if len(found) > 1:
        raise InputError(f'{bag.path}: several topics of {what}, name one: {", ".join(found)}')
    return next(iter(found.values()), None)


def read_camera(bag: BagReader, topics: CameraTopics) -> Iterator[tuple[str, int, bytes]]:
    """Yield topic, time in the bag (nanoseconds) and serialised message, in the bag's order.

    Raises
    ------
    InputError
        The bag is damaged.

    """
    wanted = bag.named(topics.image, topics.detections)
    return ((c.topic, time, data) for c, time, data in bag.messages(wanted))


def bag_images(
    bag: Path, topics: CameraTopics, stamps: Mapping[int, int]
) -> Callable[[int], Image | None]:
    """Return a reader of the images of a bag.

    Parameters
    ----------
    bag, topics
        Bag and the topics of its camera.
    stamps
        Frame number -> header stamp, nanoseconds.

    Returns
    -------
    Frame number -> (H, W, 3) uint8 BGR, or None where the bag has no readable image; raises
    InputError for a damaged bag.

    """

    @cache
    def times() -> dict[int, int]:
        """Return header stamp -> time in the bag of every image."""
        found: dict[int, int] = {}
        with open_bag(bag) as reader:
            for _, time, data in reader.messages(reader.named(topics.image)):
                with suppress(MessageError):
                    found.setdefault(read_header(data).stamp, time)
        return found

    def image(frame: int) -> Image | None:
        time = times().get(stamps.get(frame, 0)) if topics.image else None
        if time is None:
            return None
        with open_bag(bag) as reader, suppress(ImageError, MessageError):
            data = reader.message_at(topics.image, time)
            return None if data is None else decode_image(data, topics.transport)
        return None

    return image
