"""Refines one bag in a process of its own: `python -m strongsort_ros.refinement.worker`.

A request comes as one line of JSON on standard input; progress, the log and at last an answer
leave as lines of JSON on standard output. SIGTERM, or the end of standard input as when the
process that asked dies, stops it; then there is no output. The request names a folder for all
temporary files and unfinished outputs, which is removed at the end, and may limit the memory.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from strongsort_ros.errors import StrongSortError, one_line
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings

NICENESS: Final = 5
"""What drives the robot comes first."""
PERIOD: Final = 0.1
"""Seconds between two messages of progress."""
STOPPED: Final = 130
LONGEST_LOG: Final = 10_000
"""Characters of a log message, a traceback too; a bag chooses what is quoted in it."""
Send = Callable[..., None]

_package_log = logging.getLogger('strongsort_ros')  # as a program, this module has another name


def main() -> int:
    """Serve one request; the exit status is 130 when it was stopped."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; who asked decides
    signal.signal(signal.SIGTERM, _interrupt_once)
    os.nice(NICENESS)
    send = _take_standard_output()
    _package_log.addHandler(_LogLines(send))
    _package_log.setLevel(logging.INFO)
    request: dict[str, Any] = {}
    try:
        request = json.loads(_read_line())
        _limit_memory(request.get('max_memory', 0))
        threading.Thread(target=_stop_without_parent, daemon=True).start()
        answer = _answer(request, send)
    except (KeyboardInterrupt, BrokenPipeError):
        return STOPPED
    finally:
        if 'work' in request:
            shutil.rmtree(request['work'], ignore_errors=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is done is said
    send(**answer)
    return 0


def _answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Do what is asked; what goes wrong is the answer."""
    try:
        if 'check' in request:
            from strongsort_ros.refinement.aflink.linking import load_linker

            load_linker(request['check'])
            return {'done': {}}
        return {'done': _refine(request, send)}
    except BrokenPipeError:
        raise
    except MemoryError:
        allowed = request.get('max_memory', 0)
        within = f'the {allowed} MiB that max_memory allows' if allowed else 'memory'
        return {'error': f'{request.get("source")}: does not fit into {within}'}
    except (StrongSortError, OSError) as error:
        return {'error': one_line(error)}
    except Exception as error:
        _package_log.error(traceback.format_exc())
        return {'error': f'{one_line(error)}; the log has more'}


def _refine(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Refine the bag, and return what it gave."""
    from strongsort_ros.bags.paths import AllowedRoot

    root = AllowedRoot(request['root'])
    source, output = root.existing(request['source']), root.new(request['output'])

    # Slow to import, and not for a path that is refused.
    from strongsort_ros.files.atomic import staging
    from strongsort_ros.refinement.bag import refine_bag
    from strongsort_ros.refinement.tracks import RefinementSteps

    work = Path(request['work'])
    os.environ['TMPDIR'] = tempfile.tempdir = str(work)
    aflink, gsi, checkpoint = (request[name] for name in ('aflink', 'gsi', 'checkpoint'))
    steps = RefinementSteps(
        aflink=None if aflink is None else AflinkSettings(**aflink),
        gsi=None if gsi is None else GsiSettings(**gsi),
        checkpoint=Path(checkpoint) if checkpoint else None,
    )
    with staging(work):
        refined = refine_bag(
            source, output, steps, topic=request['topic'],
            frame_rate=request['frame_rate'], progress=_Progress(send),
        )  # fmt: skip
    return dataclasses.asdict(refined)


class _Progress:
    """Sends the begin and the end of each phase, and how far it is from time to time."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._phase, self._at = '', 0.0

    def __call__(self, phase: str, share: float) -> None:
        now = time.monotonic()
        if phase != self._phase or share >= 1 or now - self._at >= PERIOD:
            self._phase, self._at = phase, now
            self._send(phase=phase, share=share)


class _LogLines(logging.Handler):
    """Sends what the library logs."""

    def __init__(self, send: Send) -> None:
        super().__init__(logging.INFO)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        text = self.format(record)
        if len(text) > LONGEST_LOG:
            text = f'{text[: LONGEST_LOG // 2]} ... {text[-LONGEST_LOG // 2 :]}'
        self._send(log=text, level=record.levelno)


def _take_standard_output() -> Send:
    """Return what sends a message; whatever else is printed goes to standard error."""
    stream = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)

    def send(**message: Any) -> None:
        stream.write(json.dumps(message) + '\n')
        stream.flush()

    return send


def _limit_memory(mebibytes: int) -> None:
    """Let allocations fail beyond so much memory of the process's own; 0: no limit.

    A lower limit that the process was started with stays.
    """
    if mebibytes:
        # Not the address space, of which libraries reserve much that they never use.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most == resource.RLIM_INFINITY or most > mebibytes * 2**20:
            most = mebibytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """Raise an interrupt, and let no other one disturb the cleaning up."""
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _read_line() -> bytes:
    """Read standard input up to the end of the line."""
    line = b''
    while not line.endswith(b'\n'):
        part = os.read(0, 65536)
        if not part:
            raise KeyboardInterrupt
        line += part
    return line


def _stop_without_parent() -> None:
    """Wait for the end of standard input."""
    # Not by sys.stdin: Python cannot end while another thread reads it.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
    sys.exit(main())
