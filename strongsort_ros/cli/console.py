"""What the commands say: results on the standard output, progress on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar('T')


def say(text: str) -> None:
    """Write a line to the standard output, however long."""
    sys.stdout.write(f'{text}\n')


def warn(text: str) -> None:
    """Write a line to the standard error."""
    sys.stderr.write(f'{text}\n')


def progress(label: str) -> Callable[[Collection[T]], Iterable[T]]:
    """Return a wrapper of loops that shows how far they are, where there is a terminal."""
    if not sys.stderr.isatty():
        return iter
    from rich.console import Console
    from rich.progress import track

    def wrap(items: Collection[T]) -> Iterable[T]:
        return track(items, description=label, console=Console(stderr=True), transient=True)

    return wrap


@contextmanager
def meter(label: str) -> Iterator[Callable[[str, float], None]]:
    """Give a function that shows what is being done and its share done, 0 to 1, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=1.0)

        def show(what: str, share: float) -> None:
            shown.update(task, description=f'{label}: {what}', completed=share)

        yield show
