"""The nodes' executables: missing imports, and signals during the imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from test.nodes.processes import PATIENCE, ROOT

SCRIPTS = sorted((ROOT / 'scripts').glob('*_node'))


def run(script: Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_missing_messages_are_one_line(script: Path) -> None:
    status, text = run(script, PYTHONPATH=str(ROOT))
    assert (status, text.count('\n')) == (1, 1), text
    assert text.startswith(f'{script.name} cannot start: ')
    assert 'colcon build' in text


def test_missing_ros_is_one_line() -> None:
    # -S: without the site-packages of the environment of this test.
    command = [sys.executable, '-S', str(ROOT / 'scripts' / 'tracker_node')]
    done = subprocess.run(
        command, env={'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count('\n')) == (1, 1), done.stderr
    assert 'setup.bash' in done.stderr


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
@pytest.mark.usefixtures('ros_context')
def test_a_signal_during_the_imports_ends_the_program_quietly(
    script: Path, how: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        end = time.monotonic() + PATIENCE
        while not catches(process.pid, signal.SIGTERM):
            assert time.monotonic() < end
            assert process.poll() is None
        process.send_signal(how)
        text, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    status = 130 if script.name == 'replayer_node' else 0  # nothing was replayed
    assert (process.returncode, text) == (status, '')


def catches(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler for a signal."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('SigCgt:'):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def test_importing_ros_environment_leaves_the_environment_unchanged() -> None:
    program = (
        'import os\n'
        'before = dict(os.environ)\n'
        'import strongsort_ros.nodes.ros_environment, strongsort_ros.replay.settings\n'
        'assert dict(os.environ) == before\n'
    )
    subprocess.run([sys.executable, '-c', program], check=True, timeout=PATIENCE)
