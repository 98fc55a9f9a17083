"""When a launch ends because of its node; how launch takes it is tested with the launch files."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from strongsort_ros.nodes.launch_events import EndWithNode, LaunchError

RUNS = SimpleNamespace(is_shutdown=False)
ENDS = SimpleNamespace(is_shutdown=True)


def ended(status: int) -> SimpleNamespace:
    return SimpleNamespace(returncode=status, process_name='tracker_node-1')


def test_the_launch_ends_when_retries_are_used_up() -> None:
    on_exit = EndWithNode(respawn=True, max_retries=2)
    on_exit(ended(1), RUNS)
    on_exit(ended(-9), RUNS)
    with pytest.raises(LaunchError, match='tracker_node-1 has failed 3 times, last with status 1'):
        on_exit(ended(1), RUNS)


def test_the_launch_ends_at_once_without_retries() -> None:
    with pytest.raises(LaunchError, match='tracker_node-1 has failed, last with status -9'):
        EndWithNode(respawn=False, max_retries=5)(ended(-9), RUNS)


def test_retries_without_limit_never_end_it() -> None:
    on_exit = EndWithNode(respawn=True, max_retries=-1)
    for _ in range(100):
        on_exit(ended(1), RUNS)


def test_a_node_that_was_stopped_has_not_failed() -> None:
    EndWithNode()(ended(0), RUNS)
    EndWithNode()(ended(-2), ENDS)
