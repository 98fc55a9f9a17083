"""Parameter files, made from the tables: `python -m tools.generators.parameter_files config`.

Knows no ROS.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Final

from strongsort_ros.online.config import NodeSettings, TrackerNodeConfig
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.settings import Parameter, SettingsGroup, constraints
from strongsort_ros.tracking.settings import TrackerSettings

WIDTH: Final = 100
FILES: Final[dict[str, tuple[str, SettingsGroup]]] = {
    'tracker.yaml': ('Parameters of the tracker node: StrongSORT', TrackerNodeConfig()),
    'deepsort.yaml': (
        'Parameters of the tracker node: DeepSORT',
        TrackerNodeConfig(
            node=NodeSettings(camera_motion='none'), tracker=TrackerSettings.deepsort()
        ),
    ),
    'refiner.yaml': ('Parameters of the refiner node', RefinerNodeConfig()),
}


def parameter_file(title: str, settings: SettingsGroup) -> str:
    """Return a ROS parameter file with every setting, its meaning, unit and range."""
    lines = [f'# {title}', '/**:', '  ros__parameters:']
    for heading, parameters in settings.sections():
        lines += [f'    # {heading}', '']
        for parameter in parameters:
            lines += _lines(parameter)
    return '\n'.join(lines).rstrip() + '\n'


def _lines(parameter: Parameter) -> list[str]:
    spec = parameter.spec
    unit = f'[{spec.unit}]' if spec.unit else ''
    when = f'fixed while {parameter.read_only_in}' if parameter.read_only_in else ''
    notes = '; '.join(filter(None, (constraints(spec, parameter.kind), when)))
    text = ' '.join(filter(None, (spec.description, unit, notes and f'({notes})')))
    comment = textwrap.wrap(text, WIDTH, initial_indent='    # ', subsequent_indent='    # ')
    return [*comment, f'    {parameter.name}: {_value(parameter.value)}', '']


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
