"""The real nodes, as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from strongsort_ros.nodes.ros_environment import profile_environment
from tools.demonstration.errors import DemoError

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 5.0  # seconds for each kind of asking the process to end


def use_ros_settings() -> None:
    """Set this process's environment for ROS, before ROS is imported; children inherit it.

    The Fast DDS profile gives a shared-memory segment in which large images fit. Only this
    machine is reached, in a domain of our own, so that nothing else answers.
    """
    profile = str(ROOT / 'config' / 'fastdds.xml')
    os.environ.update(profile_environment(profile))
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    # Of the domains that use no port that Linux lends out: 1 to 101.
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 101)


class NodeProcess:
    """Runs one of the package's nodes; leaving the `with` ends it, whatever happened.

    Parameters
    ----------
    name
        Of the node, such as `tracker`.
    parameters
        Of the node.
    log
        File for what it writes.

    """

    def __init__(self, name: str, parameters: dict[str, object], log: Path) -> None:
        self._name = name
        self._command = [sys.executable, '-m', f'strongsort_ros.nodes.{name}_node', '--ros-args']
        for parameter, value in parameters.items():
            self._command += ['-p', f'{parameter}:={value}']
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Start it; only inside the `with`, which ends it."""
        # A session of its own: Ctrl-C reaches the demonstration, which ends the node in order.
        with self._log.open('wb') as log, _interrupted_later():
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __exit__(self, *raised: Any) -> None:
        if self._process is None:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
            try:
                self._process.wait(_PATIENCE)
                return
            except subprocess.TimeoutExpired:
                continue

    def check(self) -> None:
        """Raise DemoError, with the node's last lines, when it has ended."""
        if self._process is not None and self._process.poll() is not None:
            status = self._process.returncode
            raise self.error(f'the {self._name} node ended with status {status}')

    def error(self, text: str) -> DemoError:
        """Return an error with the node's last lines."""
        lines = self._log.read_text(encoding='utf-8', errors='replace').splitlines()[-12:]
        return DemoError('\n'.join([f'{text}; the last lines of the {self._name} node:', *lines]))


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Hold signals back, so that none comes when a process is there but not known yet."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _frame: came.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for got in came:
        signal.raise_signal(got)
