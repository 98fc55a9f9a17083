"""Refine one bag in a separate process: `python -m strongsort_ros.refinement.worker`.

The request is one line of JSON on standard input. Progress, log messages and finally the answer
are lines of JSON on standard output. SIGTERM or the end of standard input, as when the parent
process dies, stops the worker, and no output is left. The request names a folder for temporary
files and unfinished outputs, which is removed at the end, and may limit the memory.
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
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings, RtsSettings

NICENESS: Final = 5
"""Lower priority than the processes that drive the robot."""
PERIOD: Final = 0.1
"""Seconds between two messages of progress."""
STOPPED: Final = 130
"""Exit status after SIGTERM or the end of standard input."""
LONGEST_LOG: Final = 10_000
"""Characters of a log message; messages may quote texts of any length from a bag."""
Send = Callable[..., None]

_package_log = logging.getLogger('strongsort_ros')  # __name__ is '__main__' here


def main() -> int:
    """Serve one request; return the exit status, 130 when stopped."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
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
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # still report a finished result
    send(**answer)
    return 0


def _answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Serve the request and return the answer; an error is an answer, too."""
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
        return {'error': f'{one_line(error)}; the log has the traceback'}


def _refine(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Refine the bag and return the fields of `RefinedBag`."""
    from strongsort_ros.bags.paths import AllowedRoot

    root = AllowedRoot(request['root'])
    source, output = root.existing(request['source']), root.new(request['output'])

    # Slow to import; not needed for a path that is refused.
    from strongsort_ros.files.atomic import staging
    from strongsort_ros.refinement.bag import refine_bag
    from strongsort_ros.refinement.tracks import RefinementSteps

    work = Path(request['work'])
    os.environ['TMPDIR'] = tempfile.tempdir = str(work)
    aflink, gsi, checkpoint = (request[name] for name in ('aflink', 'gsi', 'checkpoint'))
    rts = request.get('rts')
    steps = RefinementSteps(
        aflink=None if aflink is None else AflinkSettings(**aflink),
        gsi=None if gsi is None else GsiSettings(**gsi),
        checkpoint=Path(checkpoint) if checkpoint else None,
        rts=None if rts is None else RtsSettings(**rts),
    )
    with staging(work):
        refined = refine_bag(
            source, output, steps, topic=request['topic'],
            frame_rate=request['frame_rate'], progress=_Progress(send),
        )  # fmt: skip
    return dataclasses.asdict(refined)


class _Progress:
    """Send the start and the end of each phase, and its progress every `PERIOD`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._phase, self._at = '', 0.0

    def __call__(self, phase: str, share: float) -> None:
        now = time.monotonic()
        if phase != self._phase or share >= 1 or now - self._at >= PERIOD:
            self._phase, self._at = phase, now
            self._send(phase=phase, share=share)


class _LogLines(logging.Handler):
    """Send log records of the package."""

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
    """Return a function that sends messages; other output then goes to standard error."""
    stream = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)

    def send(**message: Any) -> None:
        stream.write(json.dumps(message) + '\n')
        stream.flush()

    return send


def _limit_memory(mebibytes: int) -> None:
    """Make allocations beyond this much private memory fail; 0: no limit.

    A lower limit that the process inherited is kept.
    """
    if mebibytes:
        # Not RLIMIT_AS: libraries reserve much address space that they never use.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most == resource.RLIM_INFINITY or most > mebibytes * 2**20:
            most = mebibytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt once; later signals do not disturb the clean-up."""
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _read_line() -> bytes:
    """Read one line of standard input; its end before that stops the worker."""
    line = b''
    while not line.endswith(b'\n'):
        part = os.read(0, 65536)
        if not part:
            raise KeyboardInterrupt
        line += part
    return line


def _stop_without_parent() -> None:
    """Stop this process when its standard input ends."""
    # Not sys.stdin: Python cannot exit while another thread reads it.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
    sys.exit(main())
