"""What the tracker node can be told besides the tracker's settings; knows no ROS."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from strongsort_ros.settings import Meaning, Settings, check_value, setting
from strongsort_ros.tracking.settings import AUTO, TrackerSettings

NO_WEIGHTS: Final = 'none'
LOADED: Final = 'configured'
SUBSCRIBED: Final = 'active'


def _structural(field: Any, while_state: str) -> Any:
    """Mark a setting that cannot change while the node is in this state."""
    metadata = {**field.metadata, 'fixed_while': while_state}
    return dataclasses.field(default=field.default, metadata=metadata)


def _text(default: str, description: str, choices: tuple[str, ...] = ()) -> Any:
    meaning = Meaning(description)
    return dataclasses.field(default=default, metadata={'meaning': meaning, 'choices': choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings(Settings):
    """Settings of the node.

    Raises
    ------
    ValueError
        A value is out of its range, not of its type, or not among its choices.

    """

    weights: str = _structural(
        _text(
            '',
            "File of the ReID network's weights, or timm:NAME; empty: a colour histogram, which "
            'needs none; none: track by motion alone.',
        ),
        LOADED,
    )
    device: str = _structural(
        _text(AUTO, 'Where the network runs: auto, cpu, cuda or cuda:N.'), LOADED
    )
    camera_motion: str = _structural(
        _text('ecc', 'How camera motion is found.', ('ecc', 'published', 'none')), LOADED
    )
    frame_rate: float = _structural(
        setting(0.0, 'Nominal rate of detections; 0: estimated from stamps.', 'Hz', high=1000.0),
        LOADED,
    )
    image_transport: str = _structural(
        _text(
            'raw', 'Type of image messages; none: do not subscribe.', ('raw', 'compressed', 'none')
        ),
        SUBSCRIBED,
    )
    sync_deadline: float = _structural(
        setting(0.2, 'How long detections wait for their image.', 's', high=60.0), SUBSCRIBED
    )
    buffer_size: int = _structural(
        setting(20, 'Most images that wait for detections.', 'messages', low=1, high=1000),
        SUBSCRIBED,
    )
    publish_tentative: bool = setting(False, 'Publish tracks that are not confirmed yet, too.')
    publish_lost: bool = setting(
        True, 'Publish confirmed tracks that are not seen in this frame, too, as predicted.'
    )

    def __post_init__(self) -> None:
        types = self.types()
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), field.metadata.get('choices')
            if choices is None:
                check_value(field.name, value, field.metadata['meaning'], types[field.name])
            elif not isinstance(value, str) or (choices and value not in choices):
                expected = ', '.join(choices) or 'a text'
                raise ValueError(f'{field.name}: {value!r} is not one of: {expected}')

    @classmethod
    def fixed_while(cls) -> dict[str, str]:
        """Return name -> 'configured' or 'active', for those that cannot change meanwhile."""
        return {
            f.name: f.metadata['fixed_while']
            for f in dataclasses.fields(cls)
            if 'fixed_while' in f.metadata
        }

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        """Return name -> allowed texts, for those of which there are few."""
        return {
            f.name: f.metadata['choices']
            for f in dataclasses.fields(cls)
            if f.metadata.get('choices')
        }


def ros_defaults() -> TrackerSettings:
    """Return the tracker's settings as the node starts: the threshold is the network's own."""
    return TrackerSettings(max_cosine_distance=AUTO)


def parameter_file(tracker: TrackerSettings, title: str) -> str:
    """Return a ROS parameter file with every setting, its meaning, unit and range."""
    lines = [f'# {title}', '/**:', '  ros__parameters:', '    # Node']
    lines += _yaml_lines(NodeSettings())
    lines += ['', '    # Tracker; all of these can be changed while it runs']
    lines += _yaml_lines(tracker)
    return '\n'.join(lines) + '\n'


def _yaml_lines(table: NodeSettings | TrackerSettings) -> list[str]:
    fixed = NodeSettings.fixed_while() if isinstance(table, NodeSettings) else {}
    lines = []
    for name, meaning in table.meanings().items():
        notes = [constraints(table, name), f'unit {meaning.unit}' if meaning.unit else '']
        notes.append(f'fixed while {fixed[name]}' if name in fixed else '')
        lines.append(f'    # {meaning.description}')
        if any(notes):
            lines.append(f'    #   {"; ".join(filter(None, notes))}')
        lines.append(f'    {name}: {_yaml_value(getattr(table, name))}')
    return lines


def constraints(table: Settings | type[Settings], name: str) -> str:
    """Return the range or the choices of a setting in words; '' where anything goes."""
    if isinstance(table, NodeSettings) or table is NodeSettings:
        choices = NodeSettings.choices().get(name)
        if choices:
            return f'one of {", ".join(choices)}'
    meaning = table.meanings()[name]
    if table.types()[name].startswith(('bool', 'str')):
        return ''
    if meaning.high < float('inf'):
        return f'from {meaning.low:g} to {meaning.high:g}'
    return f'at least {meaning.low:g}'


def _yaml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else repr(value)
