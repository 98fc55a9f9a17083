"""The one exception for files that cannot be used."""

from __future__ import annotations


class InputError(ValueError):
    """A file or an option is not usable; the message says what, where and what to do next."""
