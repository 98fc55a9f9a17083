"""Paths at which bags lie or shall lie, looked at before anything is opened or written."""

from __future__ import annotations

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
        As `open_raw_bag`.

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
    for folder in path.resolve().parents:
        with suppress(OSError), (folder / METADATA).open('rb') as file:
            if METADATA_KEY.encode() in file.read(_BEGIN):
                raise InputError(f'{path}: lies in the bag {folder}; name another output')


def reindex(path: Path) -> str:
    """Return what mends a bag whose metadata are missing or wrong."""
    return f'run: ros2 bag reindex {path}'
