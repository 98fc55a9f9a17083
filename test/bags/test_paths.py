"""Requested paths cannot leave the allowed folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongsort_ros.bags.paths import AllowedRoot
from strongsort_ros.errors import InputError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Folder with the allowed root and a secret folder beside it."""
    (tmp_path / 'root' / 'bags' / 'good').mkdir(parents=True)
    (tmp_path / 'root' / 'bags' / 'good' / 'good.mcap').touch()
    (tmp_path / 'rootless').mkdir()
    (tmp_path / 'secret').mkdir()
    (tmp_path / 'secret' / 'secret.mcap').touch()
    (tmp_path / 'root' / 'out').symlink_to(tmp_path / 'secret')
    (tmp_path / 'root' / 'in').symlink_to('bags')
    (tmp_path / 'root' / 'chain').symlink_to('in/../out')
    (tmp_path / 'root' / 'ring').symlink_to('ring')
    (tmp_path / 'link').symlink_to('root')
    return tmp_path


def test_paths_in_the_root(home: Path) -> None:
    root, good = AllowedRoot(home / 'root'), home / 'root' / 'bags' / 'good'
    for uri in (
        'bags/good', './bags//good/', 'bags/../bags/good', 'in/good', str(good), f'{good}/.',
        f'{home}/link/bags/good', f'{home}/secret/../root/bags/good',
    ):  # fmt: skip
        assert root.existing(uri) == good
        assert root.new(uri) == good
    assert AllowedRoot(home / 'link').existing('bags/good') == good
    assert root.existing('bags/good/good.mcap') == good / 'good.mcap'
    assert root.new('new/deep/bag') == home / 'root' / 'new' / 'deep' / 'bag'
    assert AllowedRoot('/').existing(str(good)) == good


ATTACKS = [
    '..', '../secret', 'bags/../../secret', 'bags/good/../../../secret/secret.mcap', 'out',
    'out/secret.mcap', 'out/new', 'chain', '../rootless', '../root2', '/', '/etc/passwd',
    '/proc/self/root/etc', '/proc/self/cwd', 'in/../../secret', '//etc', 'nothing/../../secret',
]  # fmt: skip


@pytest.mark.parametrize('uri', ATTACKS)
def test_paths_out_of_the_root_are_refused(home: Path, uri: str) -> None:
    root = AllowedRoot(home / 'root')
    for ask in (root.existing, root.new):
        with pytest.raises(InputError, match='leads out of the allowed root') as raised:
            ask(uri)
        assert repr(uri) in str(raised.value)
        assert str(home / 'root') in str(raised.value)


@pytest.mark.parametrize('uri', ['', ' ', 'a\0b', '\0', 'ring', 'ring/x', 'x' * 5000])
def test_invalid_paths_are_refused_in_one_line(home: Path, uri: str) -> None:
    with pytest.raises(InputError) as raised:
        AllowedRoot(home / 'root').existing(uri)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


def test_the_root_itself(home: Path) -> None:
    root = AllowedRoot(home / 'root')
    for uri in ('.', 'bags/..', str(home / 'link')):
        with pytest.raises(InputError, match='the allowed root itself'):
            root.new(uri)
    for wrong in ('nothing', 'secret/secret.mcap', 'root/ring', 'a\0b'):
        with pytest.raises(InputError, match='not a folder'):
            AllowedRoot(home / wrong)


def test_a_missing_path_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match='no such bag'):
        AllowedRoot(home / 'root').existing('bags/bad')


def bag(home: Path) -> Path:
    """Return a folder like that of a bag, without data."""
    folder = home / 'root' / 'bag'
    folder.mkdir()
    (folder / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n')
    return folder


@pytest.mark.parametrize('name', ['bag.mcap', 'metadata.yaml', 'deep/bag.mcap'])
def test_links_within_a_bag(home: Path, name: str) -> None:
    folder = bag(home)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(home / 'secret' / 'secret.mcap')
    with pytest.raises(InputError, match='leads out'):
        AllowedRoot(home / 'root').existing('bag')
    (folder / name).unlink()
    (folder / name).symlink_to(home / 'root' / 'bags' / 'good' / 'good.mcap')
    assert AllowedRoot(home / 'root').existing('bag') == folder


def test_a_linked_folder_within_a_bag(home: Path) -> None:
    (bag(home) / 'more').symlink_to(home / 'secret')
    with pytest.raises(InputError, match='leads out'):
        AllowedRoot(home / 'root').existing('bag')


def test_a_pipe_is_refused(home: Path) -> None:
    """Reading it would block forever."""
    os.mkfifo(home / 'root' / 'bags' / 'good' / 'pipe.db3')
    for uri in ('bags/good', 'bags/good/pipe.db3'):
        with pytest.raises(InputError, match='neither a file nor a folder'):
            AllowedRoot(home / 'root').existing(uri)


PARTS = ('.', '..', 'bags', 'good', 'in', 'out', 'chain', 'secret', 'root', '', 'x')
parts = st.sampled_from(PARTS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(parts, min_size=1, max_size=8), st.booleans())
def test_no_accepted_path_is_outside(home: Path, names: list[str], absolute: bool) -> None:
    """Accepted paths are in the root for the operating system, too."""
    uri = '/'.join(names)
    uri = f'{home}/{uri}' if absolute else uri
    inside = os.path.realpath(home / 'root')
    truth = os.path.realpath(os.path.join(inside, uri))  # noqa: PTH118
    lies_in = os.path.commonpath([inside, truth]) == inside
    try:
        path = AllowedRoot(home / 'root').new(uri)
    except InputError:
        assert not lies_in or truth == inside or not uri
    else:
        assert str(path) == truth
        assert lies_in


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_resolved_or_refused(home: Path, uri: str) -> None:
    root = AllowedRoot(home / 'root')
    for ask in (root.existing, root.new):
        with suppress(InputError):
            assert ask(uri).is_relative_to(root.path)
