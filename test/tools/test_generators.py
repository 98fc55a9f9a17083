"""The page of parameters says what the code does."""

from __future__ import annotations

from pathlib import Path

from strongsort_ros.online.config import TrackerNodeConfig
from tools.generators.parameter_page import NODES, parameter_page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_that_of_the_tables() -> None:
    assert (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8') == parameter_page()


def test_every_parameter_is_on_it() -> None:
    page = parameter_page()
    for settings, _ in NODES.values():
        for parameter in settings.parameters():
            assert f'`{parameter.name}`' in page


def test_the_readme_names_parameters_that_exist() -> None:
    section = (ROOT / 'README.md').read_text(encoding='utf-8').split('### Parameters')[1]
    names = [line.split('`')[1] for line in section.split('###')[0].splitlines() if '| `' in line]
    known = {parameter.name for parameter in TrackerNodeConfig().parameters()}
    assert len(names) > 10
    assert set(names) <= known
