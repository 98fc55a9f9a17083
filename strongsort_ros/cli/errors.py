"""Errors of a user's input, and how they are said."""

from __future__ import annotations


def input_errors() -> tuple[type[Exception], ...]:
    """Return the errors that say what is wrong with an input, an option or a disk."""
    from strongsort_ros.appearance.errors import ExtractorError
    from strongsort_ros.recording.errors import InputError

    return InputError, ExtractorError, OSError


def one_line(error: Exception) -> str:
    """Return what an error says, in one line; one that nobody foresaw with its name."""
    if isinstance(error, OSError) and error.filename:
        return f'{error.filename}: {error.strerror}'
    text = ' '.join(str(error).split())
    return text if isinstance(error, input_errors()) else f'{type(error).__name__}: {text}'
