"""What the tracker node can be told besides the tracker's settings; knows no ROS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from strongsort_ros.camera_motion import MODES, CameraMotionSettings
from strongsort_ros.settings import AUTO, Meaning, Settings, check_value, setting
from strongsort_ros.tracking.settings import TrackerSettings

NO_WEIGHTS: Final = 'none'
LOADED: Final = 'configured'
SUBSCRIBED: Final = 'active'


def _structural(column: Any, while_state: str) -> Any:
    """Mark a setting that cannot change while the node is in this state."""
    metadata = {**column.metadata, 'fixed_while': while_state}
    return dataclasses.field(default=column.default, metadata=metadata)


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
    weights_sha256: str = _structural(
        _text('', 'SHA-256 that the file of weights must have; empty: not checked.'), LOADED
    )
    device_fallback: str = _structural(
        _text(
            'motion',
            'While the device of the network fails: motion alone, or the network on the CPU.',
            ('motion', 'cpu'),
        ),
        LOADED,
    )
    camera_motion: str = _structural(_text('ecc', 'How camera motion is found.', MODES), LOADED)
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
        for f in dataclasses.fields(self):
            value, choices = getattr(self, f.name), f.metadata.get('choices')
            if choices is None:
                check_value(f.name, value, f.metadata['meaning'], types[f.name])
            elif not isinstance(value, str) or (choices and value not in choices):
                expected = ', '.join(choices) or 'a text'
                raise ValueError(f'{f.name}: {value!r} is not one of: {expected}')

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSettings:
    """Every setting of the tracker node: three tables, and one flat list of parameters.

    Parameters have the names of the settings; those of the camera motion begin with `ecc.`.
    """

    node: NodeSettings = field(default_factory=NodeSettings)
    motion: CameraMotionSettings = field(default_factory=CameraMotionSettings)
    tracker: TrackerSettings = field(
        default_factory=lambda: TrackerSettings(max_cosine_distance=AUTO)
    )

    def parameters(self) -> Iterator[tuple[str, Settings, str]]:
        """Give each parameter's name, its table, and its name there."""
        for part, prefix in PREFIXES.items():
            table: Settings = getattr(self, part)
            for name in table.meanings():
                yield prefix + name, table, name

    def replace(self, values: Mapping[str, object]) -> AllSettings:
        """Return a copy with some parameters changed; other names are passed over.

        Raises
        ------
        ValueError
            A value is refused; the message names it.

        """
        parts = {}
        for part, prefix in PREFIXES.items():
            table: Settings = getattr(self, part)
            changes = {
                name: values[prefix + name] for name in table.meanings() if prefix + name in values
            }
            parts[part] = table.replace(**changes) if changes else table
        return AllSettings(**parts)  # type: ignore[arg-type]

    def fixed_while(self) -> dict[str, str]:
        """Return parameter -> 'configured' or 'active', for those that cannot change meanwhile."""
        motion = {PREFIXES['motion'] + name: LOADED for name in self.motion.meanings()}
        return self.node.fixed_while() | motion


PREFIXES: Final = {'node': '', 'motion': 'ecc.', 'tracker': ''}


def constraints(table: Settings, name: str) -> str:
    """Return the range or the choices of a setting in words; '' where anything goes."""
    choices = table.choices().get(name) if isinstance(table, NodeSettings) else None
    if choices:
        return f'one of {", ".join(choices)}'
    meaning = table.meanings()[name]
    if table.types()[name].startswith(('bool', 'str')):
        return ''
    if meaning.high < float('inf'):
        return f'from {meaning.low:g} to {meaning.high:g}'
    return f'at least {meaning.low:g}'
