"""A folder of results: there as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongsort_ros.errors import InputError


@contextmanager
def replacing_folder(target: Path | str, marker: str) -> Iterator[Path]:
    """Give a folder beside `target` to write to, and put it in its place when all went well.

    Parameters
    ----------
    target
        Folder to be; one of an earlier run is replaced.
    marker
        File by which the folder of an earlier run is known; to be written by the caller.

    Raises
    ------
    InputError
        `target` holds something else, or cannot be written.

    """
    target = Path(target)
    if target.exists() and not _is_ours(target, marker):
        raise InputError(f'{target}: exists and holds something else; name another output')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=f'.{target.name}.', dir=target.parent))
    except OSError as error:
        raise InputError(f'{target}: cannot write there: {error.strerror}') from error
    try:
        written = hidden / 'new'
        written.mkdir()
        yield written
        if target.exists():
            target.replace(hidden / 'old')
        written.replace(target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _is_ours(folder: Path, marker: str) -> bool:
    return folder.is_dir() and ((folder / marker).is_file() or not any(folder.iterdir()))
