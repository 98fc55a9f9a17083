"""Data files of a rosbag2: exact file names, checksums, and limits on decompression.

`rosbags` itself puts the path of a SQLite file into a URI without escaping, so that `%2F`, `?` and
`#` in a name lead to another file; it decompresses data of any size; and it writes no checksums.
"""

from __future__ import annotations

import os
import struct
import sys
from binascii import crc32
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import apsw
from lz4.frame import LZ4FrameDecompressor
from rosbags.rosbag2 import CompressionMode, ReaderError, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS, McapReader, McapWriter
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader, Sqlite3Writer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdError = zstd.ZstdError

MAX_MESSAGE_BYTES: Final = 2**28
"""Largest message of a SQLite file and of a bag with compressed messages."""
MIN_UNPACKED_BYTES: Final = 2**30
MAX_UNPACKED_RATIO: Final = 100
"""Decompressed data may have `MIN_UNPACKED_BYTES`, or this many times the compressed size."""

_BLOCK: Final = 2**20
# MCAP records: https://mcap.dev/spec
_FOOTER: Final = struct.Struct('<BQQQI8s')  # opcode, length, two starts of the index, CRC, magic
_FOOTER_CRC: Final = 12  # offset of the footer's CRC from the end of the file
_DATA_END: Final = struct.Struct('<BQI')  # opcode, length, CRC
_CHUNK_CRC: Final = 9 + 24  # offset of a chunk's CRC from the start of the chunk

StorageReader = McapReader | Sqlite3Reader


def exact_path(path: Path) -> Path:
    """Return the percent-encoded path, which SQLite decodes to `path` as part of a URI."""
    return Path(quote(os.fsencode(path.resolve())))


def open_storage(path: Path, plugin: StoragePlugin) -> StorageReader:
    """Open a data file and check its index and sizes.

    Raises
    ------
    ReaderError, OSError
        The file is damaged, too large when decompressed, or cannot be read. `rosbags` raises
        other errors for damaged files, too.

    """
    if plugin == StoragePlugin.SQLITE3:
        database = Sqlite3Reader(exact_path(path))
        database.open()
        assert database.dbconn is not None
        database.dbconn.limit(apsw.SQLITE_LIMIT_LENGTH, MAX_MESSAGE_BYTES)
        return database
    reader = McapReader(path)
    reader.open()
    try:
        with path.open('rb') as file:
            check_index(file, chunked=bool(reader.chunks))
        unpacked = sum(chunk.uncompressed_size for chunk in reader.chunks)
        check_unpacked(unpacked, max_unpacked(path.stat().st_size))
    except BaseException:
        reader.close()
        raise
    return reader


class ExactSqlite3Writer(Sqlite3Writer):
    """SQLite writer that creates the file with exactly the given name."""

    def __init__(self, path: Path, compression: CompressionMode) -> None:
        super().__init__(exact_path(path), compression)
        self.path = path / f'{path.name}.db3'


class CheckedMcapWriter(McapWriter):
    """MCAP writer that fills in the checksums of chunks and of the index."""

    def close_chunk(self) -> None:
        """Write the current chunk and its checksum."""
        start, checksum = self.bio.tell(), crc32(self.chunk.bio.getbuffer())
        super().close_chunk()
        end = self.bio.tell()
        self.bio.seek(start + _CHUNK_CRC)
        self.bio.write(struct.pack('<I', checksum))
        self.bio.seek(end)

    def close(self, version: int, metadata: str) -> None:
        """Write the last chunk, the index and its checksum."""
        super().close(version, metadata)
        with self.path.open('r+b') as file:
            start, end, _ = _index(file)
            checksum = _checksum(file, start, end)
            file.seek(-_FOOTER_CRC, os.SEEK_END)
            file.write(struct.pack('<I', checksum))


class BagFileWriter(Writer):
    """Writer of `rosbags` with the two storages above."""

    STORAGE_PLUGINS = {  # noqa: RUF012  # as in the base class
        StoragePlugin.SQLITE3: ExactSqlite3Writer,
        StoragePlugin.MCAP: CheckedMcapWriter,
    }


def check_unpacked(size: int, most: int) -> None:
    """Refuse decompressed data above the limit.

    Raises
    ------
    ReaderError
        `size` is more than `most` bytes.

    """
    if size > most:
        raise ReaderError(
            f'unpacks to more than the {most} bytes that are allowed; if you trust the bag, '
            'decompress it with ros2 bag convert'
        )


def max_unpacked(packed: int) -> int:
    """Return the limit in bytes for the decompressed form of `packed` bytes."""
    return max(MIN_UNPACKED_BYTES, MAX_UNPACKED_RATIO * packed)


def unpack_message(data: bytes, most: int) -> bytes:
    """Return the decompressed form of a zstd message, at most `most` bytes.

    Raises
    ------
    ReaderError, ZstdError
        The message is larger or damaged.

    """
    return _unpack(zstd.ZstdDecompressor, data, min(most, MAX_MESSAGE_BYTES))


def unpack_file(packed: Path, target: Path, most: int) -> int:
    """Decompress a zstd file and return the size of the result in bytes.

    Raises
    ------
    ReaderError, ZstdError, OSError
        The result is larger than `most`, the file is damaged, or `target` cannot be written.

    """
    size = 0
    with zstd.open(packed, 'rb') as source, target.open('wb') as file:
        while block := source.read(_BLOCK):
            size += len(block)
            check_unpacked(size, most)
            file.write(block)
    return size


def _unpack(kind: Callable[[], Any], data: bytes, most: int) -> bytes:
    """Return the concatenated content of all compressed frames."""
    parts, size = [], 0
    while data:
        frame = kind()
        parts.append(frame.decompress(data, max_length=most + 1 - size))
        size += len(parts[-1])
        check_unpacked(size, most)
        if not frame.eof:
            raise ReaderError('Compressed data end too early.')
        data = frame.unused_data
    return b''.join(parts)


def _unpack_chunk(kind: Callable[[], Any], data: bytes, size: int) -> bytes:
    check_unpacked(size, max_unpacked(len(data)))
    return _unpack(kind, data, size)


# The decompressors of rosbags ignore the size that the chunk states.
DECOMPRESSORS['zstd'] = partial(_unpack_chunk, zstd.ZstdDecompressor)
DECOMPRESSORS['lz4'] = partial(_unpack_chunk, LZ4FrameDecompressor)


def check_index(file: BinaryIO, *, chunked: bool) -> None:
    """Verify the checksum of the index, and of the data if it is not in chunks.

    `rosbags` verifies those of chunks. A checksum of 0 means that there is none.

    Raises
    ------
    ReaderError
        A checksum does not match.

    """
    start, end, stored = _index(file)
    if stored and start and stored != _checksum(file, start, end):
        raise ReaderError('Checksum mismatch of the index.')
    if not chunked:
        data_end = (start or end - _FOOTER.size + _FOOTER_CRC) - _DATA_END.size
        file.seek(data_end)
        _, _, stored = _DATA_END.unpack(file.read(_DATA_END.size))
        if stored and stored != _checksum(file, 0, data_end):
            raise ReaderError('Checksum mismatch of the data.')


def _index(file: BinaryIO) -> tuple[int, int, int]:
    """Return start and end of the bytes that the index's checksum covers, and the checksum."""
    end = file.seek(-_FOOTER.size, os.SEEK_END) + _FOOTER.size - _FOOTER_CRC
    _, _, start, _, stored, _ = _FOOTER.unpack(file.read())
    return start, end, stored


def _checksum(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    checksum = 0
    while start < end and (block := file.read(min(_BLOCK, end - start))):
        checksum = crc32(block, checksum)
        start += len(block)
    return checksum
