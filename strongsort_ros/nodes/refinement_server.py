"""Serve refinement requests of the service and the action, one at a time, in worker processes."""

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
from typing import Any, Final

from rclpy.task import Future

from strongsort_ros.bags.paths import AllowedRoot, check_new_bag
from strongsort_ros.errors import InputError, one_line, shorten
from strongsort_ros.files.motchallenge import text_beside
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.refinement.tracks import check_smoother
from strongsort_ros.refinement.worker_process import WorkerProcess
from strongsort_ros.types import ShareProgress

COUNT_FIELDS: Final = ('tracks_in', 'tracks_out', 'links', 'boxes_in', 'boxes_out')
"""Counts that the worker reports and the response contains."""
LOG_LEVELS: Final = {
    'done': logging.INFO,
    'stopped': logging.INFO,
    'refused': logging.WARNING,
    'failed': logging.ERROR,
}
"""Outcome of a request -> level of its log line."""
MAX_NAME: Final = 1000
"""Largest number of characters of a topic's name in a request; ROS allows 255."""
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class RefinementJob:
    """Request that is being served.

    Attributes
    ----------
    source, output
        Bag to read, and bag to write.
    owner
        Client's handle, to cancel the request.
    on_progress
        Called with phase and share done.
    existing
        Paths of the output and its parent folders that existed before.
    worker
        Process that serves the request.
    work
        Folder of unfinished files, removed at the end.
    deadline
        Timer that stops the request after `max_duration`.
    phase, share
        Current phase, and the share of it that is done.
    done, error
        Result and error that the worker has reported.
    stop_reason
        Why the request was stopped; '' unless it was.
    started
        Start, by `time.monotonic`.
    response
        Future fields of the response, by name.

    """

    source: Path
    output: Path
    owner: object
    on_progress: ShareProgress
    existing: frozenset[Path]
    worker: WorkerProcess | None = None
    work: Path | None = None
    deadline: Timer | None = None
    phase: str = 'start'
    share: float = 0.0
    done: dict[str, Any] | None = None
    error: str = ''
    stop_reason: str = ''
    started: float = field(default_factory=time.monotonic)
    response: Future = field(default_factory=Future)


class RefinementServer:
    """Serves requests, one at a time, each in a worker process.

    All methods are called in the executor's thread.

    Parameters
    ----------
    call_later
        Schedules a function call in the executor's thread; thread-safe.
    on_change
        Called when a request starts, enters its next phase, or ends.

    Attributes
    ----------
    current
        Request that is being served.
    counts
        Number of requests by outcome.
    last
        Message of the last response.

    """

    def __init__(self, call_later: Callable[..., object], on_change: Callable[[], None]) -> None:
        self._call_later = call_later
        self._on_change = on_change
        self.current: RefinementJob | None = None
        self.counts: Counter[str] = Counter(dict.fromkeys(LOG_LEVELS, 0))
        self.last = ''

    def start(
        self,
        request: Any,
        root: AllowedRoot,
        settings: RefinerNodeConfig,
        owner: object = None,
        on_progress: ShareProgress = lambda _phase, _share: None,
    ) -> Future:
        """Start to serve a request.

        Parameters
        ----------
        request
            Request of the service or goal of the action; they have the same fields.
        root
            Folder in which the request may read and write.
        settings
            Settings of the node and of the refinement steps.
        owner
            Client's handle for `cancel`.
        on_progress
            Called with phase and share done.

        Returns
        -------
        response
            Future fields of the response, by name.

        """
        if self.current is not None:
            busy = self.current
            return self.refuse(
                f'{busy.source} is being refined ({busy.phase}, {busy.share:.0%}); try again later'
            )
        try:
            smooth = check_smoother(request.smooth)
        except InputError as error:
            return self.refuse(str(error))
        if not (request.aflink or request.gsi or smooth):
            return self.refuse('nothing to do; request aflink, gsi or smooth')
        if request.gsi and smooth:
            return self.refuse('gsi and smooth both fill gaps and smooth boxes; request one')
        # The worker checks the content of the source, which may be large.
        try:
            source = root.new(request.input_uri)
            output = root.new(request.output_uri or f'{source}_refined')
            check_new_bag(output)
            if (length := len(request.tracks_topic)) > MAX_NAME:
                raise InputError(f'tracks_topic: {length} characters, at most {MAX_NAME} allowed')
        except InputError as error:
            return self._respond('failed', str(error))
        job = RefinementJob(source, output, owner, on_progress, _existing(output))
        try:
            self._start_worker(job, _worker_request(request, job, root, settings))
        except OSError as error:
            if job.work is not None:
                _remove(job.work)
            return self._respond('failed', f'cannot start a worker process: {one_line(error)}')
        self.current = job
        self._set_deadline(job, settings.node.max_duration)
        _log.info('refining %s', source)
        self._on_change()
        return job.response

    def refuse(self, reason: str) -> Future:
        """Return the response to a request that is not served."""
        return self._respond('refused', f'refused: {reason}')

    def cancel(self, owner: object) -> None:
        """Stop the request of `owner` if it is being served; its response follows."""
        job = self.current
        if job is not None and job.owner is owner:
            self._stop_soon(job, 'cancelled')

    def stop(self, reason: str) -> None:
        """Stop the current request, if any, and respond."""
        job = self.current
        if job is None:
            return
        job.stop_reason = reason
        assert job.worker is not None
        job.worker.stop()
        self._end(job)

    def _start_worker(self, job: RefinementJob, request: dict[str, Any]) -> None:
        # In the file system of the output, so that finished files can be moved there.
        parent = next(folder for folder in job.output.parents if folder.is_dir())
        job.work = Path(tempfile.mkdtemp(prefix='.refiner_', dir=parent))
        job.worker = WorkerProcess(
            {**request, 'work': str(job.work)},
            lambda message: self._call_later(self._receive, job, message),
        )

    def _set_deadline(self, job: RefinementJob, seconds: float) -> None:
        """Stop the request after some seconds; 0: never."""
        if seconds:
            reason = f'max_duration of {seconds:g} s exceeded'
            job.deadline = Timer(seconds, self._call_later, (self._stop_soon, job, reason))
            job.deadline.daemon = True
            job.deadline.start()

    def _stop_soon(self, job: RefinementJob, reason: str) -> None:
        """Stop the worker in the background; the response follows when it has ended."""
        if job is self.current:
            job.stop_reason = reason
            assert job.worker is not None
            Thread(target=job.worker.stop, daemon=True).start()

    def _receive(self, job: RefinementJob, message: dict[str, Any] | None) -> None:
        """Handle a message of the worker; None: the worker has ended."""
        if job is not self.current:
            return
        if message is None:
            self._end(job)
        elif 'log' in message:
            _log.log(message['level'], '%s', message['log'])
        elif 'phase' in message:
            changed = message['phase'] != job.phase
            job.phase, job.share = message['phase'], message['share']
            job.on_progress(job.phase, job.share)
            if changed:
                self._on_change()
        else:
            job.done, job.error = message.get('done'), message.get('error', '')

    def _end(self, job: RefinementJob) -> None:
        """Clean up after the worker, and respond."""
        self.current = None
        if job.deadline is not None:
            job.deadline.cancel()
        if job.work is not None:
            _remove(job.work)
        duration = time.monotonic() - job.started
        fields: dict[str, Any] = {'duration': duration}
        if job.done is not None:
            outcome, message = 'done', _summary(job.done, duration, job.output)
            fields |= {name: job.done[name] for name in COUNT_FIELDS}
            fields['output_uri'] = str(job.output)
        elif job.error:
            outcome, message = 'failed', job.error
        else:
            _remove_output(job.output, job.existing)
            outcome, message = 'stopped', f'stopped: {job.stop_reason}; no output was written'
            if not job.stop_reason:
                assert job.worker is not None
                end = f'the worker process {job.worker.end} in phase {job.phase}'
                outcome = 'failed'
                message = f'{job.source}: {end}; no output was written; try again'
        self._respond(outcome, message, job.response, **fields)
        self._on_change()

    def _respond(
        self, outcome: str, message: str, response: Future | None = None, **fields: Any
    ) -> Future:
        """Count and log the outcome of a request, and complete its response."""
        message = shorten(message)
        self.counts[outcome] += 1
        self.last = message
        _log.log(LOG_LEVELS[outcome], '%s', message)
        response = Future() if response is None else response
        response.set_result({'success': outcome == 'done', 'message': message, **fields})
        return response


def _worker_request(
    request: Any, job: RefinementJob, root: AllowedRoot, settings: RefinerNodeConfig
) -> dict[str, Any]:
    """Return the request as the worker reads it."""
    return {
        'root': str(root.path),
        'max_memory': settings.node.max_memory,
        'source': str(job.source),
        'output': str(job.output),
        'topic': request.tracks_topic,
        'frame_rate': settings.node.frame_rate,
        'checkpoint': settings.node.weights,
        'aflink': dataclasses.asdict(settings.aflink) if request.aflink else None,
        'gsi': dataclasses.asdict(settings.gsi) if request.gsi else None,
        'rts': dataclasses.asdict(settings.rts) if check_smoother(request.smooth) else None,
    }


def _summary(done: dict[str, Any], duration: float, output: Path) -> str:
    return (
        '{tracks_in} -> {tracks_out} tracks, {boxes_in} -> {boxes_out} boxes, {links} links, '
        '{interpolated} boxes interpolated'.format(**done)
        + f' in {duration:.1f} s: {output}'
    )


def _existing(output: Path) -> frozenset[Path]:
    """Return those of an output's bag, text and parent folders that exist."""
    paths = (output, text_beside(output), *output.parents)
    return frozenset(path for path in paths if os.path.lexists(path))


def _remove_output(output: Path, existing: frozenset[Path]) -> None:
    """Remove what a killed worker has written of an output."""
    for path in {output, text_beside(output)} - existing:
        _remove(path)
    for folder in output.parents:
        if folder not in existing:
            with suppress(OSError):
                folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
