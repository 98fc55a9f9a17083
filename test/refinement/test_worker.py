"""The worker process: limits, stopping, and no leftover files."""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.errors import LONGEST_TEXT
from strongsort_ros.refinement.settings import GsiSettings
from strongsort_ros.refinement.worker import LONGEST_LOG, STOPPED
from test.bags.track_bags import track, track_array, walk, write_messages

ENDS_WITHIN = 10.0
"""Seconds, on a busy machine."""
MEMORY = 512
"""MiB that are enough for the small bag and too few for the large one."""

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small bag, and a large one: 4000 tracks in 200 frames."""
    root = tmp_path_factory.mktemp('root')
    write_messages(root / 'small', walk(range(1, 40), 1))
    rows = np.repeat(track(1, 0.0)[None], 4000)
    rows['id'] = np.arange(1, 4001)
    messages = {}
    for frame in range(200):
        rows['center'][:, 0] = np.arange(4000) + frame
        messages[frame] = track_array(frame, rows)
    write_messages(root / 'large', messages)
    return root


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a worker; keyword arguments are fields of its request."""
    (root / 'work').mkdir()
    started: list[subprocess.Popen[bytes]] = []

    def start(source: str, ulimit: str = 'unlimited', **fields: Any) -> subprocess.Popen[bytes]:
        request = {
            'root': str(root), 'source': str(root / source), 'output': str(root / 'out'),
            'work': str(root / 'work'), 'max_memory': 4096, 'topic': '', 'frame_rate': 10.0,
            'checkpoint': '', 'aflink': None, 'gsi': dataclasses.asdict(GsiSettings()),
        } | fields  # fmt: skip
        # Into a file, which takes progress whether or not anyone is there to read it.
        with (root.parent / 'said').open('wb') as said:
            worker = subprocess.Popen(
                ['sh', '-c', f'ulimit -d {ulimit}; exec "$0" "$@"', sys.executable, '-m',
                 'strongsort_ros.refinement.worker'],
                stdin=subprocess.PIPE, stdout=said,
            )  # fmt: skip
        started.append(worker)
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(request).encode() + b'\n')
        worker.stdin.flush()
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.communicate()
    assert {path.name for path in root.iterdir()} <= {'small', 'large'}


def said(root: Path) -> list[dict[str, Any]]:
    """Return the messages of the worker."""
    lines = (root.parent / 'said').read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b'\n')]


def test_memory_is_limited(root: Path, start: Start) -> None:
    assert start('large', max_memory=MEMORY).wait(60) == 0
    reason = f'{root / "large"}: does not fit into the {MEMORY} MiB that max_memory allows'
    assert said(root)[-1] == {'error': reason}
    assert not any('Traceback' in message.get('log', '') for message in said(root))


def test_a_small_bag_is_refined_within_the_limit(root: Path, start: Start) -> None:
    assert start('small', max_memory=MEMORY).wait(60) == 0
    assert said(root)[-1]['done']['boxes_out'] == 39
    (root / 'out.txt').unlink()
    for path in (root / 'out').iterdir():
        path.unlink()
    (root / 'out').rmdir()


def test_a_lower_limit_of_the_system_stays(root: Path, start: Start) -> None:
    assert start('large', ulimit=str(MEMORY * 1024), max_memory=2 * MEMORY).wait(60) == 0
    assert 'does not fit into' in said(root)[-1]['error']


def test_the_end_of_its_input_stops_it(root: Path, start: Start) -> None:
    """The worker exits when its parent dies, even during a long silent computation."""
    worker = start('large')
    assert worker.stdin is not None
    for _ in range(500):
        if any('phase' in message for message in said(root)):
            break
        with suppress(subprocess.TimeoutExpired):
            worker.wait(0.02)
    assert said(root)[-1]['phase'] == 'read'
    worker.stdin.close()
    assert worker.wait(ENDS_WITHIN) == STOPPED
    assert not any('done' in message for message in said(root))


def test_a_programming_error_is_logged_with_a_bounded_traceback(root: Path, start: Start) -> None:
    assert start('small', gsi={'x' * 100_000: 1}).wait(60) == 0
    *_, log, answer = said(root)
    assert log['level'] == logging.ERROR
    assert log['log'].startswith('Traceback')
    assert len(log['log']) < LONGEST_LOG + 10
    assert answer['error'].startswith('TypeError: ')
    assert answer['error'].endswith('; the log has the traceback')
    assert len(answer['error']) < LONGEST_TEXT + 30
