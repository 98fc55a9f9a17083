"""A heartbeat for nav2's lifecycle manager, by bondpy where that is installed."""

from __future__ import annotations

import importlib
from typing import Any, Final

from rclpy.node import Node

from strongsort_ros.errors import MissingPackageError

TOPIC: Final = 'bond'
PERIOD: Final = 0.1
"""Seconds between beats, as nav2's own nodes have it."""
FOREVER: Final = 1e8
"""Seconds. It is the manager who watches: a node goes on without one."""


class Bond:
    """One end of a bond: topic and id are those of nav2's nodes, `bond` and the node's name.

    Parameters
    ----------
    node
        Whose life is told.

    Raises
    ------
    MissingPackageError
        bondpy is not installed.

    """

    def __init__(self, node: Node) -> None:
        try:
            self._bondpy = importlib.import_module('bondpy.bondpy')
        except ImportError as error:
            raise MissingPackageError(
                f'bond: {error}: install ros-$ROS_DISTRO-bondpy, or leave the parameter out'
            ) from error
        self._node = node
        self._bond: Any = None

    def start(self) -> None:
        """Begin to beat."""
        self.close()
        self._bond = self._bondpy.Bond(self._node, TOPIC, self._node.get_name())
        self._bond.heartbeat_period = PERIOD
        self._bond.heartbeat_timeout = FOREVER
        self._bond.start()

    def stop(self) -> None:
        """Say that it ends, if it has begun; that is repeated until the manager has heard it."""
        if self._bond is not None and not self._bond.is_broken():
            self._bond.break_bond()

    def close(self) -> None:
        """Free everything."""
        if self._bond is None:
            return
        self._bond.shutdown()
        # Else they would stay on the node's list, destroyed as they are.
        self._node.destroy_subscription(self._bond.sub)
        self._node.destroy_publisher(self._bond.pub)
        self._bond = None
