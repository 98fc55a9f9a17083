"""How the tests call the command."""

from __future__ import annotations

import pytest

from strongsort_ros.cli.main import main

Capture = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    """Return the exit status of a command."""
    return main([str(argument) for argument in arguments])


def last_line(capsys: Capture) -> str:
    """Return the last line that was printed to the standard output."""
    return capsys.readouterr().out.splitlines()[-1]
