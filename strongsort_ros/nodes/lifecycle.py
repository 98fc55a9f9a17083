"""What the nodes have in common: parameters, transitions, log, and a report once a second."""

from __future__ import annotations

import functools
import importlib
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind

from strongsort_ros.errors import MissingPackageError, StrongSortError, one_line
from strongsort_ros.nodes.parameters import Group, Parameters, warn_of_unknown_parameters
from strongsort_ros.nodes.reporting import Reporter
from strongsort_ros.nodes.ros_errors import NamingNode, RCLError, RosError

OVERRIDABLE_QOS: Final = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
"""Policies that the parameters `qos_overrides.TOPIC.(publisher|subscription).POLICY` change."""


class Releasable(Protocol):
    """A node that can free what its transitions built.

    Attributes
    ----------
    refused
        ROS refused one of its topics or services: its program ends.

    """

    refused: bool

    def get_logger(self) -> Any:
        """Return the node's logger."""
        ...

    def release(self, *, configured: bool = False) -> None:
        """Free everything, or all but what it has when configured."""
        ...

    def report_soon(self) -> None:
        """Report that something has changed."""
        ...


Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition) -> Transition:
    """Log what a transition raises, and release what it built; rclpy would say nothing.

    An error that a user can mend is one line, any other has its traceback. A node that cannot be
    configured or activated stays in the state before; one that cannot be let go of in order is
    taken apart and can be configured again.
    """

    @functools.wraps(transition)
    def guarded(node: Releasable, state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix('on_')
        try:
            return transition(node, state)
        except Exception as error:
            text = one_line(error) if can_be_mended(error) else traceback.format_exc()
            node.get_logger().error(f'{name} failed: {text}')
            node.refused |= isinstance(error, RosError)
            node.release(configured=name == 'activate')
            undone = name in ('configure', 'activate')
            return TransitionCallbackReturn.FAILURE if undone else TransitionCallbackReturn.ERROR
        finally:
            node.report_soon()

    return guarded


def can_be_mended(error: Exception) -> bool:
    """Return whether it is for the user to mend: input, a file, or a package that is missing."""
    if isinstance(error, ImportError) and (error.name or '').startswith('strongsort_ros'):
        return False
    return isinstance(error, (StrongSortError, OSError, ImportError))


def survive_impossible_transitions(node: LifecycleNode) -> None:
    """Answer that a transition was not made where rclpy would end the node by an exception."""
    service = node._service_change_state
    change_state = service.callback

    def answer(request: Any, response: Any) -> Any:
        try:
            return change_state(request, response)
        except RCLError as error:
            node.get_logger().error(f'transition refused: {error}')
            response.success = False
            return response

    service.callback = answer


class ManagedNode(NamingNode, LifecycleNode, Generic[Group]):
    """Base of the lifecycle nodes.

    Parameters
    ----------
    name
        Of the node.
    settings
        Its settings as they are by default: its parameters.
    node_arguments
        As rclpy's nodes take them.

    Attributes
    ----------
    autostart
        Configure and activate the node when its program starts.
    refused
        ROS refused a topic or a service, which it will do for as long as the process runs.

    """

    def __init__(self, name: str, settings: Group, **node_arguments: Any) -> None:
        self.refused = False
        # From Kilted on rclpy destroys nodes whose constructor has failed, too.
        self._heartbeat: Bond | None = None
        self._log_bridge: LogBridge | None = None
        super().__init__(name, **node_arguments)
        survive_impossible_transitions(self)
        self._log_bridge = LogBridge(self.get_logger())
        logging.getLogger('strongsort_ros').addHandler(self._log_bridge)
        logging.getLogger('strongsort_ros').setLevel(logging.INFO)
        self.autostart = bool(self.declare_parameter('autostart', False).value)
        if self.declare_parameter('bond', False).value:
            self._heartbeat = Bond(self)
        self._configuration = Parameters(self, settings, self.state, self.change_settings)
        self._reporter = Reporter(self, self.status)
        warn_of_unknown_parameters(self, qos=False)

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

    def create_lifecycle_publisher(
        self, msg_type: Any, topic: str, *args: Any, **kwargs: Any
    ) -> LifecyclePublisher:
        """Create a publisher that publishes while the node is active; raises RosError."""
        with self.naming('publish to', topic):
            return super().create_lifecycle_publisher(msg_type, topic, *args, **kwargs)

    def bring_up(self) -> bool:
        """Configure and activate the node; return whether it is active."""
        return all(
            trigger() == TransitionCallbackReturn.SUCCESS
            for trigger in (self.trigger_configure, self.trigger_activate)
        )

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
        # Now it has all its topics.
        warn_of_unknown_parameters(self, qos=True)
        return super().on_activate(state)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop what activating started."""
        self._end_heartbeat()
        self.release(configured=True)
        self.get_logger().info('deactivated')
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self.release()
        self.get_logger().info('cleaned up: configure it again before the next use')
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self._end_heartbeat()
        self.release()
        self.get_logger().info('shut down')
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
        if self._log_bridge is not None:
            logging.getLogger('strongsort_ros').removeHandler(self._log_bridge)
        super().destroy_node()

    def _end_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()


BOND_TOPIC: Final = 'bond'
BOND_PERIOD: Final = 0.1
"""Seconds between beats, as nav2's own nodes have it."""
BOND_TIMEOUT: Final = 1e8
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
        self._bond = self._bondpy.Bond(self._node, BOND_TOPIC, self._node.get_name())
        self._bond.heartbeat_period = BOND_PERIOD
        self._bond.heartbeat_timeout = BOND_TIMEOUT
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


class LogBridge(logging.Handler):
    """Gives records of Python's logging to a ROS logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record with its severity."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)
