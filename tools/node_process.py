"""Run the package's nodes as processes: for the demonstration, the tests and the benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from strongsort_ros.errors import StrongSortError
from strongsort_ros.nodes.ros_environment import profile_environment

ROOT: Final = Path(__file__).resolve().parent.parent
STOP_TIMEOUT: Final = 20.0
"""Seconds that a process has to end after a signal, before it is killed."""


class NodeProcessError(StrongSortError):
    """A node has ended or failed; the message holds the last lines of its log."""


def use_ros_settings() -> None:
    """Set the ROS environment of this process and its children, before ROS is initialised.

    The Fast DDS profile has a shared-memory segment that is large enough for images. The nodes are
    visible on this machine only, in a ROS domain chosen by the process id.
    """
    os.environ.update(profile_environment(str(ROOT / 'config' / 'fastdds.xml')))
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    # The ports of domains 1 to 101 lie below those that Linux assigns to outgoing connections.
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 101)


class NodeProcess:
    """A node in a process of its own; as a context manager it ends the process on exit.

    Parameters
    ----------
    name
        Name of the node: `tracker`, `refiner` or `replayer`.
    log
        File for its output; None: the output of this process.
    parameters
        Parameters of the node.
    arguments
        Further ROS arguments, such as `['-r', '__ns:=/front']`.

    """

    def __init__(
        self,
        name: str,
        log: Path | None,
        parameters: Mapping[str, object],
        arguments: Sequence[str] = (),
    ) -> None:
        self.log = log
        self._name = name
        self._command = [sys.executable, '-m', f'strongsort_ros.nodes.{name}_node', '--ros-args']
        for parameter, value in parameters.items():
            self._command += ['-p', f'{parameter}:={_yaml(value)}']
        self._command += arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, once started."""
        assert self._process is not None, f'the {self._name} node was not started'
        return self._process

    def start(self) -> Self:
        """Start the node. Call it inside the `with` block, which then ends the process."""
        output = self.log.open('wb') if self.log else None
        # In a session of its own Ctrl-C does not reach the node before this process handles it.
        try:
            with _signals_held():
                self._process = subprocess.Popen(
                    self._command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
                )
        finally:
            if output:
                output.close()
        return self

    def stop(self, how: signal.Signals = signal.SIGINT, timeout: float = STOP_TIMEOUT) -> int:
        """Send a signal and return the exit status.

        Raises
        ------
        subprocess.TimeoutExpired
            The process did not end in time, in seconds, and was killed.

        """
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the process, if it has not ended."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()

    def text(self) -> str:
        """Return the log."""
        assert self.log is not None
        return self.log.read_text(encoding='utf-8', errors='replace')

    def check(self) -> None:
        """Raise NodeProcessError if the node has ended."""
        if self._process is not None and self._process.poll() is not None:
            status = self._process.returncode
            raise self.error(f'the {self._name} node ended with status {status}')

    def error(self, text: str) -> NodeProcessError:
        """Return an error with the last lines of the log."""
        lines = self.text().splitlines()[-12:]
        head = f'{text}; last lines of its log:'
        return NodeProcessError('\n'.join([head, *lines]))


def _yaml(value: object) -> str:
    """Return a value as `-p name:=value` takes it: text is quoted, as it may look like a number."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(str(value)) if isinstance(value, (str, Path)) else repr(value)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Delay SIGINT and SIGTERM to the end of the block, so that no started process is lost."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _frame: held.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for received in held:
        signal.raise_signal(received)
