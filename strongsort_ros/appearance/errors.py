"""The one error of this room."""

from __future__ import annotations


class ExtractorError(ValueError):
    """Weights or a device cannot be used; the message names them and says what to do next."""
