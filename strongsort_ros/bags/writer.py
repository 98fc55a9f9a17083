"""Write rosbag2 without ROS: images, detections and serialised messages."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from strongsort_ros.bags.paths import check_new_bag
from strongsort_ros.bags.reader import LIBRARY_ERRORS, BagReader
from strongsort_ros.bags.storage import BagFileWriter
from strongsort_ros.bags.types import (
    COMPRESSED_IMAGE_TYPE,
    DETECTIONS_TYPE,
    IMAGE_TYPE,
    ros_types,
)
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.motchallenge import PERSON, load_detections
from strongsort_ros.files.sequence import ImageFolder, find_detections, sequence_info
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import SECOND, Image

Storage = Literal['mcap', 'sqlite3']

IMAGE_TOPIC = '/image'
COMPRESSED_TOPIC = '/image/compressed'
DETECTIONS_TOPIC = '/detections'


class BagWriter:
    """Context manager that writes a new bag; the bag appears when the block ends without error.

    Stamps are nanoseconds; a message's time in the bag is its header stamp.

    Parameters
    ----------
    path
        Folder of the bag; it must not exist.
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
            self._writer = stack.enter_context(open_writer(written, self._plugin))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def write_image(self, stamp: int, image: Image) -> None:
        """Write an image, (H, W, 3) uint8 BGR, to /image."""
        height, width = image.shape[:2]
        message = self._types.types[IMAGE_TYPE](
            header=self._header(stamp),
            height=height,
            width=width,
            encoding='bgr8',
            is_bigendian=0,
            step=3 * width,
            data=np.ascontiguousarray(image).reshape(-1),
        )
        self._write(IMAGE_TOPIC, IMAGE_TYPE, stamp, message)

    def write_compressed(self, stamp: int, data: bytes, suffix: str) -> None:
        """Write the content of an image file with this suffix to /image/compressed."""
        name = suffix.lower().lstrip('.')
        message = self._types.types[COMPRESSED_IMAGE_TYPE](
            header=self._header(stamp),
            format='jpeg' if name == 'jpg' else name,
            data=np.frombuffer(data, dtype=np.uint8),
        )
        self._write(COMPRESSED_TOPIC, COMPRESSED_IMAGE_TYPE, stamp, message)

    def write_detections(self, stamp: int, detections: Detections) -> None:
        """Write a frame's detections to /detections; an empty frame is an empty array."""
        centres = detections.tlwh[:, :2] + detections.tlwh[:, 2:] / 2
        message = write_detection_array(
            Header(*divmod(stamp, SECOND), self._frame_id),
            [''] * len(detections),
            detections.class_ids.tolist(),
            detections.scores.tolist(),
            np.concatenate([centres, detections.tlwh[:, 2:]], axis=1),
        )
        self.write_serialized(DETECTIONS_TOPIC, DETECTIONS_TYPE, stamp, message)

    def write_serialized(
        self, topic: str, msgtype: str, time: int, data: bytes | memoryview
    ) -> None:
        """Write a serialised (CDR) message of a type in `ros_types` at a time in the bag."""
        assert self._writer is not None, 'use the writer in a `with`'
        connection = self._connections.get((topic, msgtype))
        if connection is None:
            connection = self._writer.add_connection(topic, msgtype, typestore=self._types)
            self._connections[topic, msgtype] = connection
        self._writer.write(connection, time, data)

    def carry(self, bag: BagReader, leave_out: Collection[str]) -> None:
        """Copy the messages of all other topics of a bag, byte for byte.

        Raises
        ------
        InputError
            The bag is damaged.

        """
        assert self._writer is not None, 'use the writer in a `with`'
        carried = [c for c in bag.connections if c.topic not in leave_out]
        copies = add_connections(carried, self._writer)
        if carried:
            for connection, time, data in bag.messages(carried):
                self._writer.write(copies[connection.id], time, data)

    def _header(self, stamp: int) -> Any:
        seconds, nanoseconds = divmod(stamp, SECOND)
        time = self._types.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
        return self._types.types['std_msgs/msg/Header'](stamp=time, frame_id=self._frame_id)

    def _write(self, topic: str, msgtype: str, stamp: int, message: object) -> None:
        data = self._types.serialize_cdr(message, msgtype)
        self.write_serialized(topic, msgtype, stamp, data)


@contextmanager
def open_writer(
    path: Path,
    plugin: StoragePlugin,
    compression: CompressionMode = CompressionMode.NONE,
    custom_data: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Writer]:
    """Open the `rosbags` writer of a new bag, which is complete when the block ends.

    Raises
    ------
    OSError
        The bag cannot be written.

    """
    writer = BagFileWriter(path, version=9, storage_plugin=plugin)
    if compression != CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    for key, value in custom_data.items():
        writer.set_custom_data(key, value)
    try:
        with writer:
            yield writer
    except (sqlite3.Error, WriterError) as error:
        raise OSError(errno.EIO, str(error)) from error


def add_connections(connections: Iterable[Connection], writer: Writer) -> dict[int, Connection]:
    """Add topics of another bag; return those of the writer by the id of the original."""
    copies: dict[int, Connection] = {}
    known: dict[tuple[str, str, str], Connection] = {}
    for connection in connections:
        ext = connection.ext
        assert isinstance(ext, ConnectionExtRosbag2)
        key = connection.topic, connection.msgtype, repr(ext)
        if key not in known:
            definition, digest = message_definition(connection)
            known[key] = writer.add_connection(
                connection.topic, connection.msgtype, msgdef=definition, rihs01=digest,
                serialization_format=ext.serialization_format,
                offered_qos_profiles=ext.offered_qos_profiles,
            )  # fmt: skip
        copies[connection.id] = known[key]
    return copies


def message_definition(connection: Connection) -> tuple[str, str]:
    """Return a topic's message definition and type hash, completed where the bag lacks them."""
    msgtype, text, digest = connection.msgtype, connection.msgdef.data, connection.digest
    defined = connection.msgdef.format != MessageDefinitionFormat.NONE
    if defined and digest:
        return text, digest
    # Bags of older ROS versions have no hashes, some no definitions. The writer needs both, and
    # readers expect them to match.
    store = ros_types()
    if not defined and msgtype in store.fielddefs and digest in ('', store.hash_rihs01(msgtype)):
        return store.generate_msgdef(msgtype, ros_version=2)[0], store.hash_rihs01(msgtype)
    own = get_typestore(Stores.EMPTY)
    idl = connection.msgdef.format == MessageDefinitionFormat.IDL
    try:
        own.register(get_types_from_idl(text) if idl else get_types_from_msg(text, msgtype))
        return text, own.hash_rihs01(msgtype)
    except LIBRARY_ERRORS:  # a definition that is damaged or contains itself
        return text, digest or 'unknown'


Progress = Callable[[Collection[int]], Iterable[int]]
"""Wraps the frames of a loop to show progress; `iter` shows nothing."""


@dataclass(frozen=True, slots=True)
class BagContents:
    """Frames and detections written, and detections left out because their frame has no image."""

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
    """Write the images of a MOTChallenge sequence and the detections of each as a bag.

    Frame n has the stamp n / frame rate, frame 0 has 1 ns. Each image comes before its
    detections; a frame without detections has an empty array.

    Parameters
    ----------
    folder
        Folder of the sequence, with seqinfo.ini and images.
    output
        Folder of the bag; it must not exist.
    detections
        det.txt file; None uses the sequence's own.
    compressed
        Write the image files as they are instead of decoded pixels.
    frame_rate
        Frames per second; None reads it from seqinfo.ini.

    Raises
    ------
    InputError
        A file of the sequence is missing or damaged, or the bag cannot be written.

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
