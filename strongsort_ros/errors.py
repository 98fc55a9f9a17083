"""Errors that a user can mend: what is wrong, where, and what to do next.

Commands, nodes and the refiner's worker treat them alike: one line for the user. Whatever else is
raised is a mistake in the program and keeps its traceback in the log.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

LONGEST_TEXT: Final = 600
"""Characters of an error's line; files and messages choose what is quoted in it."""


class StrongSortError(Exception):
    """Base of all errors of this package."""


class InputError(StrongSortError, ValueError):
    """A file, a bag, an option or an array cannot be used."""


class SettingError(StrongSortError, ValueError):
    """A setting is unknown or out of its range."""


class ExtractorError(StrongSortError, ValueError):
    """Weights or a device cannot be used."""


class MessageError(StrongSortError, ValueError):
    """The bytes are not the ROS message that they should be."""


class LimitError(MessageError):
    """A message holds more of something than is allowed."""


class ImageError(StrongSortError, ValueError):
    """An image cannot be used; `reason` is one word to count it by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class MissingPackageError(StrongSortError, ImportError):
    """A Python package that is needed for what was asked is not installed."""


def one_line(error: BaseException) -> str:
    """Return an error in one line of bounded length.

    An error of the system begins with the file's name, one that is neither of this package nor of
    the system with the name of its type.
    """
    if isinstance(error, OSError) and error.filename:
        text = f'{error.filename}: {error.strerror}'
    elif isinstance(error, (StrongSortError, OSError)):
        text = str(error)
    else:
        text = f'{type(error).__name__}: {error}'
    return shorten(text)


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text in one line, its middle left out where it is longer than `longest`."""
    if len(text) > 4 * longest:
        # Before it is split into words: what a bag says can be hundreds of megabytes.
        text = f'{text[: 2 * longest]} ... {text[-longest:]}'
    text = ' '.join(text.split())
    if len(text) <= longest:
        return text
    return f'{text[: longest * 2 // 3]} ... {text[-(longest // 3) + 5 :]}'


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return '; did you mean X?' with the known name that is nearest to an unknown one, or ''."""
    near = difflib.get_close_matches(name[:LONGEST_TEXT], known, 1, cutoff=0.7)
    return f'; did you mean {near[0]}?' if near else ''
