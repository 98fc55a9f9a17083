"""What the commands say: results on the standard output, progress on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
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
