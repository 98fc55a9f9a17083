"""Damaged data files are detected, and decompression is limited."""

from __future__ import annotations

import io
import random
import sqlite3
import struct
from binascii import crc32
from pathlib import Path

import lz4.frame
import pytest
from backports import zstd
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer
from ruamel.yaml import YAML

from strongsort_ros.bags import storage as bag_storage
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.types import TRACKS_TYPE, ros_types
from strongsort_ros.bags.writer import open_writer
from strongsort_ros.errors import InputError
from strongsort_ros.refinement.bag import refine_bag
from strongsort_ros.refinement.settings import GsiSettings
from strongsort_ros.refinement.tracks import RefinementSteps
from test.bags.any_reader import open_any_reader
from test.bags.track_bags import stamp, walk, write_messages

MESSAGES = walk(range(1, 40), 1)
MODES = (CompressionMode.FILE, CompressionMode.MESSAGE, CompressionMode.STORAGE)


def data_file(bag: Path) -> Path:
    (found,) = (path for path in bag.iterdir() if path.suffix != '.yaml')
    return found


def write(path: Path, mode: CompressionMode, messages: dict[int, bytes] = MESSAGES) -> Path:
    with open_writer(path, StoragePlugin.MCAP, mode) as bag:
        tracks = bag.add_connection('/tracks', TRACKS_TYPE, typestore=ros_types())
        for frame, message in messages.items():
            bag.write(tracks, stamp(frame), message)
    return path


@pytest.mark.parametrize('mode', [CompressionMode.NONE, CompressionMode.STORAGE])
def test_a_changed_byte_of_an_mcap_file_never_gives_other_tracks(
    tmp_path: Path, mode: CompressionMode
) -> None:
    bag = write(tmp_path / 'bag', mode)
    want = read_tracks(bag, frame_rate=10)
    file = data_file(bag)
    data = file.read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        at = chance.randrange(len(data))
        if chance.random() < 0.7:
            damaged[at] ^= 1 << chance.randrange(8)
        else:
            damaged[at : at + 8] = chance.choice([bytes(8), b'\xff' * 8, struct.pack('<Q', 2**40)])
        file.write_bytes(damaged)
        try:
            rows = read_tracks(bag, frame_rate=10)
        except InputError:
            refused += 1
        else:
            assert rows.tlwh.tolist() == want.tlwh.tolist()
            assert (rows.ids.tolist(), rows.frames.tolist()) == (
                want.ids.tolist(), want.frames.tolist(),
            )  # fmt: skip
    assert refused > 150


def test_checksums_are_written_as_the_format_says(tmp_path: Path) -> None:
    """Other readers verify them; rosbags verifies those of chunks only."""
    bag = write(tmp_path / 'bag', CompressionMode.NONE)
    with open_any_reader(bag) as reader:
        assert reader.message_count == len(MESSAGES)
    data = data_file(bag).read_bytes()
    start, _, stored = struct.unpack('<QQI', data[-28:-8])
    assert stored == crc32(data[start:-12]) != 0


def test_data_without_chunks_have_a_checksum() -> None:
    """Recorders write such files with chunks switched off."""
    content = bytes(range(200))
    end = struct.pack('<BQI', 0x0F, 4, crc32(content))
    footer = struct.pack('<BQQQI8s', 2, 20, 0, 0, 0, b'\x89MCAP0\r\n')
    bag_storage.check_index(io.BytesIO(content + end + footer), chunked=False)
    damaged = content[:50] + b'?' + content[51:]
    with pytest.raises(bag_storage.ReaderError, match='Checksum mismatch of the data'):
        bag_storage.check_index(io.BytesIO(damaged + end + footer), chunked=False)
    bag_storage.check_index(io.BytesIO(damaged + end + footer), chunked=True)


def change(bag: Path, **information: object) -> None:
    yaml = YAML(typ='safe', pure=True)
    metadata = yaml.load(bag / 'metadata.yaml')
    metadata['rosbag2_bagfile_information'] |= information
    yaml.dump(metadata, bag / 'metadata.yaml')


def test_a_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limit, 97 KiB became 3 GiB in the temporary folder."""
    bag = write_messages(tmp_path / 'bag', MESSAGES)
    file = data_file(bag)
    packed = file.with_name('bag.mcap.zstd')
    packed.write_bytes(zstd.compress(bytes(300 * 2**20)) * 4)
    file.unlink()
    change(bag, compression_mode='FILE', compression_format='zstd',
           relative_file_paths=[packed.name])  # fmt: skip
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(temporary))
    with pytest.raises(InputError, match='unpacks to more than the 1073741824 bytes'):
        read_tracks(bag)
    assert list(temporary.iterdir()) == []


def test_a_message_that_unpacks_to_too_much(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', CompressionMode.MESSAGE, {1: bytes(2**28 + 1)})
    with pytest.raises(InputError, match='unpacks to more than the 268435456 bytes'):
        read_tracks(bag)


def test_messages_that_unpack_to_too_much_together(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', CompressionMode.MESSAGE,
                dict.fromkeys(range(5), bytes(2**28)))  # fmt: skip
    with open_bag(bag) as opened, pytest.raises(InputError, match='unpacks to more than'):
        for _ in opened.messages():
            pass


@pytest.mark.parametrize('name', ['zstd', 'lz4'])
def test_a_chunk_that_unpacks_to_more_than_its_stated_size(name: str) -> None:
    packed = (zstd.compress if name == 'zstd' else lz4.frame.compress)(bytes(10**6))
    unpack = bag_storage.DECOMPRESSORS[name]
    assert unpack(packed, 10**6) == bytes(10**6)
    assert unpack(packed + packed, 2 * 10**6) == bytes(2 * 10**6)
    for data, size, reason in (
        (packed, 10**6 - 1, 'more than the 999999 bytes'),
        (packed + packed, 10**6, 'more than the 1000000 bytes'),
        (packed[:-5], 10**6, 'end too early'),
        (packed, 2**31, 'more than the 1073741824 bytes'),
    ):
        with pytest.raises(bag_storage.ReaderError, match=reason):
            unpack(data, size)


def test_an_index_that_lists_too_much(tmp_path: Path) -> None:
    """Chunks that overlap in time are in memory together, however small they are in the file."""
    bag = write(tmp_path / 'bag', CompressionMode.STORAGE)
    file = data_file(bag)
    storage = bag_storage.open_storage(file, StoragePlugin.MCAP)
    size = storage.chunks[0].uncompressed_size  # type: ignore[union-attr]
    storage.close()
    data = bytearray(file.read_bytes())
    start, _, _ = struct.unpack('<QQI', data[-28:-8])
    at = data.index(struct.pack('<Q', size), start)
    data[at : at + 8] = struct.pack('<Q', 2**31)
    data[-12:-8] = bytes(4)
    file.write_bytes(data)
    reason = 'unpacks to more than the 1073741824 bytes'
    with pytest.raises(InputError, match=reason), open_bag(bag):
        pass  # before a chunk is read


@pytest.mark.parametrize('mode', MODES)
def test_compressed_bags_are_read_and_closed(tmp_path: Path, mode: CompressionMode) -> None:
    bag = write(tmp_path / 'bag', mode)
    with open_bag(bag) as opened:
        assert opened.compression == mode
        assert [data for _, _, data in opened.messages()] == list(MESSAGES.values())
        assert opened.message_at('/tracks', stamp(3)) == MESSAGES[3]
        assert opened.message_at('/tracks', stamp(3) + 1) is None


@pytest.mark.parametrize(
    ('column', 'reason'),
    [
        ('data BLOB GENERATED ALWAYS AS (zeroblob(300000000))', 'too big'),
        ("data TEXT GENERATED ALWAYS AS ('x')", 'a message is not bytes'),
    ],
)
def test_hostile_columns_of_sqlite(tmp_path: Path, column: str, reason: str) -> None:
    bag = write_messages(tmp_path / 'bag', MESSAGES, 'sqlite3')
    with sqlite3.connect(data_file(bag)) as database:
        database.executescript(
            'ALTER TABLE messages RENAME TO old; CREATE TABLE messages(id INTEGER PRIMARY KEY, '
            f'topic_id INTEGER, timestamp INTEGER, {column}); '
            'INSERT INTO messages(id, topic_id, timestamp) SELECT id, topic_id, timestamp FROM old;'
        )
    database.close()
    with pytest.raises(InputError, match=reason):
        read_tracks(bag)


def test_a_recursive_message_definition_is_copied(tmp_path: Path) -> None:
    """The computation of its hash would never end."""
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.SQLITE3) as bag:
        ring = bag.add_connection('/ring', 'a/msg/A', msgdef='a/A inner\n', rihs01='x')
        tracks = bag.add_connection('/tracks', TRACKS_TYPE, typestore=ros_types())
        bag.write(ring, 1, b'abc')
        for frame, message in MESSAGES.items():
            bag.write(tracks, stamp(frame), message)
    yaml = YAML(typ='safe', pure=True)
    metadata = yaml.load(tmp_path / 'in' / 'metadata.yaml')
    topics = metadata['rosbag2_bagfile_information']['topics_with_message_count']
    topics[0]['topic_metadata']['type_description_hash'] = ''
    yaml.dump(metadata, tmp_path / 'in' / 'metadata.yaml')
    refine_bag(tmp_path / 'in', tmp_path / 'out', RefinementSteps(aflink=None, gsi=GsiSettings()))
    with open_bag(tmp_path / 'out') as opened:
        (found,) = (data for c, _, data in opened.messages() if c.topic == '/ring')
    assert found == b'abc'


def test_a_bug_of_this_package_is_not_reported_as_a_damaged_bag(tmp_path: Path) -> None:
    """The error keeps its traceback."""
    bag = write_messages(tmp_path / 'bag', MESSAGES)
    with pytest.raises(ZeroDivisionError), open_bag(bag):
        _ = 1 / 0
