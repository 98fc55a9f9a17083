"""Errors in metadata.yaml are one line that names the file and the field."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from ruamel.yaml import YAML

from strongsort_ros.bags.metadata import MAX_BYTES, BagMetadata, read_metadata
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.writer import Storage
from strongsort_ros.errors import InputError
from test.bags.track_bags import walk, write_messages

STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')
ROOT = 'rosbag2_bagfile_information'
QOS = """
- history: keep_last
  depth: 7
  reliability: best_effort
  durability: volatile
  deadline: {sec: 1, nsec: 2}
  lifespan: {sec: 3, nsec: 4}
  liveliness: automatic
  liveliness_lease_duration: {sec: 5, nsec: 6}
  avoid_ros_namespace_conventions: false
"""
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 3, 1.5, float('nan'), 10**30, '', 'x', 'zstd', 'file', 'message', [], [1],
    ['x'], [[1]], {}, {'a': 1}, {'nanoseconds': 'x'}, 'x' * 100_000, '\n\n', '../../etc/passwd',
    '\0', '2024-13-45', '\udcff',
)  # fmt: skip


@pytest.fixture(scope='module', params=STORAGES)
def bag(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a valid bag with QoS; tests replace its metadata."""
    folder = tmp_path_factory.mktemp(request.param)
    return write_messages(folder / 'bag', walk(range(1, 5), 1), request.param)


@pytest.fixture
def metadata(bag: Path) -> Iterator[Any]:
    """Return the metadata of the bag, and restore them afterwards."""
    text = (bag / 'metadata.yaml').read_text()
    yield YAML(typ='safe').load(text)
    (bag / 'metadata.yaml').write_text(text)


def dump(metadata: Any, bag: Path) -> None:
    yaml = YAML(typ='safe', pure=True)
    yaml.default_flow_style = False
    with (bag / 'metadata.yaml').open('w', errors='surrogatepass') as file:
        yaml.dump(metadata, file)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in the metadata."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, item in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from places(item, (*path, key))


def check_one_line(bag: Path) -> None:
    """Read the bag; check that it is readable, or refused in one short line that names it."""
    try:
        read_tracks(bag, frame_rate=10)
    except InputError as error:
        text = str(error)
    else:
        return
    assert text.startswith(f'{bag}')
    assert '\n' not in text
    assert len(text) < 1000


def test_any_value_may_be_wrong(bag: Path, metadata: Any) -> None:
    metadata[ROOT]['topics_with_message_count'][0]['topic_metadata']['offered_qos_profiles'] = YAML(
        typ='safe'
    ).load(QOS)
    for place in list(places(metadata)):
        for value in ODD:
            changed = copy.deepcopy(metadata)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            dump(changed, bag)
            check_one_line(bag)


def test_any_field_may_be_missing(bag: Path, metadata: Any) -> None:
    for place in list(places(metadata)):
        changed = copy.deepcopy(metadata)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        del inner[place[-1]]
        dump(changed, bag)
        check_one_line(bag)


laughs = 'a0: &a0 [x]\n' + ''.join(f'a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n' for i in range(1, 60))
HOSTILE = {
    f'{laughs}{ROOT}: *a59': 'line 2: not YAML: aliases',
    f'{ROOT}: &a [*a]': 'line 1: not YAML: aliases',
    f'{ROOT}: {"[" * 200_000}': 'line 1: not YAML: nested deeper than 32 levels',
    f'{ROOT}: {"{a: " * 200_000}': 'line 1: not YAML: nested deeper than 32 levels',
    f'{ROOT}: ' + 'x' * MAX_BYTES: f'larger than {MAX_BYTES} bytes',
    f'{ROOT}: !!python/object:os.system x': 'expected a mapping',
    '\0': 'special characters are not allowed',
    '': 'None, expected a mapping',
    '- 1': 'expected a mapping',
    'x: 1': f'{ROOT} is missing',
    f'{ROOT}:': "rosbag2_bagfile_information: '', expected a mapping",
}


@pytest.mark.parametrize('text', HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_yaml(tmp_path: Path, text: str) -> None:
    """Each is refused at once; the first would expand to more memory than any machine has."""
    (tmp_path / 'metadata.yaml').write_text(text)
    with pytest.raises(InputError, match=HOSTILE[text]) as raised:
        read_metadata(tmp_path)
    assert str(raised.value).startswith(f'{tmp_path}/metadata.yaml')
    assert len(str(raised.value)) < 1000


def test_aliases_in_qos_profiles_given_as_text(bag: Path, metadata: Any) -> None:
    """Older bags have QoS profiles as YAML within a string."""
    topic = metadata[ROOT]['topics_with_message_count'][0]['topic_metadata']
    topic['offered_qos_profiles'] = '- &a [*a]'
    dump(metadata, bag)
    with pytest.raises(InputError, match=r'offered_qos_profiles: text, line 1: not YAML: aliases'):
        read_metadata(bag)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}:-,&*!|>\'"%@` \n#?a1~', max_size=60))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = content if isinstance(content, bytes) else content.encode()
    (folder / 'metadata.yaml').write_bytes(data)
    with pytest.raises(InputError):
        read_metadata(folder)
    (folder / 'metadata.yaml').unlink()


def test_valid_metadata(tmp_path: Path) -> None:
    """Numbers without quotes are text where text is expected: rosbag2 writes them so."""
    (tmp_path / 'metadata.yaml').write_text(
        f"""{ROOT}:
  version: 5
  storage_identifier: sqlite3
  relative_file_paths: [bag/bag_0.db3, bag_1.db3]
  compression_format: zstd
  compression_mode: FILE
  custom_data: {{robot: 007}}
  topics_with_message_count:
    - topic_metadata:
        name: /tracks
        type: strongsort_ros/msg/Track2DArray
        serialization_format: cdr
        offered_qos_profiles: "{QOS.replace('keep_last', '1').replace(chr(10), chr(92) + 'n')}"
      message_count: 12
"""
    )
    metadata = read_metadata(tmp_path)
    (topic,) = metadata.topics
    assert metadata == BagMetadata(
        StoragePlugin.SQLITE3, ['bag_0.db3', 'bag_1.db3'], CompressionMode.FILE, [topic],
        {'robot': '007'},
    )  # fmt: skip
    assert (topic.topic, topic.msgcount, topic.digest) == ('/tracks', 12, '')
    (qos,) = topic.ext.offered_qos_profiles
    assert (qos.depth, qos.deadline.sec, qos.liveliness_lease_duration.nsec) == (7, 1, 6)
    assert not qos.avoid_ros_namespace_conventions


def listed_twice(information: Any) -> None:
    information['relative_file_paths'] *= 2


def other_compression(information: Any) -> None:
    information |= {'compression_mode': 'FILE', 'compression_format': 'lz4'}


def newer(information: Any) -> None:
    information['version'] = 10


REFUSED: dict[Callable[[Any], None], str] = {
    listed_twice: 'relative_file_paths: a file is listed twice',
    other_compression: "compression_format: 'lz4', only zstd is supported",
    newer: 'version 10, expected 1 to 9',
}


@pytest.mark.parametrize('change', REFUSED, ids=lambda change: change.__name__)
def test_invalid_metadata(bag: Path, metadata: Any, change: Callable[[Any], None]) -> None:
    change(metadata[ROOT])
    dump(metadata, bag)
    with pytest.raises(InputError, match=REFUSED[change]):
        read_tracks(bag)
