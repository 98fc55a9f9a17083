"""Outputs are complete or absent."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing, replacing_folder, replacing_together, staging


def test_file_is_moved_into_place(tmp_path: Path) -> None:
    """The new file replaces the old one, and nothing else is left in the folder."""
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


def test_missing_folders_are_created_and_removed_after_a_failure(tmp_path: Path) -> None:
    with replacing(tmp_path / 'new' / 'file') as path:
        path.touch()
    assert (tmp_path / 'new' / 'file').exists()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / 'other' / 'file'):
        _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ['new']


def put(target: Path, text: str) -> None:
    with replacing(target) as written:
        written.write_text(text)


def test_a_symbolic_link_stays(tmp_path: Path) -> None:
    """The destination of a link is replaced in one step, or created."""
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'file').write_text('old')
    (tmp_path / 'one').symlink_to('there/file')
    (tmp_path / 'two').symlink_to(tmp_path / 'one')
    (tmp_path / 'none').symlink_to('there/none')
    put(tmp_path / 'two', 'new')
    put(tmp_path / 'none', 'first')
    assert (tmp_path / 'two').is_symlink()
    assert (tmp_path / 'one').is_symlink()
    assert (tmp_path / 'there' / 'file').read_text() == 'new'
    assert (tmp_path / 'there' / 'none').read_text() == 'first'
    assert sorted(path.name for path in tmp_path.rglob('*')) == [
        'file', 'none', 'none', 'one', 'there', 'two',
    ]  # fmt: skip
    (tmp_path / 'ring').symlink_to('ring')
    with pytest.raises(InputError, match='ring: too many levels'):
        put(tmp_path / 'ring', 'new')


def test_a_fifo_is_written_to(tmp_path: Path) -> None:
    """The reader of a FIFO gets the data, through a link, too, and the FIFO stays."""
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    (tmp_path / 'link').symlink_to(fifo)
    for target in (fifo, tmp_path / 'link'):
        with subprocess.Popen(['cat', str(fifo)], stdout=subprocess.PIPE) as reader:
            try:
                put(target, 'whole')
                assert reader.communicate(timeout=30)[0] == b'whole'
            finally:
                reader.kill()
    assert fifo.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['fifo', 'link']


def test_a_device_is_written_to(tmp_path: Path) -> None:
    """A file that a shell has opened, named by /dev/fd, also stays the same file."""
    put(Path('/dev/null'), 'gone')
    assert Path('/dev/null').is_char_device()
    with (tmp_path / 'out').open('w+') as out:
        out.write('before ')
        out.flush()
        put(Path(f'/dev/fd/{out.fileno()}'), 'after')
        assert (tmp_path / 'out').read_text() == 'before after'
        assert os.fstat(out.fileno()).st_ino == (tmp_path / 'out').stat().st_ino


@pytest.mark.parametrize('mode', [0o600, 0o644, 0o664, 0o755])
def test_mode_and_owner_stay(tmp_path: Path, mode: int) -> None:
    target = tmp_path / 'file'
    target.touch()
    if os.geteuid() == 0:
        os.chown(target, 1234, 2345)
    target.chmod(mode)
    before = target.stat()
    put(target, 'new')
    after = target.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    """The mode of the temporary file does not matter: safetensors creates private files."""
    plain = tmp_path / 'plain'
    plain.touch()
    with replacing(tmp_path / 'file') as written:
        written.touch(0o600)
    assert (tmp_path / 'file').stat().st_mode == plain.stat().st_mode


def full() -> None:
    raise OSError(errno.ENOSPC, 'No space left on device')


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """For files and folders; the existing one stays unchanged."""
    put(tmp_path / 'file', 'old')
    write_folder(tmp_path / 'out', 'old')
    with pytest.raises(InputError, match='file: cannot write it'), replacing(tmp_path / 'file'):
        full()
    with (
        pytest.raises(InputError, match='out: cannot write it'),
        replacing_folder(tmp_path / 'out', 'done.txt'),
    ):
        full()
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['done.txt', 'file', 'out']
    assert (tmp_path / 'out' / 'done.txt').read_text() == 'old'


def test_an_older_folder_is_restored_when_the_new_one_cannot_be_moved(tmp_path: Path) -> None:
    """The new folder disappears before it is moved, as after a disk failure."""
    write_folder(tmp_path / 'out', 'old')

    def lose() -> None:
        with replacing_folder(tmp_path / 'out', 'done.txt') as folder:
            folder.rmdir()

    with pytest.raises(FileNotFoundError):
        lose()
    assert [path.name for path in tmp_path.iterdir()] == ['out']
    assert (tmp_path / 'out' / 'done.txt').read_text() == 'old'


def write_folder(target: Path, text: str) -> None:
    with replacing_folder(target, 'done.txt') as folder:
        (folder / 'done.txt').write_text(text)


def test_a_folder_is_replaced_completely(tmp_path: Path) -> None:
    target = tmp_path / 'deep' / 'out'
    write_folder(target, 'one')
    (target / 'stale.txt').touch()
    write_folder(target, 'two')
    assert {path.name: path.read_text() for path in target.iterdir()} == {'done.txt': 'two'}
    assert list(target.parent.iterdir()) == [target]


def test_an_empty_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    write_folder(tmp_path / 'out', 'one')
    assert (tmp_path / 'out' / 'done.txt').is_file()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_a_failed_folder(tmp_path: Path, error: type[BaseException]) -> None:
    write_folder(tmp_path / 'out', 'one')

    def fail() -> None:
        with replacing_folder(tmp_path / 'out', 'done.txt') as folder:
            (folder / 'half').touch()
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == [tmp_path / 'out']
    assert (tmp_path / 'out' / 'done.txt').read_text() == 'one'


def test_a_folder_without_the_marker_stays(tmp_path: Path) -> None:
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'chapter.txt').touch()
    with pytest.raises(InputError, match='thesis: exists'):
        write_folder(tmp_path / 'thesis', 'one')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file: exists'):
        write_folder(tmp_path / 'file', 'one')
    with pytest.raises(InputError, match='cannot write there'):
        write_folder(tmp_path / 'file' / 'out', 'one')
    assert not list(tmp_path.glob('.*'))


def write_together(target: Path, *beside: Path) -> None:
    with replacing_together(target, *beside) as written:
        for path in beside:
            put(written.parent / path.name, 'new')
        put(written, 'new')


def test_outputs_written_together_appear_together(tmp_path: Path) -> None:
    write_together(tmp_path / 'bag', tmp_path / 'bag.txt', tmp_path / 'bag.csv')
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ('bag', 'bag.txt', 'bag.csv'), 'new'
    )


def test_if_one_of_several_outputs_fails_all_are_removed(tmp_path: Path) -> None:
    """The last of three is missing when it should be moved, after the others were."""

    def lose() -> None:
        with replacing_together(tmp_path / 'bag', tmp_path / 'a', tmp_path / 'b') as written:
            put(written.parent / 'a', 'new')
            (written.parent / 'b').mkdir()

    with pytest.raises(FileNotFoundError):
        lose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('there', ['bag', 'bag.txt'])
def test_outputs_written_together_replace_nothing(tmp_path: Path, there: str) -> None:
    put(tmp_path / there, 'old')
    with pytest.raises(InputError, match=f'{there}: exists already'):
        write_together(tmp_path / 'bag', tmp_path / 'bag.txt')
    assert [path.read_text() for path in tmp_path.iterdir()] == ['old']


def test_a_staging_folder_in_the_file_system_of_the_output_is_used(tmp_path: Path) -> None:
    work, target = tmp_path / 'work', tmp_path / 'out' / 'file'
    work.mkdir()
    with staging(work), replacing(target) as written:
        assert work in written.parents
        put(written, 'new')
    assert target.read_text() == 'new'
    assert list(work.iterdir()) == []


def test_a_staging_folder_of_another_file_system_is_not_used(tmp_path: Path) -> None:
    """/dev/shm is a separate file system."""
    with tempfile.TemporaryDirectory(dir='/dev/shm') as work:
        assert Path(work).stat().st_dev != tmp_path.stat().st_dev
        with staging(Path(work)), replacing(tmp_path / 'file') as written:
            assert tmp_path in written.parents
            written.write_text('new')
    assert (tmp_path / 'file').read_text() == 'new'


def test_an_interrupt_while_the_folder_is_made_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_frame: object, event: str, called: object) -> None:
        if event == 'c_return' and called is os.mkdir:
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), replacing(tmp_path / 'out.txt'):
            pass
    finally:
        sys.setprofile(None)
    assert list(tmp_path.iterdir()) == []
