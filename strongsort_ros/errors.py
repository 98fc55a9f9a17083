"""Errors with a message for the user: what is wrong, where, and what to do.

Commands, nodes and the refiner's worker report them in one line. Any other exception is a bug, and
is logged with its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

LONGEST_TEXT: Final = 600
"""Longest error message, characters: it can quote text of files and messages."""


class StrongSortError(Exception):
    """Base of all errors of this package."""


class InputError(StrongSortError, ValueError):
    """A file, bag, option or array is missing, damaged or wrong."""


class SettingError(StrongSortError, ValueError):
    """A setting is unknown, has the wrong type or is out of its range."""


class ExtractorError(StrongSortError, ValueError):
    """The weights or the device of a network are missing, damaged or wrong."""


class MessageError(StrongSortError, ValueError):
    """Bytes are not a ROS message of the expected type."""


class LimitError(MessageError):
    """A message is larger than a limit."""


class ImageError(StrongSortError, ValueError):
    """An image cannot be decoded; `reason` is a short name, for counters."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class MissingPackageError(StrongSortError, ImportError):
    """An optional Python package is not installed."""


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line of at most `LONGEST_TEXT` characters.

    That of an OSError begins with the file name, that of an error from outside this package with
    its type.
    """
    if isinstance(error, OSError) and error.filename:
        text = f'{error.filename}: {error.strerror}'
    elif isinstance(error, (StrongSortError, OSError)):
        text = str(error)
    else:
        text = f'{type(error).__name__}: {error}'
    return shorten(text)


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return text in one line, without its middle where it is longer than `longest`."""
    if len(text) > 4 * longest:
        # Before it is split: text from a bag can have hundreds of megabytes.
        text = f'{text[: 2 * longest]} ... {text[-longest:]}'
    text = ' '.join(text.split())
    if len(text) <= longest:
        return text
    return f'{text[: longest * 2 // 3]} ... {text[-(longest // 3) + 5 :]}'


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return '; did you mean X?' with the most similar known name, or ''."""
    near = difflib.get_close_matches(name[:LONGEST_TEXT], known, 1, cutoff=0.7)
    return f'; did you mean {near[0]}?' if near else ''
