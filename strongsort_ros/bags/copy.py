"""A copy of a bag with the messages of one topic written anew, all else byte for byte."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError
from rosbags.typesys import (
    Stores,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from strongsort_ros.bags.reader import LIBRARY_ERRORS, BagReader
from strongsort_ros.bags.storage import BagFileWriter
from strongsort_ros.bags.types import REFINED_TOPICS, ros_types
from strongsort_ros.errors import InputError, MessageError

Rewrite = Callable[[bytes], bytes]
"""Makes a message's new bytes of its bytes."""


def copy_bag(
    bag: BagReader,
    output: Path,
    changed: Connection,
    rewrite: Rewrite,
    progress: Callable[[float], None],
) -> None:
    """Copy a bag, message by message: storage, compression, times, types and QoS are its own.

    Parameters
    ----------
    bag
        One that was split in several files becomes one file.
    output
        Folder to be.
    changed
        Topic of tracks of `bag` whose messages are written anew; the copy says it is refined.
    rewrite
        Makes them.
    progress
        Is told the share done, 0 to 1, after each message.

    Raises
    ------
    InputError
        The bag is damaged.
    OSError
        The copy cannot be written.

    """
    total = sum(connection.msgcount for connection in bag.connections) or 1
    refined = {*bag.custom_data.get(REFINED_TOPICS, '').split(), changed.topic}
    custom_data = {**bag.custom_data, REFINED_TOPICS: ' '.join(sorted(refined))}
    with writing(output, bag.plugin, bag.compression, custom_data) as writer:
        copies = add_connections(bag.connections, writer)
        for number, (connection, time, data) in enumerate(bag.messages(), 1):
            if connection.id == changed.id:
                try:
                    data = rewrite(data)
                except MessageError as error:
                    raise InputError(f'{bag.path}: {changed.topic}: {error}') from error
            writer.write(copies[connection.id], time, data)
            progress(number / total)


@contextmanager
def writing(
    path: Path,
    plugin: StoragePlugin,
    compression: CompressionMode = CompressionMode.NONE,
    custom_data: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Writer]:
    """Give a writer of a new bag; it is complete when the block ends without an exception.

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


def carry_topics(bag: BagReader, writer: Writer, leave_out: Collection[str]) -> None:
    """Add the messages of all other topics of a bag to one that is being written.

    Raises
    ------
    InputError
        The bag is damaged.

    """
    carried = [c for c in bag.connections if c.topic not in leave_out]
    copies = add_connections(carried, writer)
    if carried:
        for connection, time, data in bag.messages(carried):
            writer.write(copies[connection.id], time, data)


def add_connections(connections: Iterable[Connection], writer: Writer) -> dict[int, Connection]:
    """Declare topics as they are; return those of the copy by the number of the original."""
    copies: dict[int, Connection] = {}
    known: dict[tuple[str, str, str], Connection] = {}
    for connection in connections:
        ext = connection.ext
        assert isinstance(ext, ConnectionExtRosbag2)
        key = connection.topic, connection.msgtype, repr(ext)
        if key not in known:
            definition, digest = _definition(connection)
            known[key] = writer.add_connection(
                connection.topic, connection.msgtype, msgdef=definition, rihs01=digest,
                serialization_format=ext.serialization_format,
                offered_qos_profiles=ext.offered_qos_profiles,
            )  # fmt: skip
        copies[connection.id] = known[key]
    return copies


def _definition(connection: Connection) -> tuple[str, str]:
    """Return the definition and the type hash that the bag has, or the ones that are known."""
    kind, text, digest = connection.msgtype, connection.msgdef.data, connection.digest
    there = connection.msgdef.format != MessageDefinitionFormat.NONE
    if there and digest:
        return text, digest
    # Bags of older ROS have no hashes, and no definitions either; the writer wants both, and
    # readers that they fit each other.
    store = ros_types()
    if not there and kind in store.fielddefs and digest in ('', store.hash_rihs01(kind)):
        return store.generate_msgdef(kind, ros_version=2)[0], store.hash_rihs01(kind)
    own = get_typestore(Stores.EMPTY)
    idl = connection.msgdef.format == MessageDefinitionFormat.IDL
    try:
        own.register(get_types_from_idl(text) if idl else get_types_from_msg(text, kind))
        return text, own.hash_rihs01(kind)
    except LIBRARY_ERRORS:  # damaged, or without end
        return text, digest or 'unknown'
