"""Work on several inputs in parallel, on this machine or on a Dask or Ray cluster."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from strongsort_ros.cli.console import debugging, say, show_traceback, step_progress, warn
from strongsort_ros.cli.options import positive_int
from strongsort_ros.errors import InputError, StrongSortError, one_line

if TYPE_CHECKING:
    from strongsort_ros.types import ShareProgress

CLUSTERS: Final = {'dask': 'distributed', 'ray': 'ray'}
"""Backend of joblib that is a cluster -> the Python package that it needs."""
BACKENDS: Final = ('loky', 'threading', 'multiprocessing', *CLUSTERS)
SOME_FAILED: Final = 1
_BAG_FILES: Final = ('.mcap', '.db3')


@dataclass(frozen=True, slots=True)
class Job:
    """An input, and the file or folder to write."""

    source: Path
    output: Path


Work = Callable[[Job], str]
"""Writes the output completely or not at all, and returns its summary line.

It must be picklable: a function of a module, or a `functools.partial` of one.
"""


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for several inputs."""
    group = parser.add_argument_group(
        'several inputs', 'OUT is then a folder. Outputs that exist are skipped.'
    )
    group.add_argument(
        '--jobs', type=positive_int, metavar='N',
        help='inputs to work on in parallel; default: the number of cores, or of workers in the '
        'cluster',
    )  # fmt: skip
    group.add_argument(
        '--backend', choices=BACKENDS, default='loky',
        help='joblib backend; dask and ray connect to DASK_SCHEDULER_ADDRESS or RAY_ADDRESS, or '
        'start a cluster on this machine; default: %(default)s',
    )  # fmt: skip


def plan(sources: Sequence[Path], folder: Path) -> list[Job]:
    """Return a job for every input; its output lies in `folder` and is named like the input.

    Raises
    ------
    InputError
        Two outputs would have the same path, or an output would replace an input.

    """
    jobs: dict[str, Job] = {}
    inputs = {source.resolve() for source in sources}
    for source in sources:
        name = bag_name(source)
        job = Job(source, folder / name)
        if name in jobs:
            raise InputError(f'{source}: {job.output} is already the output of {jobs[name].source}')
        if job.output.resolve() in inputs:
            raise InputError(f'{job.output}: is an input; name another folder for the outputs')
        jobs[name] = job
    return list(jobs.values())


def bag_name(source: Path) -> str:
    """Return the name of an input, without the extension of a bag's file."""
    path = source.resolve()
    return path.stem if path.suffix in _BAG_FILES else path.name


def run_many(
    jobs: Sequence[Job], work: Work, *, label: str, n_jobs: int | None = None, backend: str = 'loky'
) -> int:
    """Run the jobs whose outputs do not exist yet, and print the outcome of each.

    Parameters
    ----------
    jobs
        Jobs from `plan`; the folder of their outputs is created.
    work
        Runs one job, in another process or on another machine with the same file system.
    label
        Label of the progress bar.
    n_jobs
        Number of jobs in parallel; None: the number of cores, or of workers in the cluster.
    backend
        One of `BACKENDS`.

    Returns
    -------
    status
        0, or 1 if a job failed; the failed jobs and their reasons are printed at the end.

    Raises
    ------
    InputError
        The backend is not installed, or the output folder cannot be written to.

    """
    remaining = [job for job in jobs if not job.output.exists()]
    for job in jobs:
        if job not in remaining:
            say(f'{job.output}: exists already, skipped')
    try:
        failed = _run(remaining, work, label, n_jobs, backend) if remaining else {}
    except KeyboardInterrupt:
        finished = sum(job.output.exists() for job in jobs)
        warn(f'{finished} of {len(jobs)} done; run the same command again for the rest')
        raise
    done, skipped = len(remaining) - len(failed), len(jobs) - len(remaining)
    say(f'{done} done, {skipped} skipped, {len(failed)} failed')
    if failed:
        _print_failed(failed)
    return SOME_FAILED if failed else 0


def _run(
    jobs: Sequence[Job], work: Work, label: str, n_jobs: int | None, backend: str
) -> dict[Job, str]:
    """Run all jobs, print their summaries, and return the reason of each failure."""
    with ExitStack() as stack:
        hidden = stack.enter_context(_hidden_folder(jobs[0].output.parent))
        tasks = [_Task(work, job, hidden) for job in jobs]
        if backend in CLUSTERS:
            stack.enter_context(_cluster(backend, n_jobs))
            tasks = [task.absolute() for task in tasks]
        show = stack.enter_context(step_progress(label))
        try:
            outcomes = _parallel(tasks, n_jobs, backend, show)
        # Errors of jobs are outcomes. This one is of the workers, of another type in each backend;
        # which jobs they were working on is unknown.
        except Exception as error:
            show_traceback(error)
            reason = one_line(error).split('. ')[0]
            why = f'not finished, a worker died: {reason}; run again, with fewer --jobs'
            return {job: why for job in jobs if not job.output.exists()}
    failed = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, _Failure):
            failed[job] = outcome.reason
            if outcome.is_bug or debugging():
                warn(outcome.traceback)
        else:
            say(outcome)
    return failed


@dataclass(frozen=True, slots=True)
class _Failure:
    """Reason of a failed job, in one line, with its traceback.

    `is_bug` is True for errors that neither the input nor the system explains.
    """

    reason: str
    traceback: str
    is_bug: bool


_Outcome = str | _Failure
"""Summary line of a job, or its failure."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A job as it is sent to a worker."""

    work: Work
    job: Job
    hidden: Path

    def __call__(self) -> _Outcome:
        from strongsort_ros.files.atomic import staging

        try:
            with staging(self.hidden):
                return self.work(self.job)
        # The other jobs continue.
        except Exception as error:
            is_bug = not isinstance(error, (StrongSortError, OSError))
            lines = traceback.format_exception(error)
            return _Failure(one_line(error), ''.join(lines).rstrip(), is_bug)

    def absolute(self) -> _Task:
        """Return the same task with absolute paths, for a worker in another folder."""
        job = Job(self.job.source.absolute(), self.job.output.absolute())
        return _Task(self.work, job, self.hidden.absolute())


def _parallel(
    tasks: Sequence[_Task], n_jobs: int | None, backend: str, show: ShareProgress
) -> list[_Outcome]:
    from joblib import Parallel, cpu_count, delayed, parallel_config

    class ParallelWithProgress(Parallel):  # type: ignore[misc]
        def print_progress(self) -> None:
            done = self.n_completed_tasks
            show(f'{done} of {len(tasks)}', done / len(tasks))

    if n_jobs is None:
        n_jobs = -1 if backend in CLUSTERS else min(cpu_count(), len(tasks))
    with parallel_config(backend, n_jobs=n_jobs):
        outcomes: list[_Outcome] = ParallelWithProgress(batch_size=1)(
            delayed(task)() for task in tasks
        )
    return outcomes


@contextmanager
def _hidden_folder(folder: Path) -> Iterator[Path]:
    """Create a folder for unfinished outputs; it is removed even if workers were killed."""
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix='.unfinished.', dir=folder))
    except OSError as error:
        raise InputError(f'{folder}: cannot write there: {error.strerror}') from error
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if created and not any(folder.iterdir()):
            folder.rmdir()


def _print_failed(failed: dict[Job, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table('failed input', 'reason', show_lines=True)
    for job, why in failed.items():
        table.add_row(str(job.source), why)
    # In a file or a pipe each reason is one line, however long.
    width = None if sys.stderr.isatty() else 10_000
    Console(stderr=True, markup=False, highlight=False, width=width).print(table)


@contextmanager
def _cluster(backend: str, workers: int | None) -> Iterator[None]:
    """Connect joblib to a Dask or Ray cluster, and disconnect at the end.

    Parameters
    ----------
    backend
        `dask`: the cluster at DASK_SCHEDULER_ADDRESS; `ray`: the one at RAY_ADDRESS. Without
        these variables a cluster is started on this machine.
    workers
        Number of workers of a cluster started here; None: the backend's default.

    Raises
    ------
    InputError
        The backend's package is not installed, or the cluster does not answer.

    """
    with ExitStack() as stack:
        try:
            connection = (_dask if backend == 'dask' else _ray)(workers)
            say(f'{backend}: {stack.enter_context(connection)}')
        except ImportError as error:
            hint = f'pip install {CLUSTERS[backend]}'
            raise InputError(f'--backend {backend}: {error}; {hint}') from error
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f'--backend {backend}: cannot connect: {error}') from error
        yield


@contextmanager
def _dask(workers: int | None) -> Iterator[str]:
    from dask import config
    from distributed import Client

    local = {} if config.get('scheduler-address', None) else {'n_workers': workers}
    with Client(**local) as client:
        yield client.scheduler.address


@contextmanager
def _ray(workers: int | None) -> Iterator[str]:
    import ray
    from ray.util.joblib import register_ray

    local = {} if os.environ.get('RAY_ADDRESS') else {'num_cpus': workers}
    connection = ray.init(log_to_driver=False, include_dashboard=False, **local)
    register_ray()
    try:
        yield connection.address_info['address']
    finally:
        ray.shutdown()
