"""The page of all parameters, made from the tables; knows no ROS.

`python -m tools.generators.parameter_page docs/parameters.md` writes it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from strongsort_ros.online.config import TrackerNodeConfig
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.replay.settings import ReplayerNodeConfig
from strongsort_ros.settings import Parameter, SettingsGroup, constraints

INTRODUCTION: Final = """\
# Parameters of the nodes

Made from the tables in the code by
`python -m tools.generators.parameter_page docs/parameters.md`. A parameter that is fixed in a
state is refused there, with the reason; one that is fixed once the node is started is read-only.
With `autostart` a node configures and activates itself; with `bond` it tells nav2's lifecycle
manager that it lives (docs/tools.md).
"""
NODES: Final[dict[str, tuple[SettingsGroup, str]]] = {
    'tracker': (
        TrackerNodeConfig(),
        """\
The tracker's are options of `strongsort track`, too; `config/tracker.yaml` and
`config/deepsort.yaml` are files to start from. What is not fixed applies from the next frame. QoS
is changed by `qos_overrides.<topic>.…`.
""",
    ),
    'refiner': (
        RefinerNodeConfig(),
        """\
Those of AFLink and GSI are options of `strongsort refine`, too; `config/refiner.yaml` is a file to
start from. What is not fixed applies from the next request.
""",
    ),
    'replayer': (
        ReplayerNodeConfig(),
        """\
Most of them are arguments of `replay.launch.py`.
""",
    ),
}


def parameter_page() -> str:
    """Return the page, in Markdown."""
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
        f'| `{parameter.name}` | `{_shown(parameter.value)}` '
        f'| {constraints(spec, parameter.kind)} | {spec.unit} | {parameter.read_only_in} '
        f'| {spec.description} |'
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value) or "''"


if __name__ == '__main__':
    Path(sys.argv[1]).write_text(parameter_page(), encoding='utf-8')
