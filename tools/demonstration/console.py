"""Output of the demonstration: a progress bar during each step, and a line after it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar('T')


class Steps:
    """Numbers the steps and shows the progress of the current one.

    Parameters
    ----------
    total
        Number of steps.

    Attributes
    ----------
    summary
        Result of the current step, to be set before it ends.

    """

    def __init__(self, total: int) -> None:
        self.console = Console(highlight=False, markup=False)
        self.summary = ''
        self._total = total
        self._number = 0
        self._progress: Progress | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a progress bar during the step, on a terminal, and a line after it."""
        self._number += 1
        self.summary = ''
        start = time.monotonic()
        columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True,
            disable=not self.console.is_terminal,
        ) as self._progress:  # fmt: skip
            self._progress.add_task(title, total=None)
            yield
        head = f'[{self._number}/{self._total}] {title}'
        seconds = time.monotonic() - start
        self.console.print(f'{head:<20} {self.summary} ({seconds:.1f} s)', soft_wrap=True)

    def track(self, items: Iterable[T], total: int) -> Iterator[T]:
        """Yield the items of the current step, and show how many are done."""
        for number, item in enumerate(items):
            self.show(number, total)
            yield item

    def show(self, done: int, total: int) -> None:
        """Show the progress of the current step."""
        assert self._progress is not None
        self._progress.update(self._progress.task_ids[0], completed=done, total=total)
