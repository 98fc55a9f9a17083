"""Write outputs atomically: a file or folder appears complete or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from strongsort_ros.errors import InputError

_WRITE_ERRORS: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
_MAX_LINKS: Final = 40  # as in Linux
_DEVICES: Final = Path('/dev')
_PROCESSES: Final = Path('/proc')
_PERMISSIONS: Final = 0o777
_staging: ContextVar[Path | None] = ContextVar('staging', default=None)


@contextmanager
def staging(folder: Path) -> Iterator[None]:
    """Let `replacing` use `folder`, beside the outputs, for its temporary files.

    A parent process that removes this folder cleans up after a worker that was killed.
    """
    token = _staging.set(folder)
    try:
        yield
    finally:
        _staging.reset(token)


@contextmanager
def replacing(target: Path | str, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces `target` when the block ends.

    The temporary path has the name of `target` and lies in a hidden folder beside it, so that the
    replacement is one operation of the file system. After an exception or an interrupt, nothing is
    left behind and an existing `target` is unchanged.

    A symbolic link stays, and its destination is replaced. The new file gets the mode of the old
    one, and its owner where permitted; otherwise the mode follows the umask. A FIFO or a device
    such as /dev/stdout is not replaced but written to at the end.

    Parameters
    ----------
    target
        Output file or folder.
    overwrite
        Replace an existing file; a folder is never replaced.

    Raises
    ------
    InputError
        The folder of `target` cannot be created or written to, `target` exists, or the disk is
        full.

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
            _copy_mode(place, written)
            written.replace(place)


@contextmanager
def replacing_together(target: Path | str, *beside: Path) -> Iterator[Path]:
    """Yield a temporary path as `replacing` does; files written beside it are moved with it.

    Parameters
    ----------
    target
        Output file or folder; it must not exist. It is moved last: if it exists, all outputs do.
    beside
        More outputs in the same folder, to be written beside the temporary path under their names;
        they must not exist.

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
    """Yield a temporary folder, which replaces the folder `target` when the block ends.

    Parameters
    ----------
    target
        Output folder. An empty folder or one of an earlier run is replaced.
    marker
        Name of a file that the caller writes and that identifies the folder of an earlier run.

    Raises
    ------
    InputError
        `target` has other content or cannot be written, or the disk is full.

    """
    target = Path(target)
    place, _ = _destination(target)
    if os.path.lexists(place) and not _is_earlier_run(place, marker):
        raise InputError(f'{target}: exists and has other content; name another output')
    with _hidden_folder(target, place) as hidden:
        written = hidden / 'new'
        written.mkdir()
        yield written
        # Not in the hidden folder, which is removed in any case.
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


def is_special(target: Path) -> bool:
    """Return whether an output is written in place, such as a device or a FIFO."""
    return _destination(target)[1]


def refuse_existing(target: Path) -> None:
    """Refuse an output that exists; a dangling link counts as existing.

    Raises
    ------
    InputError
        The output exists.

    """
    if os.path.lexists(target):
        raise InputError(f'{target}: exists already; remove it or name another output')


@contextmanager
def _hidden_folder(target: Path, place: Path | None) -> Iterator[Path]:
    """Yield a new hidden folder, and remove it when the block ends.

    Parameters
    ----------
    target
        Output as the user named it, for messages.
    place
        File or folder to replace; the hidden folder and missing parents are created beside it.
        None creates it in the system's temporary folder.

    """
    # The name is chosen first: an interrupt in the middle of mkdtemp would leave the folder behind.
    name, made = f'.{target.name}.{secrets.token_urlsafe(6)}', []
    try:
        if place is None:
            hidden = Path(tempfile.gettempdir(), name)
        else:
            made = [folder for folder in place.parents if not folder.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            hidden = _beside(place) / name
    except OSError as error:
        raise InputError(f'{target}: cannot write there: {error.strerror}') from error
    try:
        try:
            hidden.mkdir(mode=0o700)
        except OSError as error:
            raise InputError(f'{target}: cannot write there: {error.strerror}') from error
        yield hidden
    except OSError as error:
        if error.errno in _WRITE_ERRORS:
            raise InputError(f'{target}: cannot write it: {error.strerror}') from error
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if place is not None and not place.exists():
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()


def _beside(place: Path) -> Path:
    """Return the staging folder if it is on the file system of `place`, else its parent."""
    staged = _staging.get()
    if staged is not None and staged.stat().st_dev == place.parent.stat().st_dev:
        return staged
    return place.parent


def _destination(target: Path) -> tuple[Path, bool]:
    """Follow links from `target`; return the destination and whether to write to it in place.

    Devices and FIFOs are written in place, and so is every destination of a link in /dev or /proc:
    behind /dev/stdout there may be the file of a shell's `> file`, which must stay the same file.
    """
    place = target
    for _ in range(_MAX_LINKS):
        if not place.is_symlink():
            return place, place.exists() and not (place.is_file() or place.is_dir())
        folder = place.parent.resolve()
        if (folder == _DEVICES or folder.is_relative_to(_PROCESSES)) and not place.is_dir():
            return place, True
        place = place.parent / place.readlink()
    raise InputError(f'{target}: too many levels of symbolic links')


def _copy_mode(older: Path, written: Path) -> None:
    """Give a written file the mode and owner of the file it replaces, or those of a new file."""
    if not written.is_file():
        return
    try:
        status = older.stat()
    except FileNotFoundError:
        plain = written.with_name('.mode')
        plain.touch()
        written.chmod(plain.stat().st_mode & _PERMISSIONS)
        return
    with suppress(PermissionError):
        os.chown(written, status.st_uid, status.st_gid)
    written.chmod(status.st_mode & _PERMISSIONS)


def _is_earlier_run(folder: Path, marker: str) -> bool:
    return folder.is_dir() and ((folder / marker).is_file() or not any(folder.iterdir()))
