"""Check that this machine meets the requirements of `make setup`, before it installs anything.

The interpreter for the new environment runs it, so it has to work with old ones (Python 3.7).
"""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator

OLDEST, NEWEST = (3, 11), (3, 13)


def missing() -> Iterator[str]:
    """Yield a message for each requirement that the machine does not meet."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        yield (
            'Python {}.{} is not supported: the pinned packages and the wheels of ROS 2 are for '
            '3.11 to 3.13. Choose another: make setup PYTHON=python3.12'.format(*version)
        )
    if (platform.system(), platform.machine()) != ('Linux', 'x86_64'):
        yield (
            'The wheels of ROS 2 are for Linux on x86_64. On other machines use pip install . for '
            'tracking without ROS, or colcon build in a workspace with ROS 2 installed.'
        )
    # CMake uses the same variables.
    compilers = os.environ.get('CC', 'cc'), os.environ.get('CXX', 'c++')
    if not all(map(shutil.which, compilers)):
        yield 'No C or C++ compiler, needed to build messages: apt install build-essential'
    if ctypes.util.find_library('GL') is None:
        yield 'No libGL.so.1, needed by OpenCV: apt install libgl1 libglib2.0-0'


if __name__ == '__main__':
    sys.exit('\n'.join(missing()) or None)
