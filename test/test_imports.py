"""Import layers of pyproject.toml, and the heavy packages that modules load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {'cv2', 'onnxruntime', 'rclpy', 'rosbags', 'timm', 'torch', 'trackeval'}


def test_import_layers() -> None:
    linter = Path(sys.executable).with_name('lint-imports')
    done = subprocess.run([linter, '--no-cache'], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ('module', 'allowed'),
    [
        ('strongsort_ros', set()),
        ('strongsort_ros.tracking.tracker', set()),
        ('strongsort_ros.camera_motion.ecc', {'cv2'}),
        ('strongsort_ros.reid.factory', {'cv2'}),
        ('strongsort_ros.files.motchallenge', set()),
        ('strongsort_ros.refinement.gsi', set()),
        ('strongsort_ros.cli.main', {'cv2'}),
    ],
)
def test_heavy_packages_are_loaded_only_where_needed(module: str, allowed: set[str]) -> None:
    program = f'import sys, {module}; print(*sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert HEAVY & set(done.stdout.split()) <= allowed
