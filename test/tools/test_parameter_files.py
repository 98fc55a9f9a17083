"""Files that are written from the tables of settings are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.online.config import TrackerNodeConfig
from tools.parameter_files import FILES, NODES, parameter_file, parameter_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('name', FILES)
def test_parameter_files_are_up_to_date(name: str) -> None:
    assert (ROOT / 'config' / name).read_text(encoding='utf-8') == parameter_file(*FILES[name])


def test_parameter_page_is_up_to_date() -> None:
    assert (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8') == parameter_page()


def test_parameter_page_has_every_parameter() -> None:
    page = parameter_page()
    for settings, _ in NODES.values():
        for parameter in settings.parameters():
            assert f'`{parameter.name}`' in page


def test_parameters_in_the_readme_exist() -> None:
    section = (ROOT / 'README.md').read_text(encoding='utf-8').split('### Tune')[1]
    names = [line.split('`')[1] for line in section.split('###')[0].splitlines() if '| `' in line]
    known = {parameter.name for parameter in TrackerNodeConfig().parameters()}
    assert len(names) >= 7
    assert set(names) <= known
