"""Parameter files, made from the tables: `python -m strongsort_ros.nodes.parameter_files config`.

Knows no ROS.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongsort_ros.settings import Settings
from strongsort_ros.streaming.settings import PREFIXES, AllSettings, NodeSettings, constraints
from strongsort_ros.tracking.settings import TrackerSettings

WIDTH: Final = 100
FILES: Final = {
    'tracker.yaml': ('Parameters of the tracker node: StrongSORT', AllSettings()),
    'deepsort.yaml': (
        'Parameters of the tracker node: DeepSORT',
        AllSettings(node=NodeSettings(camera_motion='none'), tracker=TrackerSettings.deepsort()),
    ),
}
HEADINGS: Final = {
    'node': 'The node',
    'motion': 'The estimate of camera motion (fixed while configured)',
    'tracker': 'The tracker: all of these can be changed while it runs',
}


def parameter_file(title: str, settings: AllSettings) -> str:
    """Return a ROS parameter file with every setting, its meaning, unit and range."""
    lines = [f'# {title}', '/**:', '  ros__parameters:']
    for part, heading in HEADINGS.items():
        lines += [f'    # {heading}', '']
        lines += _lines(getattr(settings, part), PREFIXES[part])
    return '\n'.join(lines).rstrip() + '\n'


def _lines(table: Settings, prefix: str) -> Iterator[str]:
    fixed = table.fixed_while() if isinstance(table, NodeSettings) else {}
    for name, meaning in table.meanings().items():
        unit = f'[{meaning.unit}]' if meaning.unit else ''
        when = f'fixed while {fixed[name]}' if name in fixed else ''
        notes = '; '.join(filter(None, (constraints(table, name), when)))
        text = ' '.join(filter(None, (meaning.description, unit, notes and f'({notes})')))
        yield from textwrap.wrap(text, WIDTH, initial_indent='    # ', subsequent_indent='    # ')
        yield f'    {prefix}{name}: {_value(getattr(table, name))}'
        yield ''


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else repr(value)


def main(folder: str) -> None:
    """Write all parameter files into a folder."""
    for name, (title, settings) in FILES.items():
        (Path(folder) / name).write_text(parameter_file(title, settings))


if __name__ == '__main__':
    main(sys.argv[1])
