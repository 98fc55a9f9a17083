"""The page of all parameters, made from the tables; knows no ROS.

`python -m strongsort_ros.nodes.parameter_page docs/parameters.md` writes it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from strongsort_ros.nodes.parameter_files import HEADINGS
from strongsort_ros.settings import Settings
from strongsort_ros.streaming.settings import PREFIXES, AllSettings, NodeSettings, constraints

INTRODUCTION: Final = """\
# Parameters of the tracker node

Made from the tables in the code by
`python -m strongsort_ros.nodes.parameter_page docs/parameters.md`. The tracker's are options of
`strongsort track`, too; `config/tracker.yaml` and `config/deepsort.yaml` are files to start from.
A parameter that is fixed in a state is refused there, with the reason; the others apply from the
next frame. QoS is changed by `qos_overrides.<topic>.…`; with `autostart` the node configures and
activates itself.
"""


def parameter_page() -> str:
    """Return the page, in Markdown."""
    settings = AllSettings()
    parts = [INTRODUCTION]
    for part, heading in HEADINGS.items():
        parts.append(f'\n## {heading}\n\n| parameter | default | range | unit | fixed while | |')
        parts.append('|---|---|---|---|---|---|')
        parts.extend(_rows(getattr(settings, part), PREFIXES[part]))
    return '\n'.join(parts) + '\n'


def _rows(table: Settings, prefix: str) -> list[str]:
    fixed = table.fixed_while() if isinstance(table, NodeSettings) else {}
    return [
        f'| `{prefix}{name}` | `{_shown(getattr(table, name))}` | {constraints(table, name)} | '
        f'{meaning.unit} | {fixed.get(name, "")} | {meaning.description} |'
        for name, meaning in table.meanings().items()
    ]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value) or "''"


if __name__ == '__main__':
    Path(sys.argv[1]).write_text(parameter_page(), encoding='utf-8')
