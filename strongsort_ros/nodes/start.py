"""Start the program of a node: import its module, which takes seconds, and run it.

ROS and this package's messages are not imported here, so that what is missing is one line.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Final

from strongsort_ros.errors import one_line

CANNOT_START: Final = 1


def start(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Run a node, and return the exit status of its program.

    Parameters
    ----------
    name
        Name of the program, such as `tracker_node`.
    load
        Imports the node's module, and returns its `main`.

    """
    try:
        main = load()
    except ImportError as error:
        remedy = _remedy(error)
        if not remedy:
            raise
        sys.stderr.write(f'{name} cannot start: {one_line(error)}; {remedy}\n')
        return CANNOT_START
    return main()


def _remedy(error: ImportError) -> str:
    """Return what to do about a failed import; '' where the mistake is in this package."""
    if importlib.util.find_spec('rclpy') is None:
        return 'ROS 2 is not sourced in this shell: source /opt/ros/$ROS_DISTRO/setup.bash'
    if importlib.util.find_spec('strongsort_ros.msg') is None:
        return (
            'the messages of strongsort_ros are not built or not sourced: run colcon build, then '
            'source install/setup.bash'
        )
    if error.name and error.name.partition('.')[0] == 'strongsort_ros':
        return ''
    return (
        'source the setup.bash of ROS 2 and of the workspace; if a package is missing, '
        'rosdep install --from-paths src --ignore-src installs it'
    )
