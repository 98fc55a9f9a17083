"""The documentation site builds without warnings and needs nothing from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from strongsort_ros.cli.main import COMMANDS
from strongsort_ros.packages import require

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require('the documentation', 'mkdocs')
    folder = tmp_path_factory.mktemp('site')
    built = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', folder],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    for page in (ROOT / 'docs').glob('*.md'):
        name = 'index.html' if page.stem == 'index' else f'{page.stem}/index.html'
        assert (site / name).is_file(), page.name


def test_every_command_is_described(site: Path) -> None:
    page = (site / 'commands' / 'index.html').read_text(encoding='utf-8')
    for command in COMMANDS:
        name = command.__name__.rpartition('.')[2]
        assert f'strongsort {name}' in page


def test_reference_has_the_public_names(site: Path) -> None:
    page = (site / 'api' / 'index.html').read_text(encoding='utf-8')
    for name in ('StrongSORT', 'Tracker', 'TrackerSettings', 'refine_tracks', 'load_extractor'):
        assert re.search(rf'id="strongsort_ros\.[\w.]+\.{name}"', page), name


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    for page in site.rglob('*.html'):
        text = page.read_text(encoding='utf-8')
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="(\w+:)?//', text)
        loaded += re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(\w+:)?//', text)
        assert not loaded, page
