"""Reports to /diagnostics: by diagnostic_updater where that is installed, else as it would."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

PERIOD: Final = 1.0
"""Seconds between reports."""
SOON: Final = 0.05
"""Seconds after a change; what changes within them is told together."""


class Reporter:
    """Publishes a node's status once a second of wall time, and when it is told to.

    Parameters
    ----------
    node
        Owns the publisher and the timers.
    status
        Returns a diagnostic_msgs/DiagnosticStatus named `NODE: TASK`.

    """

    def __init__(self, node: Node, status: Callable[[], Any]) -> None:
        self._node = node
        self._status = status
        self._updater = _updater(node)
        self._publisher = self._updater or node.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=1)
        )
        period = PERIOD if self._updater is None else float(self._updater.period)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(period, self.publish, clock=steady)
        self._soon = node.create_timer(SOON, self.publish, clock=steady)
        self._soon.cancel()

    def publish(self) -> None:
        """Publish the status now."""
        self._soon.cancel()
        status = self._status()
        if self._updater is not None:
            # It puts the node's name in front of the task's by itself.
            self._updater.node_name, _, status.name = status.name.partition(': ')
            self._publisher.publish([status])
            return
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def publish_soon(self) -> None:
        """Publish it in a moment, from the executor."""
        self._soon.reset()


def _updater(node: Node) -> Any | None:
    """Return a diagnostic_updater.Updater that publishes when it is told to, if there is one."""
    try:
        updater = importlib.import_module('diagnostic_updater').Updater(node, PERIOD)
    except ImportError:
        return None
    updater.timer.cancel()  # it would stand still with simulated time
    return updater
