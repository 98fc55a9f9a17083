"""Outputs that are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from strongsort_ros.errors import InputError

_NOT_WRITTEN: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
_MOST_LINKS: Final = 40  # as the system follows
_DEVICES: Final = Path('/dev')
_PROCESSES: Final = Path('/proc')
_PERMISSIONS: Final = 0o777
_staging: ContextVar[Path | None] = ContextVar('staging', default=None)


@contextmanager
def staging(folder: Path) -> Iterator[None]:
    """Let `replacing` write within `folder` before it moves what was written.

    Whoever starts a worker that may be killed can clean up after it so, by removing the folder.
    It lies beside the outputs.
    """
    token = _staging.set(folder)
    try:
        yield
    finally:
        _staging.reset(token)


@contextmanager
def replacing(target: Path | str, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a path to write to, and move what was written to `target` when all went well.

    The path lies in a hidden folder beside `target` and has its name, so the move is one step
    of the file system. After an exception, an interrupt included, nothing is left behind and
    an older `target` is as it was.

    A link stays, and what it leads to is replaced. A file that is replaced hands down its mode,
    and its owner where that is allowed; a new one gets the mode that the umask gives. What is no
    file, a FIFO or a device such as /dev/stdout, is written to at the end.

    Parameters
    ----------
    target
        File or folder to be.
    overwrite
        Replace a file that exists; a folder is never replaced.

    Raises
    ------
    InputError
        The folder of `target` cannot be made or written to, `target` exists, or the disk is full.

    """
    target = Path(target)
    place, special = _destination(target)
    if place.is_dir() or not overwrite:
        refuse_existing(target)
    with _hidden_folder(target, None if special else place) as hidden:
        written = hidden / target.name
        yield written
        if special:
            with written.open('rb') as content, place.open('ab') as out:
                shutil.copyfileobj(content, out)
        else:
            _hand_down(place, written)
            written.replace(place)


@contextmanager
def replacing_together(target: Path | str, *beside: Path) -> Iterator[Path]:
    """Give a path to write to, as `replacing`; what is written beside it comes with it.

    Parameters
    ----------
    target
        File or folder to be; it must not exist. It comes last: where it is, all is.
    beside
        Others to be in the same folder, written beside the path that is given; the same applies.

    Raises
    ------
    InputError
        As `replacing`.

    """
    target, moved = Path(target), []
    try:
        with replacing(target, overwrite=False) as written:
            for path in beside:
                refuse_existing(path)
            yield written
            for path in beside:
                moved.append(path)
                (written.parent / path.name).replace(path)
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(target: Path | str, marker: str) -> Iterator[Path]:
    """Give a folder beside `target` to write to, and put it in its place when all went well.

    Parameters
    ----------
    target
        Folder to be; one of an earlier run, or an empty one, is replaced.
    marker
        File by which the folder of an earlier run is known; to be written by the caller.

    Raises
    ------
    InputError
        `target` holds something else, cannot be written, or the disk is full.

    """
    target = Path(target)
    place, _ = _destination(target)
    if os.path.lexists(place) and not _is_ours(place, marker):
        raise InputError(f'{target}: exists and holds something else; name another output')
    with _hidden_folder(target, place) as hidden:
        written = hidden / 'new'
        written.mkdir()
        yield written
        # Outside of the hidden folder, which is removed whatever happens.
        older = hidden.with_name(f'{hidden.name}.old')
        try:
            if place.exists():
                place.replace(older)
            written.replace(place)
        except BaseException:
            if older.exists():
                older.replace(place)
            raise
        shutil.rmtree(older, ignore_errors=True)


def refuse_existing(target: Path) -> None:
    """Refuse to write what is there already, be it a link that leads nowhere.

    Raises
    ------
    InputError
        It is there.

    """
    if os.path.lexists(target):
        raise InputError(f'{target}: exists already; remove it or name another output')


@contextmanager
def _hidden_folder(target: Path, place: Path | None) -> Iterator[Path]:
    """Give a folder to write in, and remove it in the end.

    Parameters
    ----------
    target
        What the user named, for messages.
    place
        What will be replaced: the folder is made beside it, and the folders above it with it;
        None: somewhere in the temporary folder.

    """
    made: list[Path] = []
    try:
        if place is None:
            hidden = Path(tempfile.mkdtemp(prefix=f'.{target.name}.'))
        else:
            made = [folder for folder in place.parents if not folder.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            hidden = Path(tempfile.mkdtemp(prefix=f'.{target.name}.', dir=_beside(place)))
    except OSError as error:
        raise InputError(f'{target}: cannot write there: {error.strerror}') from error
    try:
        yield hidden
    except OSError as error:
        if error.errno in _NOT_WRITTEN:
            raise InputError(f'{target}: cannot write it: {error.strerror}') from error
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if place is not None and not place.exists():
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()


def _beside(place: Path) -> Path:
    """Return the folder to write in: the staging folder, if `place` is of its file system."""
    staged = _staging.get()
    if staged is not None and staged.stat().st_dev == place.parent.stat().st_dev:
        return staged
    return place.parent


def _destination(target: Path) -> tuple[Path, bool]:
    """Return where links lead from `target`, and whether that is to be written to as it is.

    So is what is no file, and what is reached by a link in /dev or /proc, even where that is a
    file: the output of a shell's `> file` has to stay the same file.
    """
    place = target
    for _ in range(_MOST_LINKS):
        if not place.is_symlink():
            return place, place.exists() and not (place.is_file() or place.is_dir())
        folder = place.parent.resolve()
        if (folder == _DEVICES or folder.is_relative_to(_PROCESSES)) and not place.is_dir():
            return place, True
        place = place.parent / place.readlink()
    raise InputError(f'{target}: links that lead nowhere')


def _hand_down(older: Path, written: Path) -> None:
    """Give what is written the mode and owner of the file that it replaces, or a new file's."""
    if not written.is_file():
        return
    try:
        there = older.stat()
    except FileNotFoundError:
        plain = written.with_name('.mode')
        plain.touch()
        written.chmod(plain.stat().st_mode & _PERMISSIONS)
        return
    with suppress(PermissionError):
        os.chown(written, there.st_uid, there.st_gid)
    written.chmod(there.st_mode & _PERMISSIONS)


def _is_ours(folder: Path, marker: str) -> bool:
    return folder.is_dir() and ((folder / marker).is_file() or not any(folder.iterdir()))
