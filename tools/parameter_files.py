"""Write config/*.yaml and docs/parameters.md from the tables of settings.

    python -m tools.parameter_files

Run it after a change of a parameter; tests compare the files with the tables.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from strongsort_ros.online.config import NodeSettings, TrackerNodeConfig
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.replay.settings import ReplayerNodeConfig
from strongsort_ros.settings import Parameter, SettingsGroup, constraints
from strongsort_ros.tracking.settings import TrackerSettings

ROOT: Final = Path(__file__).resolve().parent.parent
WIDTH: Final = 100
FILES: Final[dict[str, tuple[str, SettingsGroup]]] = {
    'tracker.yaml': ('Parameters of the tracker node: robust', TrackerNodeConfig()),
    'deepsort.yaml': (
        'Parameters of the tracker node: DeepSORT',
        TrackerNodeConfig(
            node=NodeSettings(preset='deepsort', camera_motion='none'),
            tracker=TrackerSettings.deepsort(),
        ),
    ),
    'refiner.yaml': ('Parameters of the refiner node', RefinerNodeConfig()),
}
INTRODUCTION: Final = """\
# Parameters of the nodes

Written by `python -m tools.parameter_files` from the tables in the code. A node rejects a change
of a parameter in a state listed under *fixed while*, with the reason; a parameter that is fixed
once the node is started is read-only. With `autostart` a node configures and activates itself;
with `bond` it sends nav2's lifecycle manager a heartbeat ([tools.md](tools.md)).
"""
NODES: Final[dict[str, tuple[SettingsGroup, str]]] = {
    'tracker': (
        TrackerNodeConfig(),
        """\
The tracking parameters are options of `strongsort track` as well. `config/tracker.yaml` and
`config/deepsort.yaml` are files to start from. Other changes apply from the next frame. Set QoS by
`qos_overrides.<topic>.…`.
""",
    ),
    'refiner': (
        RefinerNodeConfig(),
        """\
The parameters of AFLink, GSI and RTS are options of `strongsort refine` as well.
`config/refiner.yaml` is a file to start from. Other changes apply from the next request.
""",
    ),
    'replayer': (
        ReplayerNodeConfig(),
        """\
Most of these parameters are arguments of `replay.launch.py`.
""",
    ),
}


def parameter_file(title: str, settings: SettingsGroup) -> str:
    """Return a ROS parameter file with the description, unit and range of each parameter."""
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
    value = f"'{parameter.value}'" if isinstance(parameter.value, str) else _plain(parameter.value)
    return [*comment, f'    {parameter.name}: {value}', '']


def parameter_page() -> str:
    """Return docs/parameters.md."""
    parts = [INTRODUCTION]
    for node, (settings, about) in NODES.items():
        parts.append(f'\n## `{node}`\n\n{about}')
        for heading, parameters in settings.sections():
            parts.append(f'\n### {heading}\n')
            parts.append('| parameter | default | range | unit | fixed while | |')
            parts.append('|---|---|---|---|---|---|')
            parts.extend(map(_row, parameters))
    return '\n'.join(parts) + '\n'


def _row(parameter: Parameter) -> str:
    spec = parameter.spec
    return (
        f'| `{parameter.name}` | `{_plain(parameter.value)}` '
        f'| {constraints(spec, parameter.kind)} | {spec.unit} | {parameter.read_only_in} '
        f'| {spec.description} |'
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (str(value) or "''") if isinstance(value, str) else repr(value)


def main() -> None:
    """Write all files."""
    for name, (title, settings) in FILES.items():
        (ROOT / 'config' / name).write_text(parameter_file(title, settings), encoding='utf-8')
    (ROOT / 'docs' / 'parameters.md').write_text(parameter_page(), encoding='utf-8')


if __name__ == '__main__':
    main()
