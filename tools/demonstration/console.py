"""What the demonstration says: a line for every step, and a bar while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar('T')


class Steps:
    """Counts steps and shows how far the running one is.

    Parameters
    ----------
    total
        Number of steps.

    """

    def __init__(self, total: int) -> None:
        self.console = Console(highlight=False, markup=False)
        self._total = total
        self._number = 0
        self._title = ''
        self.summary = ''

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say at the end what came of the step: `summary`, to be set meanwhile."""
        self._number += 1
        self._title, self.summary = title, ''
        start = time.monotonic()
        with self.console.status(title) if self.console.is_terminal else _nothing():
            yield
        seconds = time.monotonic() - start
        head = f'[{self._number}/{self._total}] {title}'
        self.console.print(f'{head:<22} {self.summary} ({seconds:.1f} s)', soft_wrap=True)

    def track(self, items: Iterable[T], total: int) -> Iterator[T]:
        """Go through items and show a bar where there is a terminal."""
        columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True,
            disable=not self.console.is_terminal,
        ) as progress:  # fmt: skip
            yield from progress.track(items, total, description=self._title)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
