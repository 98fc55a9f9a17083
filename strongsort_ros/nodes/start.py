"""Start a node's program; a failed import is reported in one line.

Nothing here imports ROS or the messages of this package.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Final

from strongsort_ros.errors import one_line

CANNOT_START: Final = 1
_MODULES: Final = {
    'tracker_node': lambda: importlib.import_module('strongsort_ros.nodes.tracker_node'),
    'refiner_node': lambda: importlib.import_module('strongsort_ros.nodes.refiner_node'),
    'replayer_node': lambda: importlib.import_module('strongsort_ros.nodes.replayer_node'),
}


def start(name: str) -> int:
    """Import a node's module and run its `main`; return the exit status.

    Parameters
    ----------
    name
        Name of the program and of its module: tracker_node, refiner_node or replayer_node.

    """
    try:
        main = _MODULES[name]().main
    except ImportError as error:
        remedy = _remedy(error)
        if not remedy:
            raise
        sys.stderr.write(f'{name} cannot start: {one_line(error)}; {remedy}\n')
        return CANNOT_START
    status: int = main()
    return status


def _remedy(error: ImportError) -> str:
    """Return what to do about a failed import, or '' for a mistake in this package."""
    if importlib.util.find_spec('rclpy') is None:
        return 'ROS 2 is not sourced in this shell: source /opt/ros/$ROS_DISTRO/setup.bash'
    if importlib.util.find_spec('strongsort_ros.msg') is None:
        return (
            'the messages of strongsort_ros are not built or not sourced: run colcon build in a '
            'workspace with this package (pip install builds no messages), then source '
            'install/setup.bash'
        )
    if error.name and error.name.partition('.')[0] == 'strongsort_ros':
        return ''
    return (
        'source the setup.bash of ROS 2 and of the workspace; if a package is missing, '
        'rosdep install --from-paths src --ignore-src installs it'
    )
