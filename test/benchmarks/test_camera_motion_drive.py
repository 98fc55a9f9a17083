"""The benchmark of camera motion on simulated drives runs, and a zoom helps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from strongsort_ros.packages import require

ROOT = Path(__file__).resolve().parents[2]


def test_zoom_halves_the_error_of_a_drive() -> None:
    require('scoring', 'trackeval')
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks' / 'camera_motion_drive.py', '--frames', '5',
         '--seeds', '1', '--only', 'forward, 6 m/s'],
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = [line.split('|') for line in done.stdout.splitlines()[1:]]
    errors = {row[1].strip(): float(row[2].split()[0]) for row in cells}
    assert list(errors) == ['none', 'published', 'rotation, shift', 'ecc']
    assert errors['ecc'] < 0.7 * errors['rotation, shift']
