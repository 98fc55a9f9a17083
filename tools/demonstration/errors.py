"""The one exception that ends the demonstration with a line."""

from __future__ import annotations


class DemoError(RuntimeError):
    """The demonstration cannot go on; the message says why and what to do next."""
