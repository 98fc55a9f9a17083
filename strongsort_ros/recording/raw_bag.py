"""rosbag2 as serialised messages, of types that are known here or not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import CompressionMode, Reader, StoragePlugin
from rosbags.rosbag2.storage_mcap import McapReader

from strongsort_ros.errors import InputError

_FILES = ('.mcap', '.db3')


@dataclass(frozen=True, slots=True)
class RawBag:
    """A bag that is open."""

    path: Path
    reader: Reader

    @property
    def connections(self) -> list[Connection]:
        """Topics with their types."""
        return self.reader.connections

    @property
    def topics(self) -> str:
        """What is in the bag, to say it."""
        return ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in self.connections)) or 'nothing'

    @property
    def plugin(self) -> StoragePlugin:
        """How the bag is stored."""
        return StoragePlugin.MCAP if self._mcap_files else StoragePlugin.SQLITE3

    @property
    def storage(self) -> Literal['mcap', 'sqlite3']:
        """The same in the words of `BagWriter`."""
        return 'mcap' if self.plugin == StoragePlugin.MCAP else 'sqlite3'

    @property
    def compression(self) -> CompressionMode:
        """How the bag is compressed: files, messages, or the chunks of its mcap files."""
        mode = getattr(self.reader, 'compression_mode', None)
        if mode:
            return CompressionMode[mode.upper()]
        chunks = any(chunk.compression for file in self._mcap_files for chunk in file.chunks)
        return CompressionMode.STORAGE if chunks else CompressionMode.NONE

    @property
    def custom_data(self) -> dict[str, str]:
        """What the bag's metadata hold besides."""
        return self.reader.storage.metadata.custom or {}

    def named(self, *topics: str) -> list[Connection]:
        """Return those of these topics."""
        return [connection for connection in self.connections if connection.topic in topics]

    def messages(
        self, connections: Collection[Connection] = ()
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time in the bag (nanoseconds) and serialised message, in order.

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
        with reading(self.path):
            source = iter(self.reader.messages(wanted)) if wanted else iter(())
        while True:
            with reading(self.path):
                message = next(source, None)
            if message is None:
                break
            count += 1
            yield message
        told = sum(connection.msgcount for connection in wanted)
        if count != told:
            raise InputError(
                f'{self.path}: {count} messages can be read of {told} that are told of: '
                f'damaged? {_reindex(self.path)}'
            )

    @property
    def _mcap_files(self) -> list[McapReader]:
        storages: list[Any] = getattr(self.reader.storage, 'storages', [self.reader.storage])
        return [storage for storage in storages if isinstance(storage, McapReader)]


@contextmanager
def open_raw_bag(path: Path | str) -> Iterator[RawBag]:
    """Give a bag: a folder, or one .mcap or .db3 file.

    Raises
    ------
    InputError
        There is no such bag, or it is empty, not indexed, cut short, or of another form.

    """
    path = Path(path)
    check_is_bag(path)
    with reading(path):
        reader = Reader(path)
        reader.open()
    try:
        yield RawBag(path, reader)
    finally:
        reader.close()


def is_bag(path: Path) -> bool:
    """Return whether a path is to be read as a bag, good or not."""
    return path.is_dir() or path.suffix in _FILES


def check_is_bag(path: Path) -> None:
    """Refuse what is no bag at first sight.

    Raises
    ------
    InputError
        As `open_raw_bag`.

    """
    with reading(path):
        if not path.exists():
            raise InputError(f'{path}: there is no such bag')
        if not path.is_dir() or (path / 'metadata.yaml').exists():
            return
        names = sorted(entry.name for entry in path.iterdir())
    if any(name.endswith((*_FILES, '.zstd')) for name in names):
        raise InputError(f'{path}: not indexed, it has no metadata.yaml; {_reindex(path)}')
    there = ', '.join(names[:5]) or 'nothing'
    raise InputError(f'{path}: no bag: neither metadata.yaml nor .mcap or .db3 but {there}')


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Make one clear error of whatever the library stumbles over inside."""
    try:
        yield
    except InputError:
        raise
    # A broken file makes the library fail in many ways: struct, YAML, SQLite, assertions.
    except Exception as error:
        text = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{path}: not a readable bag: {text}') from error


def _reindex(path: Path) -> str:
    return f'run: ros2 bag reindex {path}'
