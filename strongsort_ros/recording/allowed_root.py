"""A folder that requests from outside cannot lead out of."""

from __future__ import annotations

import os
from pathlib import Path

from strongsort_ros.errors import InputError

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
