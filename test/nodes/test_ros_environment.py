"""Fast DDS profile, memory of freed images, and the end of a launch whose node failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from strongsort_ros.nodes.ros_environment import (
    PROFILE_VARIABLES,
    EndWithNode,
    LaunchError,
    profile_environment,
    profile_variable,
)

RUNS = SimpleNamespace(is_shutdown=False)
ENDS = SimpleNamespace(is_shutdown=True)
PROGRAM = """
import resource
from strongsort_ros.nodes.ros_environment import keep_freed_memory
kept = keep_freed_memory()
one = bytearray(6_000_000)
del one
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    first, second = bytearray(6_000_000), bytearray(6_000_001)
    del first, second
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_installed_fast_dds_reads_the_variable() -> None:
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    libraries = [
        path
        for prefix in prefixes
        for name in ('libfastrtps.so', 'libfastdds.so')
        if (path := Path(prefix, 'lib', name)).is_file()
    ]
    if not libraries:
        pytest.skip('needs a sourced ROS with Fast DDS: make setup')
    assert profile_variable().encode() in libraries[0].read_bytes()


@pytest.mark.parametrize(
    ('distribution', 'variable'),
    [
        ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'),
        ('rolling', 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ],
)
def test_the_variable_follows_the_distribution(
    monkeypatch: pytest.MonkeyPatch, distribution: str, variable: str
) -> None:
    monkeypatch.setenv('ROS_DISTRO', distribution)
    assert profile_environment('mine.xml') == {variable: 'mine.xml'}


@pytest.mark.parametrize('variable', PROFILE_VARIABLES)
def test_a_profile_of_the_environment_takes_precedence(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, 'theirs.xml')
    assert profile_environment('mine.xml') == {}


def test_an_empty_profile_sets_nothing() -> None:
    assert profile_environment('') == {}


def test_freed_memory_is_reused_without_page_faults() -> None:
    run = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=True
    )
    kept, faults = run.stdout.split()
    if kept == 'False':
        pytest.skip('this C library has no mallopt')
    pages = 6_000_000 // 4096
    assert int(faults) < 5 * pages


def ended(status: int) -> SimpleNamespace:
    return SimpleNamespace(returncode=status, process_name='tracker_node-1')


def test_the_launch_ends_when_retries_are_used_up() -> None:
    on_exit = EndWithNode(respawn=True, max_retries=2)
    on_exit(ended(1), RUNS)
    on_exit(ended(-9), RUNS)
    with pytest.raises(LaunchError, match='tracker_node-1 failed 3 times, last with exit status 1'):
        on_exit(ended(1), RUNS)


def test_the_launch_ends_at_once_without_retries() -> None:
    with pytest.raises(LaunchError, match='tracker_node-1 failed, last with exit status -9'):
        EndWithNode(respawn=False, max_retries=5)(ended(-9), RUNS)


def test_retries_without_limit_never_end_it() -> None:
    on_exit = EndWithNode(respawn=True, max_retries=-1)
    for _ in range(100):
        on_exit(ended(1), RUNS)


def test_a_stopped_node_has_not_failed() -> None:
    EndWithNode()(ended(0), RUNS)
    EndWithNode()(ended(-2), ENDS)
