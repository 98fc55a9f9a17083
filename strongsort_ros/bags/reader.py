"""Read the serialised messages of a rosbag2, of any type."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import apsw
from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import CompressionMode, ReaderError, StoragePlugin
from rosbags.rosbag2.storage_mcap import McapReader
from ruamel.yaml.error import YAMLError

from strongsort_ros.bags.metadata import BagMetadata, check_name, read_metadata
from strongsort_ros.bags.paths import check_is_bag, reindex_advice
from strongsort_ros.bags.storage import (
    StorageReader,
    ZstdError,
    max_unpacked,
    open_storage,
    unpack_file,
    unpack_message,
)
from strongsort_ros.errors import InputError, StrongSortError, shorten

LIBRARY_ERRORS: Final = (
    ReaderError, apsw.Error, struct.error, YAMLError, ZstdError,
    OSError, EOFError, MemoryError, ArithmeticError, AssertionError, AttributeError,
    LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""Errors that `rosbags` raises for damaged files; catch them around calls to it only."""

_PLUGINS: Final = {'.mcap': StoragePlugin.MCAP, '.db3': StoragePlugin.SQLITE3}

Message = tuple[Connection, int, bytes]
"""Connection, time in the bag (nanoseconds) and serialised message."""


@dataclass(frozen=True, slots=True)
class BagReader:
    """An open bag. Its messages can be read several times, and from another thread.

    Attributes
    ----------
    path
        Folder or file of the bag.
    connections
        Topics with their types.
    compression
        Compression of files, of messages, or of chunks in MCAP files (`STORAGE`).
    custom_data
        Additional texts in the bag's metadata.
    plugin
        Storage plugin.

    """

    path: Path
    connections: list[Connection]
    compression: CompressionMode
    custom_data: dict[str, str]
    plugin: StoragePlugin
    _storages: list[StorageReader]
    _file_bytes: int

    @property
    def topics(self) -> str:
        """Topics and their types, for messages to the user."""
        return ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in self.connections)) or 'none'

    @property
    def storage(self) -> Literal['mcap', 'sqlite3']:
        """Storage as the argument of `BagWriter`."""
        return 'mcap' if self.plugin == StoragePlugin.MCAP else 'sqlite3'

    def named(self, *topics: str) -> list[Connection]:
        """Return the connections of these topics; those that the bag lacks are left out."""
        return [connection for connection in self.connections if connection.topic in topics]

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[Message]:
        """Yield all messages, file by file, in order of time.

        Parameters
        ----------
        connections
            Connections to read; an empty collection reads all.

        Raises
        ------
        InputError
            The bag is damaged, or has more or fewer messages than its metadata lists.

        """
        wanted = list(connections) or self.connections
        count = 0
        for message in self._read(wanted):
            count += 1
            yield message
        listed = sum(connection.msgcount for connection in wanted)
        if count != listed:
            raise InputError(
                f'{self.path}: read {count} of the {listed} messages that the bag lists; '
                f'it may be damaged; {reindex_advice(self.path)}'
            )

    def message_at(self, topic: str, time: int) -> bytes | None:
        """Return the first message of a topic at a time in the bag, or None.

        Raises
        ------
        InputError
            The bag is damaged.

        """
        found = self._read(self.named(topic), time, time + 1)
        return next((data for _, _, data in found), None)

    def _read(
        self, wanted: list[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[Message]:
        unpack = self._unpacker()
        time: Any
        data: Any  # a hostile SQLite file can have columns of any type
        for storage in self._storages:
            original = _matching(storage.connections, wanted)
            connections = [c for c in storage.connections if c.id in original]
            if not connections:
                continue
            messages = storage.messages(connections, start, stop)
            while True:
                with library_errors(self.path):
                    message = next(messages, None)
                if message is None:
                    break
                connection, time, data = message
                if not isinstance(time, int) or not isinstance(data, bytes):
                    raise InputError(f'{self.path}: {connection.topic}: a message is not bytes')
                yield original[connection.id], time, unpack(data)

    def _unpacker(self) -> Callable[[bytes], bytes]:
        """Return a function that decompresses messages, up to the limit of the bag."""
        if self.compression != CompressionMode.MESSAGE:
            return lambda data: data
        left = max_unpacked(self._file_bytes)

        def unpack(data: bytes) -> bytes:
            nonlocal left
            with library_errors(self.path):
                message = unpack_message(data, left)
            left -= len(message)
            return message

        return unpack


@contextmanager
def open_bag(path: Path | str) -> Iterator[BagReader]:
    """Open a bag: a folder with metadata.yaml, or one .mcap or .db3 file.

    Raises
    ------
    InputError
        The bag does not exist, or is empty, not indexed, truncated or of another format.

    """
    path = Path(path)
    check_is_bag(path)
    with ExitStack() as stack:
        yield _open_folder(path, stack) if path.is_dir() else _open_file(path, stack)


@contextmanager
def library_errors(path: Path | str) -> Iterator[None]:
    """Turn the errors of `rosbags` into one InputError."""
    try:
        yield
    except StrongSortError:
        raise
    except MemoryError as error:
        raise InputError(f'{path}: not a readable bag: it does not fit into memory') from error
    except LIBRARY_ERRORS as error:
        text = shorten(str(error)) or type(error).__name__
        raise InputError(f'{path}: not a readable bag: {text}') from error


def _open_file(path: Path, stack: ExitStack) -> BagReader:
    plugin = _PLUGINS[path.suffix]
    storages = _open_storages(path, [path], plugin, stack)
    connections = storages[0].connections
    for connection in connections:
        _check_names(path, connection)
    mode = _chunk_compression(storages)
    return BagReader(path, connections, mode, {}, plugin, storages, path.stat().st_size)


def _open_folder(path: Path, stack: ExitStack) -> BagReader:
    metadata = read_metadata(path)
    files = [path / name for name in metadata.files]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f'{path}: not a readable bag: {len(missing)} of {len(files)} files are missing: '
            f'{missing[0]!r}'
        )
    size = sum(file.stat().st_size for file in files)
    if metadata.compression == CompressionMode.FILE:
        with library_errors(path):
            files = _unpack_files(files, max_unpacked(size), stack)
    storages = _open_storages(path, files, metadata.storage, stack)
    mode = metadata.compression
    if mode == CompressionMode.NONE:
        mode = _chunk_compression(storages)
    connections = _connections(metadata, storages)
    return BagReader(
        path, connections, mode, metadata.custom_data, metadata.storage, storages, size
    )


def _open_storages(
    path: Path, files: list[Path], plugin: StoragePlugin, stack: ExitStack
) -> list[StorageReader]:
    """Open the data files of a bag; the stack closes them."""
    storages = []
    for file in files:
        with library_errors(path):
            storages.append(open_storage(file, plugin))
        stack.callback(storages[-1].close)
    return storages


def _unpack_files(files: list[Path], most: int, stack: ExitStack) -> list[Path]:
    """Decompress files to a temporary folder, `most` bytes in total at most."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix='strongsort_')))
    copies = []
    for number, file in enumerate(files):
        copies.append(folder / str(number))
        most -= unpack_file(file, copies[-1], most)
    return copies


def _chunk_compression(storages: list[StorageReader]) -> CompressionMode:
    files = [storage for storage in storages if isinstance(storage, McapReader)]
    chunks = any(chunk.compression for file in files for chunk in file.chunks)
    return CompressionMode.STORAGE if chunks else CompressionMode.NONE


def _connections(metadata: BagMetadata, storages: list[StorageReader]) -> list[Connection]:
    """Return the topics of the metadata with the message definitions of the data files."""
    definitions = {
        connection.msgtype: connection.msgdef
        for storage in reversed(storages)
        for connection in reversed(storage.connections)
        if connection.msgdef.format != MessageDefinitionFormat.NONE
    }
    return [
        topic._replace(msgdef=definitions.get(topic.msgtype, topic.msgdef))
        for topic in metadata.topics
    ]


def _matching(connections: list[Connection], wanted: list[Connection]) -> dict[int, Connection]:
    """Return the wanted connection for each id of a data file's connection that equals it."""
    found: dict[int, Connection] = {}
    for connection in connections:
        for candidate in wanted:
            same = all(
                getattr(candidate, name) == getattr(connection, name)
                for name in ('topic', 'msgtype', 'ext')
            )
            digests = {connection.digest, candidate.digest} - {''}
            if same and len(digests) < 2:
                found[connection.id] = candidate
                break
    return found


def _check_names(path: Path, connection: Connection) -> None:
    try:
        check_name(connection.topic)
        check_name(connection.msgtype)
    except ValueError as error:
        raise InputError(f'{path}: not a readable bag: topic or type: {error}') from error
    texts: tuple[Any, ...] = connection.digest, connection.msgdef.data
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f'{path}: not a readable bag: {connection.topic}: type is not text')
