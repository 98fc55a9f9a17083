"""Refinement of one bag at a time, for the service and the action alike."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread, Timer
from typing import Any

from rclpy.task import Future

from strongsort_ros.bags.paths import AllowedRoot, check_new_bag
from strongsort_ros.errors import InputError, one_line, shorten
from strongsort_ros.files.motchallenge import text_beside
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.refinement.worker_process import WorkerProcess
from strongsort_ros.types import ShareProgress

COUNTED = ('tracks_in', 'tracks_out', 'links', 'boxes_in', 'boxes_out')
"""What a worker tells that is a field of the answer, too."""
LEVELS = {
    'done': logging.INFO,
    'stopped': logging.INFO,
    'refused': logging.WARNING,
    'failed': logging.ERROR,
}
"""What can become of a request, and how that is logged."""
MAX_NAME = 1000
"""Longest name of a topic in a request, letters; ROS allows 255."""
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class RefinementJob:
    """A request that is being served.

    Attributes
    ----------
    source, output
        Bag to read, folder to write.
    owner
        Who asked.
    on_progress
        Called with phase and share.
    phase, share
        How far it is.
    answer
        Will hold the fields of the answer, by name.
    done
        What the worker says that it has done.
    error
        What the worker says that went wrong.
    stopped
        Why it has been told to stop; empty: it has not.
    work
        Folder for what is not finished; it is removed at the end.
    before
        What lay at the output before.
    deadline
        Stops it when it takes too long.

    """

    source: Path
    output: Path
    owner: object
    on_progress: ShareProgress
    phase: str = 'start'
    share: float = 0.0
    answer: Future = field(default_factory=Future)
    done: dict[str, Any] | None = None
    error: str = ''
    stopped: str = ''
    began: float = field(default_factory=time.monotonic)
    work: Path | None = None
    before: frozenset[Path] = frozenset()
    worker: WorkerProcess | None = None
    deadline: Timer | None = None


class RefinementServer:
    """Serves requests, one at a time, each by a worker process.

    All of it runs in the executor's thread.

    Parameters
    ----------
    call_later
        Has a function called in that thread, from any other.
    on_change
        Called when a request begins, comes to its next phase, or ends.

    Attributes
    ----------
    current
        The request that is being served.
    counts
        Requests by what became of them.
    last
        The message of the last answer.

    """

    def __init__(self, call_later: Callable[..., object], on_change: Callable[[], None]) -> None:
        self._call_later = call_later
        self._on_change = on_change
        self.current: RefinementJob | None = None
        self.counts: Counter[str] = Counter(dict.fromkeys(LEVELS, 0))
        self.last = ''

    def start(
        self,
        request: Any,
        root: AllowedRoot,
        settings: RefinerNodeConfig,
        owner: object = None,
        on_progress: ShareProgress = lambda _phase, _share: None,
    ) -> Future:
        """Begin to serve a request.

        Parameters
        ----------
        request
            Of the service, or goal of the action: they have the same fields.
        root
            Where it may read and write.
        settings
            Of the steps.
        owner
            Who asks, for `cancel`.
        on_progress
            Called with phase and share.

        Returns
        -------
        answer
            Will hold the fields of the answer, by name.

        """
        if self.current is not None:
            busy = self.current
            return self.refuse(
                f'{busy.source} is being refined ({busy.phase}, {busy.share:.0%}); ask again later'
            )
        if not (request.aflink or request.gsi):
            return self.refuse('nothing to do; ask for aflink, gsi or both')
        # What is in the source is left to the worker: that can be much.
        try:
            source = root.new(request.input_uri)
            output = root.new(request.output_uri or f'{source}_refined')
            check_new_bag(output)
            _check_topic(request.tracks_topic)
        except InputError as error:
            return self._answered('failed', str(error))
        refinement = RefinementJob(source, output, owner, on_progress, before=_there(output))
        wanted = {
            'root': str(root.path),
            'max_memory': settings.node.max_memory,
            'source': str(source),
            'output': str(output),
            'topic': request.tracks_topic,
            'frame_rate': settings.node.frame_rate,
            'checkpoint': settings.node.weights,
            'aflink': dataclasses.asdict(settings.aflink) if request.aflink else None,
            'gsi': dataclasses.asdict(settings.gsi) if request.gsi else None,
        }
        try:
            refinement.work = _work_folder(output)
            refinement.worker = WorkerProcess(
                {**wanted, 'work': str(refinement.work)},
                lambda message: self._call_later(self._receive, refinement, message),
            )
        except OSError as error:
            if refinement.work is not None:
                _remove(refinement.work)
            return self._answered('failed', f'no worker can be started: {one_line(error)}')
        self.current = refinement
        self._set_deadline(refinement, settings.node.max_duration)
        _log.info('refining %s', source)
        self._on_change()
        return refinement.answer

    def refuse(self, reason: str) -> Future:
        """Return the answer to a request that is not served."""
        return self._answered('refused', f'refused: {reason}')

    def cancel(self, owner: object) -> None:
        """Stop the request of `owner`, if it is served; the answer comes soon."""
        refinement = self.current
        if refinement is not None and refinement.owner is owner:
            self._stop_soon(refinement, 'cancelled')

    def stop(self, reason: str) -> None:
        """Stop what is being served, if anything, and answer."""
        refinement = self.current
        if refinement is None:
            return
        refinement.stopped = reason
        assert refinement.worker is not None
        refinement.worker.stop()
        self._end(refinement)

    def _set_deadline(self, refinement: RefinementJob, seconds: float) -> None:
        """Stop the request when it takes longer; 0: never."""
        if seconds:
            reason = f'it took longer than the {seconds:g} s that max_duration allows'
            refinement.deadline = Timer(
                seconds, self._call_later, (self._stop_soon, refinement, reason)
            )
            refinement.deadline.daemon = True
            refinement.deadline.start()

    def _stop_soon(self, refinement: RefinementJob, reason: str) -> None:
        """Have the worker stopped, if it is still at work; the answer comes when it has ended."""
        if refinement is self.current:
            refinement.stopped = reason
            assert refinement.worker is not None
            Thread(target=refinement.worker.stop, daemon=True).start()

    def _receive(self, refinement: RefinementJob, message: dict[str, Any] | None) -> None:
        """Take a message of the worker; None: it has ended."""
        if refinement is not self.current:
            return
        if message is None:
            self._end(refinement)
        elif 'log' in message:
            _log.log(message['level'], '%s', message['log'])
        elif 'phase' in message:
            changed = message['phase'] != refinement.phase
            refinement.phase, refinement.share = message['phase'], message['share']
            refinement.on_progress(refinement.phase, refinement.share)
            if changed:
                self._on_change()
        else:
            refinement.done, refinement.error = message.get('done'), message.get('error', '')

    def _end(self, refinement: RefinementJob) -> None:
        """Answer, now that the worker has ended."""
        self.current = None
        if refinement.deadline is not None:
            refinement.deadline.cancel()
        if refinement.work is not None:
            _remove(refinement.work)
        duration = time.monotonic() - refinement.began
        if refinement.done is not None:
            fields = {name: refinement.done[name] for name in COUNTED}
            fields |= {'output_uri': str(refinement.output), 'duration': duration}
            message = _in_words(refinement.done, duration, refinement.output)
            self._answered('done', message, refinement.answer, **fields)
        elif refinement.error:
            self._answered('failed', refinement.error, refinement.answer, duration=duration)
        else:
            _remove_output(refinement.output, refinement.before)
            why, message = 'stopped', f'stopped: {refinement.stopped}; no output is left'
            if not refinement.stopped:
                assert refinement.worker is not None
                why, message = (
                    'failed',
                    (
                        f'{refinement.source}: the worker {refinement.worker.end}, in phase '
                        f'{refinement.phase}; no output is left, ask again'
                    ),
                )
            self._answered(why, message, refinement.answer, duration=duration)
        self._on_change()

    def _answered(
        self, outcome: str, message: str, answer: Future | None = None, **fields: Any
    ) -> Future:
        """Count and log what became of a request, and answer it."""
        message = shorten(message)
        self.counts[outcome] += 1
        self.last = message
        _log.log(LEVELS[outcome], '%s', message)
        answer = Future() if answer is None else answer
        answer.set_result({'success': outcome == 'done', 'message': message, **fields})
        return answer


def _in_words(done: dict[str, Any], duration: float, output: Path) -> str:
    return (
        '{tracks_in} tracks of {boxes_in} boxes became {tracks_out} of {boxes_out}: {links} '
        'links, {interpolated} boxes interpolated'.format(**done)
        + f'; {duration:.1f} s: {output}'
    )


def _check_topic(topic: str) -> None:
    if len(topic) > MAX_NAME:
        raise InputError(f'tracks_topic: a name of {len(topic)} letters, at most {MAX_NAME}')


def _work_folder(output: Path) -> Path:
    """Make a folder in the file system of an output, which may lie in folders to be made."""
    place = next(folder for folder in output.parents if folder.is_dir())
    return Path(tempfile.mkdtemp(prefix='.refiner_', dir=place))


def _there(output: Path) -> frozenset[Path]:
    """Return what is there of an output: its folder, its text, and the folders that hold them."""
    paths = (output, text_beside(output), *output.parents)
    return frozenset(path for path in paths if os.path.lexists(path))


def _remove_output(output: Path, before: frozenset[Path]) -> None:
    """Remove what a worker that was ended by force has left of an output."""
    for path in {output, text_beside(output)} - before:
        _remove(path)
    for folder in output.parents:
        if folder not in before:
            with suppress(OSError):
                folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
