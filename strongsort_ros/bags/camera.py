"""A camera's recording: a bag with images and what a detector saw in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rosbags.interfaces import Connection

from strongsort_ros.bags.reader import open_raw_bag
from strongsort_ros.bags.types import COMPRESSED_IMAGE, DETECTIONS, IMAGE
from strongsort_ros.errors import InputError, MessageError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.messages.images import decode_image
from strongsort_ros.types import Image

TRACKED: Final = '/tracked_detections'
"""End of the topic on which the tracker answers with detections."""


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """What to read of a bag.

    Attributes
    ----------
    detections
        Topic of vision_msgs/Detection2DArray.
    image
        Topic of images; '': there is none.
    compressed
        Whether they are sensor_msgs/CompressedImage, not sensor_msgs/Image.
    frames
        Number of detection arrays.

    """

    detections: str
    image: str
    compressed: bool
    frames: int

    @property
    def transport(self) -> str:
        """The tracker's parameter image_transport that fits: raw, compressed or none."""
        if not self.image:
            return 'none'
        return 'compressed' if self.compressed else 'raw'


def find_camera_topics(path: Path | str, image: str = '', detections: str = '') -> CameraTopics:
    """Return the topics of images and detections: those named, or the only ones of their types.

    Raises
    ------
    InputError
        The bag cannot be read, a topic that is named is not in it or of another type, there are
        no detections, or several topics would do.

    """
    with open_raw_bag(path) as bag:
        seen = _choose(path, bag.connections, (DETECTIONS,), 'detections', detections)
        if seen is None:
            raise InputError(f'{path}: no {DETECTIONS} to track; there is: {bag.topics}')
        pictures = _choose(path, bag.connections, (IMAGE, COMPRESSED_IMAGE), 'images', image)
        return CameraTopics(
            seen.topic,
            pictures.topic if pictures else '',
            pictures is not None and pictures.msgtype == COMPRESSED_IMAGE,
            sum(connection.msgcount for connection in bag.named(seen.topic)),
        )


def _choose(
    path: Path | str, connections: list[Connection], kinds: tuple[str, ...], what: str, name: str
) -> Connection | None:
    found = {c.topic: c for c in connections if c.msgtype in kinds}
    if name:
        if name not in found:
            raise InputError(
                f'{path}: topic {name} of {what} is not in it; '
                f'there are: {", ".join(sorted(found)) or "none"}'
            )
        return found[name]
    # What a tracker answered when the bag was recorded is not what a detector saw.
    if len(found) > 1:
        found = {topic: c for topic, c in found.items() if not topic.endswith(TRACKED)}
    if len(found) > 1:
        raise InputError(f'{path}: {what} are on several topics, name one: {", ".join(found)}')
    return next(iter(found.values()), None)


def read_camera(path: Path | str, topics: CameraTopics) -> Iterator[tuple[str, int, bytes]]:
    """Yield topic, time in the bag (nanoseconds) and serialised message, in the bag's order.

    Raises
    ------
    InputError
        The bag cannot be read.

    """
    with open_raw_bag(path) as bag:
        wanted = bag.named(topics.image, topics.detections)
        for connection, time, data in bag.messages(wanted):
            yield connection.topic, time, data


def read_image(path: Path | str, topics: CameraTopics, time: int) -> Image | None:
    """Return the image at a time in the bag, (H, W, 3) BGR, or None where there is none.

    Raises
    ------
    InputError
        The bag cannot be read.
    MessageError, ImageError
        The image cannot be decoded.

    """
    if not topics.image:
        return None
    with open_raw_bag(path) as bag:
        data = bag.message_at(topics.image, time)
    return None if data is None else decode_image(data, topics.transport)


def image_times(path: Path | str, topics: CameraTopics) -> dict[int, int]:
    """Return header stamp -> time in the bag of every image, nanoseconds.

    Raises
    ------
    InputError
        The bag cannot be read.

    """
    times: dict[int, int] = {}
    if topics.image:
        for _, time, data in read_camera(path, replace(topics, detections='')):
            with suppress(MessageError):
                times.setdefault(read_header(data).stamp, time)
    return times
