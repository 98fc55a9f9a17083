"""Many inputs: in parallel, on this machine or on a cluster, and one bad one stops nothing."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongsort_ros.cli.cluster import CLUSTERS, connected
from strongsort_ros.cli.console import debugging, explain, meter, say, warn
from strongsort_ros.errors import StrongSortError, one_line

BACKENDS: Final = ('loky', 'threading', 'multiprocessing', *CLUSTERS)
_BAG_FILES: Final = ('.mcap', '.db3')
SOME_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Job:
    """An input, and the file or folder that is made of it."""

    source: Path
    output: Path


Work = Callable[[Job], str]
"""Makes the output, whole or not at all, and returns a line that says what was done.

It can be pickled: a function of a module, or a `functools.partial` of one.
"""


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of many inputs."""
    group = parser.add_argument_group('many inputs', 'With several, OUT is a folder:')
    group.add_argument(
        '--jobs', type=_count, metavar='N', help='so many at a time; default: as many as there are '
        'processor cores, or workers of the cluster',
    )  # fmt: skip
    group.add_argument(
        '--backend', choices=BACKENDS, default='loky', help='joblib backend; dask and ray take the '
        'cluster of DASK_SCHEDULER_ADDRESS and RAY_ADDRESS, or start one here; default: loky',
    )  # fmt: skip


def plan(sources: Sequence[Path], folder: Path) -> list[Job]:
    """Return a job for every input, its output in `folder` named as the input.

    Raises
    ------
    InputError
        Two outputs would have one name, or an output would take the place of an input.

    """
    from strongsort_ros.errors import InputError

    jobs: dict[str, Job] = {}
    inputs = {source.resolve() for source in sources}
    for source in sources:
        name = bag_name(source)
        job = Job(source, folder / name)
        if name in jobs:
            other = jobs[name].source
            raise InputError(f'{source}: {job.output} is the output of {other} already')
        if job.output.resolve() in inputs:
            raise InputError(f'{job.output}: an input; name another folder for the outputs')
        jobs[name] = job
    return list(jobs.values())


def bag_name(source: Path) -> str:
    """Return the name of an input without what says that it is a bag."""
    there = source.resolve()
    return there.stem if there.suffix in _BAG_FILES else there.name


def run_many(
    jobs: Sequence[Job], work: Work, *, label: str, n_jobs: int | None = None, backend: str = 'loky'
) -> int:
    """Do the jobs whose outputs are not there yet, and say what came of each.

    Parameters
    ----------
    jobs
        From `plan`: their outputs lie in one folder, which is made.
    work
        Does one job, in another process or on another machine that has the same files.
    label
        Of the progress bar.
    n_jobs
        How many at a time; None: as many as there are cores, or workers.
    backend
        One of `BACKENDS`.

    Returns
    -------
    status
        0, or 1 where a job failed; which, and why, is said at the end.

    Raises
    ------
    InputError
        The backend is not installed, or the folder of the outputs cannot be written to.

    """
    left = [job for job in jobs if not job.output.exists()]
    for job in jobs:
        if job not in left:
            say(f'{job.output}: finished before, skipped')
    try:
        failed = _do(left, work, label, n_jobs, backend) if left else {}
    except KeyboardInterrupt:
        finished = sum(job.output.exists() for job in jobs)
        warn(f'{finished} of {len(jobs)} are finished and stay; run this again for the others')
        raise
    counts = len(left) - len(failed), len(jobs) - len(left), len(failed)
    say('{} done, {} skipped, {} failed'.format(*counts))
    if failed:
        _show_failed(failed)
    return SOME_FAILED if failed else 0


def _do(
    jobs: Sequence[Job], work: Work, label: str, n_jobs: int | None, backend: str
) -> dict[Job, str]:
    """Do all jobs, say what was done, and return why some failed."""
    with ExitStack() as stack:
        hidden = stack.enter_context(_hidden_folder(jobs[0].output.parent))
        tasks = [_Task(work, job, hidden) for job in jobs]
        if backend in CLUSTERS:
            stack.enter_context(connected(backend, n_jobs))
            tasks = [task.absolute() for task in tasks]
        show = stack.enter_context(meter(label))
        try:
            outcomes = _parallel(tasks, n_jobs, backend, show)
        # Not a job's error, which is an outcome, but what became of the workers: each backend has
        # its own. Which jobs went down with them is not known; what was finished is there.
        except Exception as error:
            explain(error)
            reason = one_line(error).split('. ')[0]
            why = f'not finished, the workers failed: {reason}; run this again, with fewer --jobs'
            return {job: why for job in jobs if not job.output.exists()}
    failed = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, _Failure):
            failed[job] = outcome.why
            if outcome.mistake or debugging():
                warn(outcome.traceback)
        else:
            say(outcome)
    return failed


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a job was not done.

    Attributes
    ----------
    why
        One line.
    traceback
        Where it happened.
    mistake
        It is neither the input's fault nor the system's, but the program's.

    """

    why: str
    traceback: str
    mistake: bool


Outcome = str | _Failure
"""What was done, or why it was not."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A job as it goes to a worker."""

    work: Work
    job: Job
    hidden: Path

    def __call__(self) -> Outcome:
        from strongsort_ros.files.atomic import staging

        try:
            with staging(self.hidden):
                return self.work(self.job)
        # The others go on; a mistake of the program is shown with its traceback.
        except Exception as error:
            mistake = not isinstance(error, (StrongSortError, OSError))
            lines = traceback.format_exception(error)
            return _Failure(one_line(error), ''.join(lines).rstrip(), mistake)

    def absolute(self) -> _Task:
        """Return the same for a worker that runs in another folder."""
        job = Job(self.job.source.absolute(), self.job.output.absolute())
        return _Task(self.work, job, self.hidden.absolute())


def _parallel(
    tasks: Sequence[_Task],
    n_jobs: int | None,
    backend: str,
    show: Callable[[str, float], None],
) -> list[Outcome]:
    from joblib import Parallel, cpu_count, delayed, parallel_config

    class Shown(Parallel):  # type: ignore[misc]
        def print_progress(self) -> None:
            done = self.n_completed_tasks
            show(f'{done} of {len(tasks)}', done / len(tasks))

    if n_jobs is None:
        n_jobs = -1 if backend in CLUSTERS else min(cpu_count(), len(tasks))
    with parallel_config(backend, n_jobs=n_jobs):
        outcomes: list[Outcome] = Shown(batch_size=1)(delayed(task)() for task in tasks)
    return outcomes


@contextmanager
def _hidden_folder(folder: Path) -> Iterator[Path]:
    """Give a folder for what is not finished, which is removed whatever becomes of workers."""
    from strongsort_ros.errors import InputError

    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix='.unfinished.', dir=folder))
    except OSError as error:
        raise InputError(f'{folder}: cannot write there: {error.strerror}') from error
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if made and not any(folder.iterdir()):
            folder.rmdir()


def _show_failed(failed: dict[Job, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table('input', 'failed, because', show_lines=True)
    for job, why in failed.items():
        table.add_row(str(job.source), why)
    # A file gets each reason in one line, however long.
    width = None if sys.stderr.isatty() else 10_000
    Console(stderr=True, markup=False, highlight=False, width=width).print(table)


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of jobs from 1')
    return count
