"""rosbag2 as serialised messages, of types that are known here or not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import apsw
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2 import CompressionMode, ReaderError, StoragePlugin
from rosbags.rosbag2.storage_mcap import McapReader
from ruamel.yaml.error import YAMLError

from strongsort_ros.bags.metadata import (
    BagMetadata,
    TopicMetadata,
    check_name,
    read_metadata,
)
from strongsort_ros.bags.paths import check_is_bag, reindex
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
"""Whatever a damaged file makes `rosbags` raise; catch them round calls into it alone."""

_PLUGINS: Final = {'.mcap': StoragePlugin.MCAP, '.db3': StoragePlugin.SQLITE3}
_UNKNOWN: Final = MessageDefinition(MessageDefinitionFormat.NONE, '')

Message = tuple[Connection, int, bytes]
"""Connection, time in the bag (nanoseconds) and serialised message."""


@dataclass(frozen=True, slots=True)
class BagReader:
    """A bag that is open.

    Attributes
    ----------
    connections
        Topics with their types.
    compression
        How the bag is compressed: files, messages, or the chunks of its MCAP files.
    custom_data
        Texts that the bag's metadata hold besides.
    plugin
        How the bag is stored.

    """

    path: Path
    connections: list[Connection]
    compression: CompressionMode
    custom_data: dict[str, str]
    plugin: StoragePlugin
    _storages: list[StorageReader]
    _packed: int

    @property
    def topics(self) -> str:
        """Topics and their types, for messages to the user."""
        return ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in self.connections)) or 'none'

    @property
    def storage(self) -> Literal['mcap', 'sqlite3']:
        """How the bag is stored in the words of `BagWriter`."""
        return 'mcap' if self.plugin == StoragePlugin.MCAP else 'sqlite3'

    def named(self, *topics: str) -> list[Connection]:
        """Return those of these topics."""
        return [connection for connection in self.connections if connection.topic in topics]

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[Message]:
        """Yield all messages, file by file, in order.

        Parameters
        ----------
        connections
            Those to read; none: all.

        Raises
        ------
        InputError
            The bag is damaged, or does not hold as many messages as it says.

        """
        wanted = list(connections) or self.connections
        count = 0
        for message in self._read(wanted):
            count += 1
            yield message
        told = sum(connection.msgcount for connection in wanted)
        if count != told:
            raise InputError(
                f'{self.path}: read {count} of the {told} messages that the bag lists; '
                f'it may be damaged: {reindex(self.path)}'
            )

    def message_at(self, topic: str, time: int) -> bytes | None:
        """Return the first message of a topic at a time in the bag, None where there is none.

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
        data: Any  # in a hostile SQLite file a column is of any type
        for storage in self._storages:
            copies = _matching(storage.connections, wanted)
            if not copies:
                continue
            there = [c for c in storage.connections if c.id in copies]
            source = storage.messages(there, start, stop)
            while True:
                with reading(self.path):
                    found = next(source, None)
                if found is None:
                    break
                original, time, data = found
                if not isinstance(time, int) or not isinstance(data, bytes):
                    raise InputError(f'{self.path}: {original.topic}: a message is not bytes')
                yield copies[original.id], time, unpack(data)

    def _unpacker(self) -> Callable[[bytes], bytes]:
        """Return what unpacks messages, within the bound of the whole bag."""
        if self.compression != CompressionMode.MESSAGE:
            return lambda data: data
        left = max_unpacked(self._packed)

        def unpack(data: bytes) -> bytes:
            nonlocal left
            with reading(self.path):
                message = unpack_message(data, left)
            left -= len(message)
            return message

        return unpack


@contextmanager
def open_bag(path: Path | str) -> Iterator[BagReader]:
    """Give a bag: a folder, or one .mcap or .db3 file.

    Raises
    ------
    InputError
        There is no such bag, or it is empty, not indexed, cut short, or of another form.

    """
    path = Path(path)
    check_is_bag(path)
    with ExitStack() as stack:
        yield _open_folder(path, stack) if path.is_dir() else _open_file(path, stack)


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Make one clear error of whatever `rosbags` stumbles over inside."""
    try:
        yield
    except StrongSortError:
        raise
    except MemoryError as error:
        raise InputError(f'{path}: not a readable bag: does not fit into memory') from error
    except LIBRARY_ERRORS as error:
        text = shorten(str(error)) or type(error).__name__
        raise InputError(f'{path}: not a readable bag: {text}') from error


def _open_file(path: Path, stack: ExitStack) -> BagReader:
    plugin = _PLUGINS[path.suffix]
    storages = _opened(path, [path], plugin, stack)
    connections = storages[0].connections
    for connection in connections:
        _check_texts(path, connection)
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
    packed = sum(file.stat().st_size for file in files)
    if metadata.compression == CompressionMode.FILE:
        with reading(path):
            files = _unpacked(files, max_unpacked(packed), stack)
    storages = _opened(path, files, metadata.storage, stack)
    mode = metadata.compression
    if mode == CompressionMode.NONE:
        mode = _chunk_compression(storages)
    connections = _connections(metadata, storages)
    return BagReader(
        path, connections, mode, metadata.custom_data, metadata.storage, storages, packed
    )


def _opened(
    path: Path, files: list[Path], plugin: StoragePlugin, stack: ExitStack
) -> list[StorageReader]:
    """Return the opened files of a bag, to be closed with the stack."""
    storages = []
    for file in files:
        with reading(path):
            storages.append(open_storage(file, plugin))
        stack.callback(storages[-1].close)
    return storages


def _unpacked(files: list[Path], most: int, stack: ExitStack) -> list[Path]:
    """Return unpacked copies, in a temporary folder, of files that take `most` bytes together."""
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
    """Return the topics as the metadata tell them, with the definitions that the files have."""
    definitions = {
        connection.msgtype: connection.msgdef
        for storage in reversed(storages)
        for connection in reversed(storage.connections)
        if connection.msgdef.format != MessageDefinitionFormat.NONE
    }

    def connection(number: int, topic: TopicMetadata) -> Connection:
        return Connection(
            id=number,
            topic=topic.name,
            msgtype=topic.msgtype,
            msgdef=definitions.get(topic.msgtype, _UNKNOWN),
            digest=topic.digest,
            msgcount=topic.message_count,
            ext=ConnectionExtRosbag2(topic.serialization_format, topic.qos),
            owner=metadata,
        )

    return [connection(number, topic) for number, topic in enumerate(metadata.topics, 1)]


def _matching(there: list[Connection], wanted: list[Connection]) -> dict[int, Connection]:
    """Return the wanted connections by the number of the one in a file that is the same."""
    found: dict[int, Connection] = {}
    for connection in there:
        for candidate in wanted:
            same = candidate.topic == connection.topic and candidate.ext == connection.ext
            digests = connection.digest, candidate.digest
            if (
                same
                and candidate.msgtype == connection.msgtype
                and (not all(digests) or digests[0] == digests[1])
            ):
                found[connection.id] = candidate
                break
    return found


def _check_texts(path: Path, connection: Connection) -> None:
    try:
        check_name(connection.topic)
        check_name(connection.msgtype)
    except ValueError as error:
        raise InputError(f'{path}: not a readable bag: topic or type: {error}') from error
    definition: tuple[Any, ...] = connection.digest, connection.msgdef.data
    if not all(isinstance(text, str) for text in definition):
        raise InputError(f'{path}: not a readable bag: {connection.topic}: type is not a text')
