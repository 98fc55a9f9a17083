"""Lines for the user: results on the standard output, progress on a terminal only."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO, TypeVar

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class Verbosity:
    """How much a command writes, and where.

    Attributes
    ----------
    quiet
        Leave out summaries and progress; warnings, errors and scores stay.
    verbose
        Write the log's details.
    debug
        Write the traceback of every error.
    output_taken
        The standard output is a result's: summaries go to the standard error.

    """

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    output_taken: bool = False


_chosen = [Verbosity()]


def configure(verbosity: Verbosity) -> None:
    """Choose how much is written from now on, by the log too."""
    _chosen[0] = verbosity
    logging.basicConfig(format='%(message)s', stream=sys.stderr)
    level = logging.WARNING if verbosity.quiet else logging.INFO
    logging.getLogger('strongsort_ros').setLevel(logging.DEBUG if verbosity.verbose else level)


def results() -> TextIO:
    """Return the stream for summaries and scores."""
    return sys.stderr if _chosen[0].output_taken else sys.stdout


def say(text: str) -> None:
    """Write a line of a summary, however long."""
    if not _chosen[0].quiet:
        results().write(f'{text}\n')


def warn(text: str) -> None:
    """Write a line to the standard error."""
    sys.stderr.write(f'{text}\n')


def debugging() -> bool:
    """Return whether tracebacks are asked for."""
    return _chosen[0].debug


def explain(error: BaseException) -> None:
    """Write the traceback of an error, where --debug asks for it."""
    if debugging():
        warn(''.join(traceback.format_exception(error)).rstrip())


def progress(label: str) -> Callable[[Collection[T]], Iterable[T]]:
    """Return a wrapper of loops that shows how far they are, where there is a terminal."""
    if not _shows_progress():
        return iter
    from rich.console import Console
    from rich.progress import track

    def wrap(items: Collection[T]) -> Iterable[T]:
        return track(items, description=label, console=Console(stderr=True), transient=True)

    return wrap


@contextmanager
def meter(label: str) -> Iterator[Callable[[str, float], None]]:
    """Give a function that shows what is being done and its share done, 0 to 1, on a terminal."""
    if not _shows_progress():
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=1.0)

        def show(what: str, share: float) -> None:
            shown.update(task, description=f'{label}: {what}', completed=share)

        yield show


def _shows_progress() -> bool:
    return sys.stderr.isatty() and not _chosen[0].quiet
