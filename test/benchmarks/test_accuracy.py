"""The benchmark of accuracy runs, on a few frames of a simulated crowd."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

from strongsort_ros.packages import require

ROOT = Path(__file__).resolve().parents[2]


def accuracy(folder: Path, *arguments: str) -> str:
    """Return what the benchmark prints."""
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks' / 'accuracy.py', '--cache', folder / 'cache',
         '--data', folder / 'no data', '--frames', '20', '--seeds', '2', *arguments],
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_distortion_is_scored_and_kept(tmp_path: Path) -> None:
    require('scoring', 'trackeval')
    table = tmp_path / 'scores.csv'
    arguments = '--only', 'crowds', '--trackers', 'strongsort'
    printed = accuracy(tmp_path, *arguments, '--csv', str(table))
    with table.open(encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    clean = [row for row in rows if row['distortion'] == 'clean']
    assert [row['sequence'] for row in clean] == ['30 Hz', '10 Hz', '5 Hz', 'combined']
    assert all(float(row['hota']) > 50 for row in clean)
    dropped = [float(row['hota']) for row in rows if row['distortion'] == '5 % dropped']
    assert len(set(dropped)) == len(dropped) == 2
    kept = {path.name for path in (tmp_path / 'cache').iterdir()}
    assert accuracy(tmp_path, *arguments) == printed
    assert {path.name for path in (tmp_path / 'cache').iterdir()} == kept
