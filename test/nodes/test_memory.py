"""Memory of large messages is used again."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from strongsort_ros.nodes.ros_environment import keep_freed_memory
kept = keep_freed_memory()
one = bytearray(6_000_000)
del one
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    first, second = bytearray(6_000_000), bytearray(6_000_001)
    del first, second
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_images_come_without_page_faults() -> None:
    run = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=True
    )
    kept, faults = run.stdout.split()
    if kept == 'False':
        pytest.skip('this C library has no mallopt')
    pages = 6_000_000 // 4096
    assert int(faults) < 5 * pages
