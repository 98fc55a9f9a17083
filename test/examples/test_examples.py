"""The programs in examples/ run as their first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'


def run(name: str, folder: Path) -> str:
    """Run the command in the docstring of an example; return its standard output."""
    text = (EXAMPLES / name).read_text(encoding='utf-8')
    command = re.search(rf'^    python examples/{name}(.*)$', text, re.MULTILINE)
    assert command is not None
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *command[1].split()],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    tested = set(re.findall(r"run\('(\w+\.py)'", Path(__file__).read_text(encoding='utf-8')))
    assert tested == {path.name for path in EXAMPLES.glob('*.py')}


def test_arrays(tmp_path: Path) -> None:
    """Two tracks, which keep their ids while the figures pass each other."""
    lines = run('arrays.py', tmp_path).splitlines()
    ends = [re.findall(r'\[(\d+)\.0,', line) for line in lines]
    assert [int(last) - int(first) > 0 for first, last in ends] == [False, True]


def test_supervision_loop(tmp_path: Path) -> None:
    pytest.importorskip('supervision', reason='needs supervision')
    assert run('supervision_loop.py', tmp_path) == 'tracks [1, 2]: output.mp4\n'
    assert cv2.VideoCapture(str(tmp_path / 'output.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 40


def test_refine(tmp_path: Path) -> None:
    assert 'new in frames [20, 21, 22, 23, 24, 25]: tracks.txt' in run('refine.py', tmp_path)
    frames = np.loadtxt(tmp_path / 'tracks.txt', delimiter=',')[:, 0]
    assert frames.tolist() == [*range(3, 61)]
