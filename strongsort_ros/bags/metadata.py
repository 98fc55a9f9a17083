"""Read and check the metadata.yaml of a rosbag2 before any of it is used."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
    Qos,
)
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.rosbag2.metadata import parse_qos

from strongsort_ros.bags.paths import METADATA, METADATA_KEY
from strongsort_ros.errors import InputError, shorten
from strongsort_ros.files.yaml_file import load_yaml, parse_texts

MAX_BYTES: Final = 2 * 2**20
"""Largest metadata.yaml; a bag of 5000 files and 100 topics has about 1 MiB."""
MAX_VERSION: Final = 9
MAX_FILE_NAME_BYTES: Final = 255
MAX_NAME: Final = 1000
"""Longest name of a topic or a type, characters; ROS allows 255."""

_COMPRESSION: Final = {
    '': CompressionMode.NONE,
    'none': CompressionMode.NONE,
    'storage': CompressionMode.NONE,  # stated in the data files
    'file': CompressionMode.FILE,
    'message': CompressionMode.MESSAGE,
}
_EMPTY: Final = ('', '~', 'null')
_INTEGER: Final = re.compile(r'-?[0-9]{1,19}')
_NO_DEFINITION: Final = MessageDefinition(MessageDefinitionFormat.NONE, '')


@dataclass(frozen=True, slots=True)
class BagMetadata:
    """Part of a bag's metadata that readers need.

    Attributes
    ----------
    storage
        Format of the data files.
    files
        Names of the data files in the bag's folder, in order.
    compression
        NONE, or FILE or MESSAGE with zstd.
    topics
        All topics, in order, without message definitions; their message counts are over all files.
    custom_data
        Additional texts of the recorder.

    """

    storage: StoragePlugin
    files: list[str]
    compression: CompressionMode
    topics: list[Connection]
    custom_data: dict[str, str]


def read_metadata(bag: Path) -> BagMetadata:
    """Read and check the metadata.yaml in a bag's folder.

    Raises
    ------
    InputError
        The file cannot be read, is too large, is not YAML of this format, or names a file outside
        the bag's folder.

    """
    path = bag / METADATA
    try:
        content = _mapping(load_yaml(path, MAX_BYTES, as_texts=True))
        information = _field(content, METADATA_KEY, _mapping)
        return BagMetadata(
            storage=_field(information, 'storage_identifier', _storage),
            files=_field(information, 'relative_file_paths', _file_names),
            compression=_compression(information),
            topics=_field(information, 'topics_with_message_count', _topics),
            custom_data=_field(information, 'custom_data', _texts, '~'),
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f'{path}: {shorten(str(error))}') from error


# Each of the checks below returns a value of its type or raises ValueError.


def _field(
    mapping: dict[str, Any], name: str, check: Callable[[Any], Any], default: Any = None
) -> Any:
    """Return a checked field; a missing one has its default, or is an error without one."""
    value = mapping.get(name, default)
    if value is None:
        raise ValueError(f'{name} is missing')
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def _expected(form: str, value: Any) -> ValueError:
    return ValueError(f'{reprlib.repr(value)}, expected {form}')


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _expected('a mapping', value)
    return value


def _list_of(check: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def check_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _expected('a list', value)
        return [check(item) for item in value]

    return check_list


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _expected('text', value)
    value.encode()  # an escaped lone surrogate could not be written again
    return value


def check_name(value: Any) -> str:
    """Return the name of a topic or a type.

    Raises
    ------
    ValueError
        The name is not text, has control characters, or is too long.

    """
    name = _text(value)
    if not name.isprintable() or len(name) > MAX_NAME:
        raise _expected('a name', value)
    return name


def _optional_text(value: Any) -> str:
    return '' if value in _EMPTY else _text(value)


def _texts(value: Any) -> dict[str, str]:
    if value in _EMPTY:
        return {}
    return {key: _text(item) for key, item in _mapping(value).items()}


def _integer(value: Any) -> int:
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise _expected('an integer', value)
    return int(value)


def _count(value: Any) -> int:
    if (count := _integer(value)) < 0:
        raise _expected('a count', value)
    return count


def _storage(value: Any) -> StoragePlugin:
    names = [plugin.name.lower() for plugin in StoragePlugin]
    if value not in names:
        raise _expected(' or '.join(names), value)
    return StoragePlugin[value.upper()]


def _file_names(value: Any) -> list[str]:
    names = _list_of(_file_name)(value)
    if len(set(names)) < len(names):
        raise ValueError('a file is listed twice')
    return names


def _file_name(value: Any) -> str:
    # Before version 4, the names start with the bag's folder.
    path = PurePosixPath(_text(value))
    outside = not path.name or path.is_absolute() or '..' in path.parts
    if outside or '\0' in value or len(path.name.encode()) > MAX_FILE_NAME_BYTES:
        raise _expected("a file in the bag's folder", value)
    return path.name


def _compression(information: dict[str, Any]) -> CompressionMode:
    if not 1 <= _field(information, 'version', _integer) <= MAX_VERSION:
        raise ValueError(f'version {information["version"]}, expected 1 to {MAX_VERSION}')
    name = _field(information, 'compression_mode', _optional_text, '').lower()
    if name not in _COMPRESSION:
        raise _expected(f'one of {", ".join(filter(None, _COMPRESSION))}', name)
    mode = _COMPRESSION[name]
    kind = _field(information, 'compression_format', _optional_text, '')
    if mode != CompressionMode.NONE and kind != 'zstd':
        raise ValueError(f'compression_format: {reprlib.repr(kind)}, only zstd is supported')
    return mode


def _topics(value: Any) -> list[Connection]:
    return [topic._replace(id=number) for number, topic in enumerate(_list_of(_topic)(value), 1)]


def _topic(value: Any) -> Connection:
    topic = _field(_mapping(value), 'topic_metadata', _mapping)
    form = _field(topic, 'serialization_format', _text)
    if form != 'cdr':
        raise ValueError(f'serialization_format: {reprlib.repr(form)}, only cdr is supported')
    return Connection(
        id=0,
        topic=_field(topic, 'name', check_name),
        msgtype=_field(topic, 'type', check_name),
        ext=ConnectionExtRosbag2(form, _field(topic, 'offered_qos_profiles', _profiles, '')),
        digest=_field(topic, 'type_description_hash', _optional_text, ''),
        msgcount=_field(value, 'message_count', _count),
        msgdef=_NO_DEFINITION,
        owner=None,
    )


def _profiles(value: Any) -> list[Qos]:
    """Return QoS profiles; before version 9, they are YAML within a string."""
    if isinstance(value, str):
        if value in _EMPTY:
            return []
        value = parse_texts(value)
    return parse_qos(_list_of(_profile)(value))


def _profile(value: Any) -> Any:
    profile = _mapping(value)
    named = ('history', 'reliability', 'durability', 'liveliness')
    times = ('deadline', 'lifespan', 'liveliness_lease_duration')
    return {
        **{name: _field(profile, name, _policy) for name in named},
        **{name: _field(profile, name, _duration) for name in times},
        'depth': _field(profile, 'depth', _integer),
        'avoid_ros_namespace_conventions': _field(
            profile, 'avoid_ros_namespace_conventions', _boolean
        ),
    }


def _policy(value: Any) -> int | str:
    return int(value) if _INTEGER.fullmatch(_text(value)) else value


def _duration(value: Any) -> dict[str, int]:
    return {name: _field(_mapping(value), name, _integer) for name in ('sec', 'nsec')}


def _boolean(value: Any) -> bool:
    if _text(value).lower() not in ('true', 'false'):
        raise _expected('true or false', value)
    return bool(value.lower() == 'true')
