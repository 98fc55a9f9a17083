"""A folder that requests from outside cannot lead out of."""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongsort_ros.errors import InputError

METADATA: Final = 'metadata.yaml'
METADATA_KEY: Final = 'rosbag2_bagfile_information'
"""File in every bag, and the key with which it begins."""
SUFFIXES: Final = ('.mcap', '.db3')
MAX_NAME_BYTES: Final = 240
"""Longest name of a new bag: those of its files are a little longer, of at most 255 bytes."""
MAX_NEW_FOLDERS: Final = 100
"""Largest number of folders created for a new bag; deeper ones exhaust the recursion of mkdir."""

_CONTROL: Final = ('Cc', 'Cs', 'Zl', 'Zp')  # Unicode's control, surrogate, line, paragraph
_BEGIN: Final = 4096


def is_bag(path: Path) -> bool:
    """Return whether a path is to be read as a bag, good or not."""
    return path.is_dir() or path.suffix in SUFFIXES


def check_is_bag(path: Path) -> None:
    """Refuse what is no bag at first sight.

    Raises
    ------
    InputError
        As `open_bag`.

    """
    try:
        if not path.exists():
            raise InputError(f'{path}: there is no such bag')
        if path.is_file():
            if not is_bag(path):
                raise InputError(f'{path}: not a readable bag: expected a name with .mcap or .db3')
            return
        if (path / METADATA).exists():
            return
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise InputError(f'{path}: not a readable bag: {error.strerror}') from error
    if any(name.endswith((*SUFFIXES, '.zstd')) for name in names):
        raise InputError(f'{path}: not indexed, it has no {METADATA}; {reindex(path)}')
    there = ', '.join(names[:5]) or 'nothing'
    raise InputError(f'{path}: no bag: neither {METADATA} nor .mcap or .db3 but {there}')


def check_new_bag(path: Path) -> None:
    """Refuse a path at which no bag can be written, whether or not something is there.

    Raises
    ------
    InputError
        A folder that has to be made has a control character in its name, no UTF-8, or a name that
        is too long; or the path lies in another bag.

    """
    made = [path.name, *(folder.name for folder in path.parents if not folder.exists())]
    if any(unicodedata.category(letter) in _CONTROL for name in made for letter in name):
        raise InputError(f'{str(path)!r}: a control character in the name; name another output')
    if len(path.name.encode()) > MAX_NAME_BYTES:
        raise InputError(f'{path}: cannot write there: File name too long')
    if len(made) > MAX_NEW_FOLDERS:
        raise InputError(f'{path}: {len(made)} new folders, at most {MAX_NEW_FOLDERS} are allowed')
    for folder in path.resolve().parents:
        with suppress(OSError), (folder / METADATA).open('rb') as file:
            if METADATA_KEY.encode() in file.read(_BEGIN):
                raise InputError(f'{path}: lies in the bag {folder}; name another output')


def reindex(path: Path) -> str:
    """Return what mends a bag whose metadata are missing or wrong."""
    return f'run: ros2 bag reindex {path}'


_LONGEST = 200  # letters of a path in a message


class AllowedRoot:
    """Bounds where files are read and written.

    Relative paths count from the root; absolute ones are used as they are. Wherever links and
    `..` lead, the end has to lie in the root. Who can change the root's content while a path is
    in use is not guarded against, nor are hard links, which nothing tells from files.

    Parameters
    ----------
    root
        A folder, or a link to one.

    Raises
    ------
    InputError
        There is no such folder.

    """

    def __init__(self, root: Path | str) -> None:
        try:
            self.path = Path(root).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, 'strerror', None) or type(error).__name__
            raise InputError(f'{str(root)!r}: no folder to allow: {why}') from error
        if not self.path.is_dir():
            raise InputError(f'{str(root)!r}: no folder to allow')

    def existing(self, uri: str) -> Path:
        """Return the file or folder to read, without links.

        Of a folder, everything in it is checked; a bag's metadata can name no other files.

        Raises
        ------
        InputError
            It is not there, or it or something in it leads out.

        """
        path = self._inside(uri, self.path)
        if not path.exists():
            raise InputError(f'{uri!r}: there is no such bag in {self.path}')
        self._check_kind(path)
        if path.is_dir():
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    self._check_kind(self._inside(str(Path(folder, name)), self.path))
        return path

    def new(self, uri: str) -> Path:
        """Return the path to write, without links; whether it exists is not looked at.

        Raises
        ------
        InputError
            It leads out, or is the root.

        """
        path = self._inside(uri, self.path)
        if path == self.path:
            raise InputError(f'{uri!r}: the allowed root itself, {self.path}; name something in it')
        return path

    def _inside(self, uri: str, base: Path) -> Path:
        """Return where a path leads that counts from `base`."""
        said = repr(uri if len(uri) < _LONGEST else f'{uri[:_LONGEST]}...')
        if not uri.strip():
            raise InputError(f'{said}: no path')
        try:
            path = (base / uri).resolve()
            path.exists()
        # Too long, with a zero byte in it, or a ring of links.
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, 'strerror', None) or type(error).__name__
            raise InputError(f'{said}: no path: {why}') from error
        if not path.is_relative_to(self.path):
            raise InputError(f'{said}: leads out of the allowed root {self.path}')
        return path

    def _check_kind(self, path: Path) -> None:
        # Reading a pipe would never end.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f'{path}: neither a file nor a folder')
