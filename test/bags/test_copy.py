"""A copy of a bag keeps everything but the messages of the rewritten topic."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rosbags.interfaces import (
    ConnectionExtRosbag2,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from ruamel.yaml import YAML

from strongsort_ros.bags.copy import copy_bag
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.types import TRACKS_TYPE, ros_types
from strongsort_ros.errors import InputError
from strongsort_ros.types import SECOND
from test.bags.any_reader import open_any_reader
from test.bags.track_bags import digests, stamp, track, track_array, write_messages

FOREVER = QosTime(2147483647, 4294967295)
LATCHED = Qos(
    QosHistory.KEEP_LAST, 7, QosReliability.BEST_EFFORT, QosDurability.TRANSIENT_LOCAL,
    FOREVER, FOREVER, QosLiveliness.AUTOMATIC, FOREVER, False,
)  # fmt: skip
OWN = 'their_msgs/msg/Secret'
OWN_TEXT = (
    'uint8[] data\nbuiltin_interfaces/Time at\n'
    + '=' * 80
    + ('\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n')
)
PLUGINS = tuple(StoragePlugin)
# Only MCAP compresses within its storage.
NONE_SUCH = (StoragePlugin.SQLITE3, CompressionMode.STORAGE)
FORMS = [form for form in itertools.product(PLUGINS, CompressionMode) if form != NONE_SUCH]


def write(
    path: Path,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode = CompressionMode.NONE,
    frames: range = range(1, 5),
) -> Path:
    """Return a bag of tracks and of a type that is defined in the bag only."""
    own = get_typestore(Stores.EMPTY)
    own.register(get_types_from_msg(OWN_TEXT, OWN))
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    writer.set_custom_data('driver', 'anna')
    with writer:
        secret = writer.add_connection(
            '/secret', OWN, msgdef=OWN_TEXT, rihs01=own.hash_rihs01(OWN),
            offered_qos_profiles=[LATCHED],
        )  # fmt: skip
        text = writer.add_connection('/text', 'std_msgs/msg/String', typestore=ros_types())
        tracks = writer.add_connection(
            '/tracks', TRACKS_TYPE, typestore=ros_types(), offered_qos_profiles=[LATCHED]
        )
        for frame in frames:
            # Not a valid message: bytes of any content are copied.
            writer.write(secret, stamp(frame) - 5, bytes([0, 1, 0, 0, frame % 256]) * 3)
            writer.write(tracks, stamp(frame) + SECOND, track_array(frame, [track(1, frame)]))
            writer.write(text, stamp(frame) + SECOND, b'\0\1\0\0\2\0\0\0a\0')
    return path


Contents = tuple[list[tuple[str, int, bytes]], dict[str, tuple[Any, ...]]]


def contents(path: Path) -> Contents:
    """Return (topic, time, bytes) of all messages, and type, definition, hash and QoS by topic."""
    with open_bag(path) as bag:
        topics = {}
        for c in bag.connections:
            assert isinstance(c.ext, ConnectionExtRosbag2)
            qos = c.ext.offered_qos_profiles
            topics[c.topic] = (c.msgtype, c.msgdef, c.digest, qos, c.msgcount)
        return [(c.topic, time, bytes(data)) for c, time, data in bag.messages()], topics


def copy(source: Path, output: Path) -> list[float]:
    """Copy a bag with its tracks changed, and return the reported progress."""
    shares: list[float] = []
    with open_bag(source) as bag:
        (tracks,) = (c for c in bag.connections if c.topic == '/tracks')
        copy_bag(bag, output, tracks, lambda data: data[:-4] + b'anew', shares.append)
    return shares


def check_copy(source: Path, output: Path, topics_too: bool = True) -> None:
    """Check a copy against its source."""
    before = digests(source)
    shares = copy(source, output)
    assert digests(source) == before
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    messages, topics = contents(source)
    copied, copied_topics = contents(output)
    assert [m[:2] for m in copied] == [m[:2] for m in messages]
    others = [m for m in messages if m[0] != '/tracks']
    assert [m for m in copied if m[0] != '/tracks'] == others
    tracks = [m[2][:-4] + b'anew' for m in messages if m[0] == '/tracks']
    assert [m[2] for m in copied if m[0] == '/tracks'] == tracks
    if topics_too:
        assert copied_topics == topics
    with open_any_reader(output) as reader:  # which requires that definitions and hashes match
        assert reader.message_count == len(messages)


@pytest.mark.parametrize(('plugin', 'compression'), FORMS)
def test_everything_else_is_copied(
    tmp_path: Path, plugin: StoragePlugin, compression: CompressionMode
) -> None:
    source = write(tmp_path / 'in', plugin, compression)
    check_copy(source, tmp_path / 'out')
    with open_bag(tmp_path / 'out') as bag:
        assert bag.plugin == plugin
        assert bag.compression == compression
        assert bag.custom_data == {'driver': 'anna', 'strongsort_ros/refined': '/tracks'}
    suffixes = {path.suffix for path in source.iterdir()}
    assert {path.suffix for path in (tmp_path / 'out').iterdir()} == suffixes


@pytest.mark.parametrize('plugin', PLUGINS)
def test_a_single_file(tmp_path: Path, plugin: StoragePlugin) -> None:
    """Without metadata.yaml, which holds the type hashes of an MCAP file."""
    (file,) = (p for p in write(tmp_path / 'in', plugin).iterdir() if p.suffix != '.yaml')
    check_copy(file, tmp_path / 'out', topics_too=False)
    assert contents(tmp_path / 'out')[1] == contents(tmp_path / 'in')[1]


@pytest.mark.parametrize('plugin', PLUGINS)
def test_a_split_bag_becomes_one_file(tmp_path: Path, plugin: StoragePlugin) -> None:
    parts = [
        write(tmp_path / f'in_{n}', plugin, frames=range(40 * n, 40 * n + 4)) for n in range(3)
    ]
    source = tmp_path / 'in'
    source.mkdir()
    yaml, names = YAML(typ='safe'), []
    for part in parts:
        metadata = yaml.load(part / 'metadata.yaml')
        (file,) = metadata['rosbag2_bagfile_information']['relative_file_paths']
        names.append(file)
        shutil.copy(part / file, source / file)
    information = metadata['rosbag2_bagfile_information']
    information['relative_file_paths'] = names
    for topic in information['topics_with_message_count']:
        topic['message_count'] *= len(parts)
    yaml.dump(metadata, source / 'metadata.yaml')
    check_copy(source, tmp_path / 'out')


OLD_SCHEMA = """
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
  serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,
  timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""


def old_bag(path: Path) -> Path:
    """Return a bag as ROS 2 Humble wrote it: no definitions, no hashes."""
    path.mkdir()
    kinds = {'/tracks': TRACKS_TYPE, '/secret': OWN, '/text': 'std_msgs/msg/String'}
    with sqlite3.connect(path / 'old_0.db3') as database:
        database.executescript(OLD_SCHEMA)
        for number, (name, kind) in enumerate(kinds.items(), 1):
            row = number, name, kind, 'cdr', ''
            database.execute('INSERT INTO topics VALUES(?, ?, ?, ?, ?)', row)
            for frame in range(1, 4):
                data = track_array(frame, [track(1, frame)]) if number == 1 else bytes([number])
                row = None, number, stamp(frame), data
                database.execute('INSERT INTO messages VALUES(?, ?, ?, ?)', row)
    database.close()
    topics = [
        {
            'topic_metadata': {
                'name': name, 'type': kind, 'serialization_format': 'cdr',
                'offered_qos_profiles': '',
            },
            'message_count': 3,
        }
        for name, kind in kinds.items()
    ]  # fmt: skip
    information = {
        'version': 5, 'storage_identifier': 'sqlite3', 'relative_file_paths': ['old_0.db3'],
        'duration': {'nanoseconds': 1}, 'starting_time': {'nanoseconds_since_epoch': 1},
        'message_count': 9, 'topics_with_message_count': topics, 'compression_format': '',
        'compression_mode': '',
    }  # fmt: skip
    YAML(typ='safe').dump({'rosbag2_bagfile_information': information}, path / 'metadata.yaml')
    return path


def test_a_bag_of_an_older_ros(tmp_path: Path) -> None:
    check_copy(old_bag(tmp_path / 'in'), tmp_path / 'out', topics_too=False)
    topics = contents(tmp_path / 'out')[1]
    assert topics['/tracks'][2] == ros_types().hash_rihs01(TRACKS_TYPE)
    assert topics['/secret'][0] == OWN


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


def empty(file: Path) -> None:
    file.write_bytes(b'')


def overwrite(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 4 : 3 * len(content) // 4] = b'\xa5' * (len(content) // 2)
    file.write_bytes(content)


@pytest.mark.parametrize('plugin', PLUGINS)
@pytest.mark.parametrize('harm', [truncate, empty, overwrite])
def test_a_damaged_file(
    tmp_path: Path, plugin: StoragePlugin, harm: Callable[[Path], None]
) -> None:
    """Any damage is one error that names the file, or is harmless: no message is lost silently."""
    source = write(tmp_path / 'in', plugin, frames=range(500))
    (file,) = (p for p in source.iterdir() if p.suffix != '.yaml')
    harm(file)
    with pytest.raises(InputError, match=str(source)) as raised:
        copy(source, tmp_path / 'out')
    assert '\n' not in str(raised.value)


def test_fewer_messages_than_the_metadata_lists(tmp_path: Path) -> None:
    """Messages missing from the files are an error."""
    source = write(tmp_path / 'in', StoragePlugin.SQLITE3)
    with sqlite3.connect(source / 'in.db3') as database:
        database.execute('DELETE FROM messages WHERE id = 3')
    database.close()
    with pytest.raises(InputError, match=r'read 11 of the 12 messages.*ros2 bag reindex'):
        copy(source, tmp_path / 'out')


def test_messages_out_of_order(tmp_path: Path) -> None:
    """Header stamps number the frames, not the order of the messages."""
    messages = {frame: track_array(frame, [track(5, 2 * frame)]) for frame in (4, 2, 3, 1)}
    source = write_messages(tmp_path / 'in', messages)
    assert read_tracks(source).frames.tolist() == [1, 2, 3, 4]
    assert read_tracks(source).tlwh[:, 0].tolist() == [-8, -6, -4, -2]
