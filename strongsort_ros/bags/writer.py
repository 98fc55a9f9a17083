"""rosbag2 out, without ROS: images, detections, and whatever is serialized already."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys.store import Typestore

from strongsort_ros.bags.copy import carry_topics, writing
from strongsort_ros.bags.paths import check_new_bag
from strongsort_ros.bags.reader import BagReader
from strongsort_ros.bags.types import COMPRESSED_IMAGE_TYPE, DETECTIONS_TYPE, IMAGE_TYPE, ros_types
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.motchallenge import PERSON, load_detections
from strongsort_ros.files.sequence import (
    ImageFolder,
    find_detections,
    sequence_info,
)
from strongsort_ros.tracking.detections import Detections

Storage = Literal['mcap', 'sqlite3']

IMAGE_TOPIC = '/image'
COMPRESSED_TOPIC = '/image/compressed'
DETECTIONS_TOPIC = '/detections'


class BagWriter:
    """A bag that is being written; use it in a `with`, and it is there when that ends well.

    Stamps are nanoseconds, and a message's header stamp is its time in the bag too.

    Parameters
    ----------
    path
        Folder to be; it must not exist.
    storage
        `mcap` or `sqlite3`.
    frame_id
        Frame of the camera, in every header.

    Raises
    ------
    InputError
        The folder exists or cannot be written.

    """

    def __init__(
        self, path: Path | str, storage: Storage = 'mcap', frame_id: str = 'camera'
    ) -> None:
        self._path = Path(path)
        self._plugin = StoragePlugin.MCAP if storage == 'mcap' else StoragePlugin.SQLITE3
        self._frame_id = frame_id
        self._types = ros_types()
        self._connections: dict[tuple[str, str], Connection] = {}
        self._stack = ExitStack()
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            check_new_bag(self._path)
            written = stack.enter_context(replacing(self._path, overwrite=False))
            self._writer = stack.enter_context(writing(written, self._plugin))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def write_image(self, stamp: int, image: npt.NDArray[np.uint8]) -> None:
        """Write an image, (H, W, 3) uint8 BGR, to /image."""
        height, width = image.shape[:2]
        message = self._types.types[IMAGE_TYPE](
            header=header(self._types, stamp, self._frame_id),
            height=height,
            width=width,
            encoding='bgr8',
            is_bigendian=0,
            step=3 * width,
            data=np.ascontiguousarray(image).reshape(-1),
        )
        self._write(IMAGE_TOPIC, IMAGE_TYPE, stamp, message)

    def write_compressed(self, stamp: int, data: bytes, suffix: str) -> None:
        """Write the bytes of an image file, such as a .jpg, as they are to /image/compressed."""
        kind = suffix.lower().lstrip('.')
        message = self._types.types[COMPRESSED_IMAGE_TYPE](
            header=header(self._types, stamp, self._frame_id),
            format='jpeg' if kind == 'jpg' else kind,
            data=np.frombuffer(data, dtype=np.uint8),
        )
        self._write(COMPRESSED_TOPIC, COMPRESSED_IMAGE_TYPE, stamp, message)

    def write_detections(self, stamp: int, detections: Detections) -> None:
        """Write a frame's detections, none too, to /detections."""
        message = detection_array(self._types, stamp, self._frame_id, detections)
        self._write(DETECTIONS_TOPIC, DETECTIONS_TYPE, stamp, message)

    def write_serialized(self, topic: str, kind: str, stamp: int, data: bytes | memoryview) -> None:
        """Write a message of a known type that is serialized (CDR) already."""
        assert self._writer is not None, 'use the writer in a `with`'
        connection = self._connections.get((topic, kind))
        if connection is None:
            connection = self._writer.add_connection(topic, kind, typestore=self._types)
            self._connections[topic, kind] = connection
        self._writer.write(connection, stamp, data)

    def carry(self, bag: BagReader, leave_out: Collection[str]) -> None:
        """Write all messages of the other topics of a bag, byte for byte."""
        assert self._writer is not None, 'use the writer in a `with`'
        carry_topics(bag, self._writer, leave_out)

    def _write(self, topic: str, kind: str, stamp: int, message: object) -> None:
        self.write_serialized(topic, kind, stamp, self._types.serialize_cdr(message, kind))


def header(types: Typestore, stamp: int, frame_id: str) -> Any:
    """Return a std_msgs/Header; `stamp` in nanoseconds."""
    seconds, nanoseconds = divmod(stamp, 10**9)
    time = types.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    return types.types['std_msgs/msg/Header'](stamp=time, frame_id=frame_id)


def detection_array(types: Typestore, stamp: int, frame_id: str, detections: Detections) -> Any:
    """Return a vision_msgs/Detection2DArray of a frame's detections."""
    known = types.types
    zero = known['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0)
    upright = known['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0)
    pose = known['geometry_msgs/msg/PoseWithCovariance'](
        pose=known['geometry_msgs/msg/Pose'](position=zero, orientation=upright),
        covariance=np.zeros(36),
    )
    head = header(types, stamp, frame_id)

    def detection(box: list[float], score: float, class_id: str) -> Any:
        left, top, width, height = box
        center = known['vision_msgs/msg/Point2D'](x=left + width / 2, y=top + height / 2)
        hypothesis = known['vision_msgs/msg/ObjectHypothesis'](class_id=class_id, score=score)
        return known['vision_msgs/msg/Detection2D'](
            header=head,
            results=[
                known['vision_msgs/msg/ObjectHypothesisWithPose'](hypothesis=hypothesis, pose=pose)
            ],
            bbox=known['vision_msgs/msg/BoundingBox2D'](
                center=known['vision_msgs/msg/Pose2D'](position=center, theta=0.0),
                size_x=width,
                size_y=height,
            ),
            id='',
        )

    rows = zip(
        detections.tlwh.tolist(),
        detections.scores.tolist(),
        detections.class_ids.tolist(),
        strict=True,
    )
    return known[DETECTIONS_TYPE](header=head, detections=[detection(*row) for row in rows])


Progress = Callable[[Collection[int]], Iterable[int]]
"""Wraps the frames that a loop goes through, to show how far it is; `iter` shows nothing."""


@dataclass(frozen=True, slots=True)
class BagContents:
    """How much went into a bag, and how many detections have no image and were left out."""

    frames: int
    detections: int
    left_out: int


def write_sequence(
    folder: Path | str,
    output: Path | str,
    *,
    detections: Path | str | None = None,
    storage: Storage = 'mcap',
    compressed: bool = False,
    frame_id: str = 'camera',
    class_id: str = PERSON,
    frame_rate: float | None = None,
    progress: Progress = iter,
) -> BagContents:
    """Write every image of a sequence and its detections, an empty array where there are none.

    Frame n has the stamp n / frame rate, frame 0 one of 1 ns. The image is written before its
    detections.

    Parameters
    ----------
    folder
        The sequence's folder, with seqinfo.ini and images.
    output
        Folder of the bag; it must not exist.
    detections
        A det.txt; None: the sequence's own.
    compressed
        Carry the image files' bytes as they are, instead of pixels.
    frame_rate
        Frames a second; None: as the sequence's seqinfo.ini says.

    Raises
    ------
    InputError
        Something of the sequence is missing or not usable, or the bag cannot be written.

    """
    info = sequence_info(folder, frame_rate)
    images = ImageFolder(folder)
    rows = load_detections(detections or find_detections(folder), class_id)
    written = 0
    with BagWriter(output, storage, frame_id) as bag:
        for frame in progress(images.paths.keys()):
            stamp = info.stamp(frame)
            if compressed:
                path = images.paths[frame]
                bag.write_compressed(stamp, path.read_bytes(), path.suffix)
            else:
                image = images.read(frame)
                assert image is not None
                bag.write_image(stamp, image)
            seen = rows.at(frame)
            bag.write_detections(stamp, seen)
            written += len(seen)
    return BagContents(len(images), written, len(rows) - written)
