"""A folder of results is there as a whole or not at all, and replaces only its own kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.recording.output_folder import replacing_folder


def write(target: Path, text: str) -> None:
    with replacing_folder(target, 'done.txt') as folder:
        (folder / 'done.txt').write_text(text)


def test_it_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / 'deep' / 'out'
    write(target, 'one')
    (target / 'stale.txt').touch()
    write(target, 'two')
    assert {path.name: path.read_text() for path in target.iterdir()} == {'done.txt': 'two'}
    assert list(target.parent.iterdir()) == [target]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    write(tmp_path / 'out', 'one')
    assert (tmp_path / 'out' / 'done.txt').is_file()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_what_failed(tmp_path: Path, error: type[BaseException]) -> None:
    write(tmp_path / 'out', 'one')

    def fail() -> None:
        with replacing_folder(tmp_path / 'out', 'done.txt') as folder:
            (folder / 'half').touch()
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == [tmp_path / 'out']
    assert (tmp_path / 'out' / 'done.txt').read_text() == 'one'


def test_what_is_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'chapter.txt').touch()
    with pytest.raises(InputError, match='thesis: exists'):
        write(tmp_path / 'thesis', 'one')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file: exists'):
        write(tmp_path / 'file', 'one')
    with pytest.raises(InputError, match='cannot write there'):
        write(tmp_path / 'file' / 'out', 'one')
    assert not list(tmp_path.glob('.*'))
