"""Say, before anything is installed, what this machine lacks for `make setup`.

Run by the interpreter that the environment will be made from, whichever that is: nothing here is
younger than Python 3.7.
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
    """Return a sentence for each thing that the machine lacks."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        yield (
            'Python {}.{} is not supported: the pinned packages and the wheels of ROS 2 are for '
            '3.11 to 3.13. Name another: make setup PYTHON=python3.12'.format(*version)
        )
    if (platform.system(), platform.machine()) != ('Linux', 'x86_64'):
        yield (
            'The wheels of ROS 2 are for Linux on x86_64. Elsewhere: pip install . for the part '
            'without ROS, or colcon build in a workspace with ROS 2 installed.'
        )
    # CMake obeys the two variables, too.
    compilers = os.environ.get('CC', 'cc'), os.environ.get('CXX', 'c++')
    if not all(map(shutil.which, compilers)):
        yield 'Messages are compiled: install a C and a C++ compiler (apt install build-essential).'
    if ctypes.util.find_library('GL') is None:
        yield 'OpenCV needs libGL.so.1: apt install libgl1 libglib2.0-0.'


if __name__ == '__main__':
    sys.exit('\n'.join(missing()) or None)
