"""What a command prints: results on the standard output, warnings and progress on stderr."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from strongsort_ros.types import ShareProgress

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class Verbosity:
    """How much a command prints, and where.

    Attributes
    ----------
    quiet
        Suppress summaries and progress. Warnings, errors and scores are still printed.
    verbose
        Print debug messages of the log.
    debug
        Print the traceback of every error.
    output_taken
        An output file is written to the standard output: summaries go to the standard error.

    """

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    output_taken: bool = False


_chosen = [Verbosity()]


def configure(verbosity: Verbosity) -> None:
    """Set how much is printed, and configure the log accordingly."""
    _chosen[0] = verbosity
    logging.basicConfig(format='%(message)s', stream=sys.stderr)
    level = logging.WARNING if verbosity.quiet else logging.INFO
    logging.getLogger('strongsort_ros').setLevel(logging.DEBUG if verbosity.verbose else level)


def results() -> TextIO:
    """Return the stream for summaries and scores."""
    return sys.stderr if _chosen[0].output_taken else sys.stdout


def say(text: str) -> None:
    """Print a summary line, unless --quiet is given."""
    if not _chosen[0].quiet:
        results().write(f'{text}\n')


def warn(text: str) -> None:
    """Print a line to the standard error."""
    sys.stderr.write(f'{text}\n')


def debugging() -> bool:
    """Return True if --debug is given."""
    return _chosen[0].debug


def show_traceback(error: BaseException) -> None:
    """Print the traceback of an error if --debug is given."""
    if debugging():
        warn(''.join(traceback.format_exception(error)).rstrip())


def count(number: int, noun: str, plural: str = '') -> str:
    """Return a number and its noun: `1 box`, `2 boxes`; the plural is `noun` + s by default."""
    return f'{number} {noun if number == 1 else plural or f"{noun}s"}'


def tracks_and_boxes(tracks: int, boxes: int) -> str:
    """Return `2 tracks, 40 boxes`."""
    return f'{count(tracks, "track")}, {count(boxes, "box", "boxes")}'


def no_progress(_step: str, _share: float) -> None:
    """Show no progress; the default of functions that report it."""


def progress(label: str) -> Callable[[Collection[T]], Iterable[T]]:
    """Return a function that wraps the items of a loop and shows a progress bar on a terminal."""
    if not _shows_progress():
        return iter
    from rich.console import Console
    from rich.progress import track

    def wrap(items: Collection[T]) -> Iterable[T]:
        return track(items, description=label, console=Console(stderr=True), transient=True)

    return wrap


def progress_over(label: str, items: Iterable[T], total: int | None) -> Iterable[T]:
    """Return the items of a loop, with a progress bar on a terminal; `total` None: not known."""
    if not _shows_progress():
        return items
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, description=label, total=total, console=console, transient=True)


@contextmanager
def step_progress(label: str) -> Iterator[ShareProgress]:
    """Show a progress bar on a terminal while the body runs.

    Yields
    ------
    Function to call with the name of the current step and the share of it that is done, 0 to 1.

    """
    if not _shows_progress():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)

        def show(step: str, share: float) -> None:
            bar.update(task, description=f'{label}: {step}', completed=share)

        yield show


def _shows_progress() -> bool:
    return sys.stderr.isatty() and not _chosen[0].quiet
