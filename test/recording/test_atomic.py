"""Outputs are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.recording.atomic import replacing


def test_file_is_moved_into_place(tmp_path: Path) -> None:
    """What was written replaces the older file, and nothing else is left in the folder."""
    target = tmp_path / 'out.txt'
    target.write_text('old')
    with replacing(target) as written:
        written.write_text('new')
        assert target.read_text() == 'old'
        assert written.name == target.name
    assert target.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_failure_leaves_the_older_file(tmp_path: Path, error: type[BaseException]) -> None:
    """An exception or an interrupt leaves the folder as it was."""
    target = tmp_path / 'out.txt'
    target.write_text('old')

    def fail_half_way() -> None:
        with replacing(target) as written:
            written.write_text('half of the n')
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert target.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [target]


def test_folder_is_moved_into_place(tmp_path: Path) -> None:
    """A folder can be an output too."""
    with replacing(tmp_path / 'bag') as written:
        written.mkdir()
        (written / 'a').touch()
    assert [path.name for path in (tmp_path / 'bag').iterdir()] == ['a']


def test_refused_targets(tmp_path: Path) -> None:
    """Folders that exist, parents that are files and, when asked, existing files are refused."""
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    for target, overwrite in (('folder', True), ('file', False), ('file/file', True)):
        with (
            pytest.raises(InputError, match=target),
            replacing(tmp_path / target, overwrite=overwrite),
        ):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ['file', 'folder']


def test_missing_folders_are_made_and_go_again_with_a_failure(tmp_path: Path) -> None:
    with replacing(tmp_path / 'new' / 'file') as path:
        path.touch()
    assert (tmp_path / 'new' / 'file').exists()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / 'other' / 'file'):
        _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ['new']
