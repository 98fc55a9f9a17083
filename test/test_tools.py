"""Set-up of the environment: checks of the machine, ROS wheels, lock and audit."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tools import audit
from tools.build_overlay import relocate_wheels
from tools.lock_requirements import DISTRIBUTIONS, read_pins

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / 'requirements' / 'lock'


def check_machine(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / 'tools' / 'check_machine.py']
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_this_machine_is_supported() -> None:
    done = check_machine()
    assert (done.returncode, done.stderr) == (0, '')


def test_missing_compiler_is_reported() -> None:
    done = check_machine(CXX='no-such-compiler')
    assert done.returncode == 1
    assert 'build-essential' in done.stderr


@pytest.mark.parametrize(
    'python', ['cp311-cp311/include/python3.11', 'cp313-cp313/include/python3.13']
)
def test_cmake_files_of_wheels_point_at_this_environment(tmp_path: Path, python: str) -> None:
    exported = tmp_path / 'share' / 'std_msgs' / 'cmake' / 'std_msgs_pyExport.cmake'
    exported.parent.mkdir(parents=True)
    numpy = '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include'
    exported.write_text(f'"/opt/python/{python};{numpy}"')
    assert relocate_wheels(tmp_path) == 1
    assert exported.read_text() == f'"{sysconfig.get_path("include")};{np.get_include()}"'
    assert relocate_wheels(tmp_path) == 0


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make on the project, without the settings of a make that runs the tests."""
    if shutil.which('make') is None:
        pytest.skip('needs make')
    inherited = (
        'ARGS', 'MAKEFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES', 'MFLAGS', 'PYTHON', 'ROS_DISTRO',
    )  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ['make', '--directory', ROOT, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ('arguments', 'environment', 'folder'),
    [
        ([], {}, '.venv'),
        ([], {'ROS_DISTRO': 'humble'}, '.venv'),
        (['ROS_DISTRO=jazzy'], {}, '.venv'),
        (['ROS_DISTRO=kilted'], {'ROS_DISTRO': 'jazzy'}, '.venv-kilted'),
    ],
)
def test_each_distribution_has_its_environment(
    arguments: list[str], environment: dict[str, str], folder: str
) -> None:
    printed = make('--dry-run', '--always-make', 'setup', *arguments, **environment).stdout
    assert f'python3 -m venv {folder}\n' in printed
    assert f'tools/build_overlay.py {folder.replace("venv", "overlay")}\n' in printed


def test_unknown_distribution() -> None:
    done = make('--dry-run', 'setup', 'ROS_DISTRO=foxy')
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert 'ROS_DISTRO=foxy is not supported: jazzy or kilted' in line


def normalised(requirement: str) -> str:
    """Return a pinned requirement with the name as indexes spell it."""
    name, _, version = requirement.partition('==')
    return f'{re.sub("[-_.]+", "-", name).lower()}=={version}'


@pytest.mark.parametrize('distribution', DISTRIBUTIONS)
def test_lock_holds_what_is_required(distribution: str) -> None:
    files = [LOCK / f'{name}.txt' for name in ('common', 'sources', 'torch', distribution)]
    locked = {entry.split()[0] for path in files for entry in read_pins(path.read_text()).values()}
    for name in ('runtime', 'dev', 'build', f'ros-{distribution}'):
        lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
        pins = {normalised(line) for line in lines if not line.startswith('#')}
        assert pins <= locked, 'make lock'


def test_lock_of_the_lowest_versions_holds_what_is_required() -> None:
    locked = {entry.split()[0] for entry in read_pins((LOCK / 'lowest.txt').read_text()).values()}
    lines = (ROOT / 'requirements' / 'lowest.txt').read_text().splitlines()
    assert {normalised(line) for line in lines if not line.startswith('#')} <= locked, 'make lock'


def test_make_test_without_arguments_tests_the_lowest_versions() -> None:
    pytest_runs = '--allow-missing-packages'
    assert pytest_runs in make('--dry-run', 'test').stdout
    assert pytest_runs not in make('--dry-run', 'test', 'ARGS=test/tracking').stdout
    assert pytest_runs not in make('--dry-run', 'test', 'ROS_DISTRO=kilted').stdout


def test_ci_requires_data_and_tests_both_distributions() -> None:
    script = (ROOT / '.ci' / 'run').read_text()
    assert script.count('--require-data') == script.count('make test')
    assert 'ROS_DISTRO=kilted' in script


@pytest.mark.parametrize(('option', 'outcome'), [('', 'skipped'), ('--require-data', 'error')])
def test_missing_data_skips_or_fails(tmp_path: Path, option: str, outcome: str) -> None:
    command = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '-k', 'MOT17-02']
    done = subprocess.run(
        [*command, *option.split(), 'test/tracking/test_parity.py'],
        cwd=ROOT, env={**os.environ, 'STRONGSORT_DATA': str(tmp_path / 'none')},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert re.search(rf'\d+ {outcome}', done.stdout), done.stdout
    assert 'set STRONGSORT_DATA' in done.stdout


def test_lock_has_hashes() -> None:
    for path in LOCK.iterdir():
        pins = read_pins(path.read_text())
        assert pins
        for entry in pins.values():
            assert re.fullmatch(r'\S+==.+?( \\\n    --hash=sha256:[0-9a-f]{64})+', entry)


def test_file_with_another_hash_is_rejected(tmp_path: Path) -> None:
    wheel = tmp_path / 'innocent-1.0-py3-none-any.whl'
    about = 'innocent-1.0.dist-info'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr(f'{about}/METADATA', 'Metadata-Version: 2.1\nName: innocent\nVersion: 1.0')
        archive.writestr(f'{about}/WHEEL', 'Wheel-Version: 1.0\nTag: py3-none-any')
        archive.writestr(f'{about}/RECORD', '')
    lock = tmp_path / 'tools.txt'
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f'innocent==1.0 --hash=sha256:{digest}\n')
    tools = tmp_path / 'environment'
    arguments = [
        f'{tools}/.installed', f'TOOLS={tools}', f'LOCK={tmp_path}', f'PYTHON={sys.executable}',
        f'PIP_ARGS=--no-index --find-links {tmp_path}',
    ]  # fmt: skip
    with wheel.open('ab') as file:
        file.write(b'something else')
    done = make(*arguments)
    assert done.returncode == 2
    assert 'DO NOT MATCH THE HASHES' in done.stderr

    with wheel.open('r+b') as file:
        file.truncate(wheel.stat().st_size - len(b'something else'))
    done = make(*arguments)
    assert (done.returncode, done.stderr) == (0, '')


VULNERABILITY = {'id': 'PYSEC-2024-1', 'fix_versions': ['3.1.3'], 'aliases': []}
VULNERABLE = {'name': 'jinja2', 'version': '3.1.2', 'vulns': [VULNERABILITY]}
SAFE = {'name': 'rich', 'version': '15.0.0', 'vulns': []}
UNKNOWN = {'name': 'unlisted', 'skip_reason': 'not found on PyPI'}


def test_audit_reports_vulnerable_and_counts_listed_packages() -> None:
    found = ['jinja2 3.1.2: PYSEC-2024-1, fixed in 3.1.3']
    assert audit.read_report({'dependencies': [VULNERABLE, SAFE, UNKNOWN]}) == (2, found)
    assert audit.read_report({'dependencies': [UNKNOWN]}) == (0, [])


@pytest.mark.parametrize(
    ('packages', 'options', 'status', 'message'),
    [
        ([SAFE, UNKNOWN], [], 0, 'no known vulnerability'),
        ([VULNERABLE, SAFE], ['--if-reachable'], 1, 'jinja2 3.1.2: PYSEC-2024-1'),
        ([UNKNOWN], [], 2, 'audit skipped'),
        ([UNKNOWN], ['--if-reachable'], 0, 'audit skipped'),
    ],
)
def test_exit_status_of_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, object]], options: list[str], status: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, 'argv', ['audit.py', *options])
    monkeypatch.setattr(audit, 'query', lambda *_, **__: {'dependencies': packages})
    assert audit.main() == status
    assert message in capsys.readouterr().out
