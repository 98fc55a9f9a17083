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

from strongsort_ros.errors import InputError

_NOT_WRITTEN = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
_staging: ContextVar[Path | None] = ContextVar('staging', default=None)


@contextmanager
def staging(folder: Path) -> Iterator[None]:
    """Let `replacing` write within `folder` before it moves what was written.

    Whoever starts a worker that may be killed can clean up after it so, by removing the folder.
    It lies in the same file system as the outputs.
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
    made: list[Path] = []
    try:
        if target.is_dir() or not overwrite:
            refuse_existing(target)
        made = [folder for folder in target.parents if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        place = _staging.get() or target.parent
        hidden = Path(tempfile.mkdtemp(prefix=f'.{target.name}.', dir=place))
    except OSError as error:
        raise InputError(f'{target}: cannot write there: {error.strerror}') from error
    try:
        written = hidden / target.name
        yield written
        written.replace(target)
    except OSError as error:
        if error.errno in _NOT_WRITTEN:
            raise InputError(f'{target}: cannot write it: {error.strerror}') from error
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if not target.exists():
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()


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


def refuse_existing(target: Path) -> None:
    """Refuse to write what is there already, be it a link that leads nowhere.

    Raises
    ------
    InputError
        It is there.

    """
    if os.path.lexists(target):
        raise InputError(f'{target}: exists already; remove it or name another output')
