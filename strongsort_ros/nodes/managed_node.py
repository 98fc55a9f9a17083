"""What the nodes have in common: parameters, transitions, log, and a report once a second."""

from __future__ import annotations

import logging
from typing import Any, Generic

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from strongsort_ros.nodes.heartbeat import Heartbeat
from strongsort_ros.nodes.log_bridge import LogBridge
from strongsort_ros.nodes.parameters import Group, Parameters
from strongsort_ros.nodes.reporting import Reporter
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
        bonded = bool(self.declare_parameter('bond', False).value)
        self._heartbeat = Heartbeat(self) if bonded else None
        self._configuration = Parameters(self, settings, self.state, self.change_settings)
        self._reporter = Reporter(self, self.status)

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
        """Publish the status now."""
        self._reporter.publish()

    def report_soon(self) -> None:
        """Publish the status in a moment: something has changed."""
        self._reporter.publish_soon()

    def has_namesake(self) -> bool:
        """Return whether another node has the same name: services reach either of them."""
        own = self.get_name(), self.get_namespace()
        return self.get_node_names_and_namespaces().count(own) > 1

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the publishers publish, and tell a manager of it that the node lives."""
        if self._heartbeat is not None:
            self._heartbeat.start()
        return super().on_activate(state)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop what activating started."""
        self._end_heartbeat()
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
        self._end_heartbeat()
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, and be ready to be configured again."""
        del state
        self._end_heartbeat()
        self.release()
        self.report_soon()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything."""
        if self._heartbeat is not None:
            self._heartbeat.close()
        self.release()
        logging.getLogger('strongsort_ros').removeHandler(self._log_bridge)
        super().destroy_node()

    def _end_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
