"""What the nodes have in common: parameters, transitions, log, and a report once a second."""

from __future__ import annotations

import logging
from typing import Any, Generic

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile

from strongsort_ros.nodes import diagnostics
from strongsort_ros.nodes.log_bridge import LogBridge
from strongsort_ros.nodes.parameters import Group, Parameters
from strongsort_ros.nodes.transitions import logged, survive_impossible_transitions


class ManagedNode(LifecycleNode, Generic[Group]):
    """Base of the lifecycle nodes.

    Parameters
    ----------
    name
        Of the node.
    settings
        Its settings as they are by default: its parameters.
    node_arguments
        As rclpy's nodes take them.

    """

    def __init__(self, name: str, settings: Group, **node_arguments: Any) -> None:
        super().__init__(name, **node_arguments)
        survive_impossible_transitions(self)
        self._log_bridge = LogBridge(self.get_logger())
        logging.getLogger('strongsort_ros').addHandler(self._log_bridge)
        logging.getLogger('strongsort_ros').setLevel(logging.INFO)
        self.autostart = bool(self.declare_parameter('autostart', False).value)
        self._configuration = Parameters(self, settings, self.state, self.change_settings)
        self._diagnostics = self.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=1)
        )
        self.create_timer(
            diagnostics.PERIOD, self.report, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def settings(self) -> Group:
        """Settings, as they are now."""
        return self._configuration.settings

    def state(self) -> str:
        """Return the state of the life cycle."""
        return str(self._state_machine.current_state[1])

    # What a node does in its own way

    def status(self) -> Any:
        """Return a diagnostic_msgs/DiagnosticStatus of what it is doing."""
        raise NotImplementedError

    def change_settings(self, settings: Group) -> None:
        """Take over settings that were changed."""

    def release(self, *, configured: bool = False) -> None:
        """Free what activating built and, unless it stays configured, what configuring built."""
        raise NotImplementedError

    def finish(self) -> None:
        """End what is going on, before ROS goes down."""
        self.release()

    # What all do

    def report(self) -> None:
        """Publish the status."""
        message = DiagnosticArray(status=[self.status()])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop what activating started."""
        self.release(configured=True)
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self.release()
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, and be ready to be configured again."""
        del state
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything."""
        self.release()
        logging.getLogger('strongsort_ros').removeHandler(self._log_bridge)
        super().destroy_node()
