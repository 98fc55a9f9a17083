"""Start and stop workers, and receive their messages."""

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
"""Seconds that a stopped worker has to clean up."""


class WorkerProcess:
    """Worker process (`strongsort_ros.refinement.worker`) that serves one request.

    Parameters
    ----------
    request
        Request, which can be written as JSON.
    on_message
        Called from a separate thread with every message, and with None when the worker has
        exited, whether it answered or not.

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
            # The worker finds the same modules as this process.
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b'\n')
            self._process.stdin.flush()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def end(self) -> str:
        """How the process ended, for messages: its signal or its exit status."""
        status = self._process.returncode
        return f'was killed by signal {-status}' if status < 0 else f'exited with status {status}'

    def stop(self) -> None:
        """Terminate the worker, wait until it has cleaned up, and kill it after `GRACE`."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until the worker has exited and all its messages are received."""
        self._listener.join()

    def _listen(self) -> None:
        with suppress(BrokenPipeError), self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                # A killed worker may leave an incomplete last line.
                with suppress(json.JSONDecodeError):
                    self._on_message(json.loads(line))
        self._on_message(None)


def check_checkpoint(path: str) -> None:
    """Check in a worker that an AFLink checkpoint loads.

    Parameters
    ----------
    path
        Checkpoint: a file or a name of `settings.CHECKPOINTS`; '': the default.

    Raises
    ------
    ExtractorError
        The checkpoint is invalid; the message gives the reason.

    """
    messages: list[dict[str, Any] | None] = []
    worker = WorkerProcess({'check': path or None}, messages.append)
    worker.wait()
    answers = [message for message in messages if message and 'log' not in message]
    if not answers:
        raise ExtractorError(f'{path or "the checkpoint"}: the worker that loads it {worker.end}')
    if 'error' in answers[-1]:
        raise ExtractorError(answers[-1]['error'])
