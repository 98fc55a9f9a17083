"""Check the paths of bags, and confine requests to an allowed folder."""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongsort_ros.errors import InputError

METADATA: Final = 'metadata.yaml'
"""File in the folder of every bag."""
METADATA_KEY: Final = 'rosbag2_bagfile_information'
"""First key of that file."""
SUFFIXES: Final = ('.mcap', '.db3')
MAX_NAME_BYTES: Final = 240
"""Longest name of a new bag; the suffixes of its files must fit within 255 bytes."""
MAX_NEW_FOLDERS: Final = 100
"""Largest number of folders created for a new bag; deeper ones exhaust the recursion of mkdir."""

_CONTROL: Final = ('Cc', 'Cs', 'Zl', 'Zp')  # Unicode: control, surrogate, line, paragraph
_HEAD: Final = 4096  # bytes of a metadata.yaml in which its first key is searched
_QUOTED: Final = 200  # characters of a path quoted in a message


def is_bag(path: Path) -> bool:
    """Return whether a path names a bag rather than a text file; the bag may be damaged."""
    return path.is_dir() or path.suffix in SUFFIXES


def check_is_bag(path: Path) -> None:
    """Refuse a path that is not a bag, before anything is opened.

    Raises
    ------
    InputError
        The path does not exist, or is neither an indexed bag nor a .mcap or .db3 file.

    """
    try:
        if not path.exists():
            raise InputError(f'{path}: no such bag')
        if path.is_file():
            if not is_bag(path):
                raise InputError(f'{path}: not a readable bag: expected a folder, .mcap or .db3')
            return
        if (path / METADATA).exists():
            return
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise InputError(f'{path}: not a readable bag: {error.strerror}') from error
    if any(name.endswith((*SUFFIXES, '.zstd')) for name in names):
        raise InputError(f'{path}: not indexed: no {METADATA}; {reindex_advice(path)}')
    raise InputError(
        f'{path}: not a bag: it has no {METADATA}, .mcap or .db3 file; '
        f'found: {", ".join(names[:5]) or "nothing"}'
    )


def check_new_bag(path: Path) -> None:
    """Refuse a path at which no bag can be written; an existing folder is not checked.

    Raises
    ------
    InputError
        The name of a new folder is too long, or has a control character or invalid UTF-8; or the
        path lies in another bag.

    """
    new_names = [path.name, *(folder.name for folder in path.parents if not folder.exists())]
    if any(unicodedata.category(letter) in _CONTROL for name in new_names for letter in name):
        raise InputError(f'{str(path)!r}: a control character in the name; name another output')
    if len(path.name.encode()) > MAX_NAME_BYTES:
        raise InputError(f'{path}: the name has more than {MAX_NAME_BYTES} bytes')
    if len(new_names) > MAX_NEW_FOLDERS:
        raise InputError(
            f'{path}: {len(new_names)} new folders, at most {MAX_NEW_FOLDERS} are allowed'
        )
    for folder in path.resolve().parents:
        with suppress(OSError), (folder / METADATA).open('rb') as file:
            if METADATA_KEY.encode() in file.read(_HEAD):
                raise InputError(f'{path}: is inside the bag {folder}; name another output')


def reindex_advice(path: Path) -> str:
    """Return the command that repairs missing or wrong metadata."""
    return f'run: ros2 bag reindex {path}'


class AllowedRoot:
    """Folder outside of which requests can neither read nor write.

    Relative paths start at the root. Symbolic links and `..` are resolved, and the result must be
    inside the root. Not covered: hard links, and processes that change the root's content while a
    path is in use.

    Parameters
    ----------
    root
        A folder, or a link to one.

    Raises
    ------
    InputError
        The folder does not exist.

    """

    def __init__(self, root: Path | str) -> None:
        try:
            self.path = Path(root).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f'{str(root)!r}: not a folder: {_reason(error)}') from error
        if not self.path.is_dir():
            raise InputError(f'{str(root)!r}: not a folder')

    def existing(self, uri: str) -> Path:
        """Return the resolved path of a file or folder to read.

        Everything in a folder is checked; a bag's metadata cannot name files elsewhere.

        Raises
        ------
        InputError
            The path does not exist, or it or a link in it leads out of the root.

        """
        path = self._resolve(uri)
        if not path.exists():
            raise InputError(f'{uri!r}: no such bag in {self.path}')
        self._check_kind(path)
        if path.is_dir():
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    self._check_kind(self._resolve(str(Path(folder, name))))
        return path

    def new(self, uri: str) -> Path:
        """Return the resolved path of a file or folder to write; it may exist.

        Raises
        ------
        InputError
            The path leads out of the root, or is the root itself.

        """
        path = self._resolve(uri)
        if path == self.path:
            raise InputError(f'{uri!r}: the allowed root itself, {self.path}; name a path in it')
        return path

    def _resolve(self, uri: str) -> Path:
        quoted = repr(uri if len(uri) < _QUOTED else f'{uri[:_QUOTED]}...')
        if not uri.strip():
            raise InputError(f'{quoted}: not a path')
        try:
            path = (self.path / uri).resolve()
            path.exists()
        # The path is too long, has a zero byte, or links form a loop.
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f'{quoted}: not a path: {_reason(error)}') from error
        if not path.is_relative_to(self.path):
            raise InputError(f'{quoted}: leads out of the allowed root {self.path}')
        return path

    def _check_kind(self, path: Path) -> None:
        # Reading a pipe would block forever.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f'{path}: neither a file nor a folder')


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or type(error).__name__
