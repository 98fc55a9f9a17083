"""Make a launch fail when a node has ended and is not started again."""

from __future__ import annotations

from typing import Any


class LaunchError(RuntimeError):
    """Raised in a launch, it ends the launch with status 1."""


class EndWithNode:
    """Handler `on_exit` of a launched node: ends the launch when the node has failed for good.

    Parameters
    ----------
    respawn
        The node is started again when it ends.
    max_retries
        Times that it is started again, in all; negative: without limit.

    """

    def __init__(self, *, respawn: bool = False, max_retries: int = 0) -> None:
        self._retries = max_retries if respawn else 0
        self._ends = 0

    def __call__(self, event: Any, context: Any) -> None:
        """Take a launch.events.process.ProcessExited.

        Raises
        ------
        LaunchError
            The node has failed, and is not started again.

        """
        self._ends += 1
        again = self._retries < 0 or self._ends <= self._retries
        if context.is_shutdown or again or event.returncode == 0:
            return
        times = f' {self._ends} times' if self._ends > 1 else ''
        raise LaunchError(
            f'{event.process_name} has failed{times}, last with status {event.returncode}: its log '
            'says why'
        )
