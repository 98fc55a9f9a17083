"""A worker, as seen by the process that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from strongsort_ros.errors import ExtractorError

GRACE: Final = 1.0
"""Seconds that a worker has to clean up."""


class WorkerProcess:
    """Has one request served by `strongsort_ros.refinement.worker`.

    Parameters
    ----------
    request
        As the worker takes it.
    on_message
        Called in a thread of its own: with every message, and with None when the worker has
        ended, whether it answered or not.

    """

    def __init__(
        self,
        request: Mapping[str, Any],
        on_message: Callable[[dict[str, Any] | None], object],
    ) -> None:
        self._on_message = on_message
        self._process = subprocess.Popen(
            [sys.executable, '-P', '-m', 'strongsort_ros.refinement.worker'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # It shall find the modules that we found.
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b'\n')
            self._process.stdin.flush()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def end(self) -> str:
        """How the process ended, in words."""
        status = self._process.returncode
        return f'was ended by signal {-status}' if status < 0 else f'ended with status {status}'

    def stop(self) -> None:
        """Tell it to end, wait until it has cleaned up, and end it by force when it does not."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended and all its messages are taken."""
        self._listener.join()

    def _listen(self) -> None:
        with suppress(BrokenPipeError), self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                # The last line of a worker that was killed is cut off.
                with suppress(json.JSONDecodeError):
                    self._on_message(json.loads(line))
        self._on_message(None)


def check_checkpoint(path: str) -> None:
    """Have a worker load a checkpoint of AFLink.

    Parameters
    ----------
    path
        The file; empty: the project's own.

    Raises
    ------
    ExtractorError
        It cannot be used; the message says why.

    """
    messages: list[dict[str, Any] | None] = []
    worker = WorkerProcess({'check': path or None}, messages.append)
    worker.wait()
    answers = [message for message in messages if message and 'log' not in message]
    if not answers:
        raise ExtractorError(f'{path or "the checkpoint"}: the worker that loads it {worker.end}')
    if 'error' in answers[-1]:
        raise ExtractorError(answers[-1]['error'])
