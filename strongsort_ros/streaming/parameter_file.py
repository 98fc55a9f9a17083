"""ROS parameter files, read without ROS: a robot's own settings for its recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from strongsort_ros.errors import InputError, SettingError, meant, shorten
from strongsort_ros.recording.yaml_file import load_yaml
from strongsort_ros.streaming.settings import AllSettings

_PARAMETERS: Final = 'ros__parameters'
_NODE: Final = 'tracker'
_OF_EVERY_NODE: Final = ('autostart', 'use_sim_time', 'start_type_description_service')
_OVERRIDES: Final = 'qos_overrides.'


def load_parameter_file(path: Path | str) -> AllSettings:
    """Return the tracker node's settings of a ROS parameter file.

    Sections for all nodes (`/**`) and for a node `tracker`, in any namespace, count, in their
    order; those of other nodes do not. What only a live node has is passed over.

    Raises
    ------
    InputError
        The file cannot be read, is no parameter file, or has a parameter that is unknown or
        refused; the message names it.

    """
    path = Path(path)
    values = dict(_parameters(load_yaml(path), ''))
    if not values:
        raise InputError(f'{path}: no {_PARAMETERS} of all nodes (/**) or of a node {_NODE}')
    settings = AllSettings()
    known = {parameter.name for parameter in settings.parameters()}
    for name in values:
        if name not in known and name not in _OF_EVERY_NODE and not name.startswith(_OVERRIDES):
            raise InputError(f'{path}: unknown parameter {shorten(name, 80)}{meant(name, known)}')
    try:
        return settings.replace({name: values[name] for name in values if name in known})
    except SettingError as error:
        raise InputError(shorten(f'{path}: {error}')) from error


def _parameters(content: Any, node: str) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the parameters of our node, which may be nested in namespaces."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key != _PARAMETERS:
            yield from _parameters(value, f'{node}/{key}')
        elif node.rstrip('/').rsplit('/', 1)[-1] in ('*', '**', _NODE):
            yield from _flat(value, '')


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(values, Mapping):
        return
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value
