"""What all tests share: where the real sequences are, and the count of what was skipped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A shell starts background jobs with interrupts ignored, and their children inherit that; tests
# that interrupt a program need it to listen.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add how long to go on with bad messages."""
    parser.addoption(
        '--fuzz-messages', type=int, default=4000, metavar='N',
        help='bad messages that the node receives in test/nodes/test_fuzz.py',
    )  # fmt: skip


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder of real sequences, weights and golden output; the test is skipped without it."""
    folder = Path(os.environ.get('STRONGSORT_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no test data at {folder}: set STRONGSORT_DATA to the folder that holds it')
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and why, even in a quiet run."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get('skipped', []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    terminalreporter.write_line(f'skips: {sum(reasons.values())}')
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f'  {count} x {reason}')
