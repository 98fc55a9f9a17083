"""The variable that names a profile is the one that this Fast DDS reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongsort_ros.nodes.ros_environment import (
    PROFILE_VARIABLES,
    profile_environment,
    profile_variable,
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_this_fast_dds_reads_it() -> None:
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
def test_each_distribution_has_its_variable(
    monkeypatch: pytest.MonkeyPatch, distribution: str, variable: str
) -> None:
    monkeypatch.setenv('ROS_DISTRO', distribution)
    assert profile_environment('mine.xml') == {variable: 'mine.xml'}


@pytest.mark.parametrize('variable', PROFILE_VARIABLES)
def test_a_profile_that_is_named_already_stays(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, 'theirs.xml')
    assert profile_environment('mine.xml') == {}


def test_no_profile() -> None:
    assert profile_environment('') == {}
