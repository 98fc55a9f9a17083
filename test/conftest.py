"""Fixtures and options of all tests: real sequences, missing packages, count of skipped tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import MissingPackageError

SEQINFO = """[Sequence]
name=walk
imDir=img1
frameRate=10
seqLength=6
imWidth=64
imHeight=48
imExt=.jpg
"""

ROOT = Path(__file__).resolve().parent.parent

# Background jobs of a shell ignore SIGINT, and so do their children; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the tests."""
    parser.addoption(
        '--require-data', action='store_true',
        help='fail tests whose real sequences are missing, instead of skipping them',
    )  # fmt: skip
    parser.addoption(
        '--allow-missing-packages', action='store_true',
        help='skip the tests that need a package which is not installed',
    )  # fmt: skip
    parser.addoption(
        '--fuzz-messages', type=int, default=4000, metavar='N',
        help='malformed messages sent to the node in test/nodes/test_fuzz.py',
    )  # fmt: skip


@pytest.fixture(scope='session')
def data_dir(pytestconfig: pytest.Config) -> Path:
    """Folder of real sequences, weights and golden output.

    Without it the test is skipped, or fails with --require-data.
    """
    folder = Path(os.environ.get('STRONGSORT_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        reason = f'no test data at {folder}: set STRONGSORT_DATA to the folder that holds it'
        if pytestconfig.getoption('--require-data'):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return folder


@contextmanager
def skipped_without_package(config: pytest.Config) -> Iterator[None]:
    """Skip a test that needs a missing package, with --allow-missing-packages."""
    try:
        yield
    except MissingPackageError as error:
        if config.getoption('--allow-missing-packages'):
            pytest.skip(str(error))
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip tests whose fixtures need a missing package."""
    with skipped_without_package(item.config):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Skip tests that need a missing package."""
    with skipped_without_package(item.config):
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of skipped tests and the reasons, in quiet runs as well."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get('skipped', []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    terminalreporter.write_line(f'skips: {sum(reasons.values())}')
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f'  {count} x {reason}')


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Folder of a sequence of 6 frames: images 2 to 5, two detections in 2, 3, 5 and 6."""
    folder = tmp_path / 'walk'
    (folder / 'img1').mkdir(parents=True)
    (folder / 'det').mkdir()
    (folder / 'seqinfo.ini').write_text(SEQINFO)
    for frame in range(2, 6):
        image = np.full((48, 64, 3), 20 * frame, dtype=np.uint8)
        image[10:40, 10 + frame : 22 + frame] = (0, 0, 255)
        assert cv2.imwrite(str(folder / 'img1' / f'{frame:06d}.jpg'), image)
    boxes = ((10, 10, 12, 30, 0.9), (40, 12, 10, 25, 0.8))
    lines = [
        f'{frame},-1,{x + frame},{y},{w},{h},{score},-1,-1,-1'
        for frame in (2, 3, 5, 6)
        for x, y, w, h, score in boxes
    ]
    (folder / 'det' / 'det.txt').write_text('\n'.join(lines) + '\n')
    return folder
