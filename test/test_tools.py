"""Setting up: what is refused before it starts, and what the ROS wheels need to build upon them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from tools.build_overlay import relocate_wheels

ROOT = Path(__file__).resolve().parent.parent


def check_machine(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / 'tools' / 'check_machine.py']
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_this_machine_will_do() -> None:
    done = check_machine()
    assert (done.returncode, done.stderr) == (0, '')


def test_no_compiler() -> None:
    done = check_machine(CXX='no-such-compiler')
    assert done.returncode == 1
    assert 'build-essential' in done.stderr


@pytest.mark.parametrize(
    'python', ['cp311-cp311/include/python3.11', 'cp313-cp313/include/python3.13']
)
def test_headers_of_this_environment(tmp_path: Path, python: str) -> None:
    exported = tmp_path / 'share' / 'std_msgs' / 'cmake' / 'std_msgs_pyExport.cmake'
    exported.parent.mkdir(parents=True)
    numpy = '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include'
    exported.write_text(f'"/opt/python/{python};{numpy}"')
    assert relocate_wheels(tmp_path) == 1
    assert exported.read_text() == f'"{sysconfig.get_path("include")};{np.get_include()}"'
    assert relocate_wheels(tmp_path) == 0
