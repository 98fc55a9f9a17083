"""Base class of the lifecycle nodes: transitions, parameters, bond, log and diagnostics."""

from __future__ import annotations

import functools
import importlib
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, Generic

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind

from strongsort_ros.errors import MissingPackageError, StrongSortError, one_line
from strongsort_ros.nodes.diagnostics import Reporter
from strongsort_ros.nodes.parameters import Group, Parameters, warn_of_unknown_parameters
from strongsort_ros.nodes.rclpy_internals import lifecycle_state, refuse_invalid_transitions
from strongsort_ros.nodes.ros_errors import NamingNode, RosError

OVERRIDABLE_QOS: Final = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
"""Policies that the parameters `qos_overrides.TOPIC.(publisher|subscription).POLICY` change."""

_PACKAGE_LOG: Final = logging.getLogger('strongsort_ros')

Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition) -> Transition:
    """Decorate a transition callback: log its exceptions, which rclpy drops, and clean up.

    A user's error (input, file, missing package) is logged in one line, any other with its
    traceback. If `configure` or `activate` fails, the node frees what they built and stays in the
    previous state. If another transition fails, `on_error` frees everything, and the node can be
    configured again.
    """

    @functools.wraps(transition)
    def guarded(node: ManagedNode[Any], state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix('on_')
        try:
            return transition(node, state)
        except Exception as error:
            text = one_line(error) if is_user_error(error) else traceback.format_exc()
            node.get_logger().error(f'{name} failed: {text}')
            node.refused |= isinstance(error, RosError)
            node.release(configured=name == 'activate')
            going_up = name in ('configure', 'activate')
            return TransitionCallbackReturn.FAILURE if going_up else TransitionCallbackReturn.ERROR
        finally:
            node.report_soon()

    return guarded


def is_user_error(error: Exception) -> bool:
    """Return whether the user can correct the error: input, a file, or a missing package."""
    if isinstance(error, ImportError) and (error.name or '').startswith('strongsort_ros'):
        return False
    return isinstance(error, (StrongSortError, OSError, ImportError))


class ManagedNode(NamingNode, LifecycleNode, Generic[Group]):
    """Base class of the lifecycle nodes.

    Parameters
    ----------
    name
        Name of the node.
    settings
        Default settings, declared as parameters.
    node_arguments
        Keyword arguments of `rclpy.node.Node`.

    Attributes
    ----------
    autostart
        The program configures and activates the node at its start.
    refused
        ROS refused a topic or a service of the node. As it would refuse again, the program ends.

    """

    def __init__(self, name: str, settings: Group, **node_arguments: Any) -> None:
        self.refused = False
        # From Kilted on, rclpy calls destroy_node also when the constructor has failed.
        self._bond: Bond | None = None
        self._log_bridge: LogBridge | None = None
        super().__init__(name, **node_arguments)
        refuse_invalid_transitions(self)
        self._log_bridge = LogBridge(self.get_logger())
        _PACKAGE_LOG.addHandler(self._log_bridge)
        _PACKAGE_LOG.setLevel(logging.INFO)
        self.autostart = bool(self.declare_parameter('autostart', False).value)
        if self.declare_parameter('bond', False).value:
            self._bond = Bond(self)
        self._node_parameters = Parameters(self, settings, self.state, self.change_settings)
        self._reporter = Reporter(self, self.status)
        warn_of_unknown_parameters(self, qos=False)

    # For subclasses to implement

    def status(self) -> Any:
        """Return a diagnostic_msgs/DiagnosticStatus of the node."""
        raise NotImplementedError

    def change_settings(self, settings: Group) -> None:
        """Apply changed settings."""

    def release(self, *, configured: bool = False) -> None:
        """Free what `activate` built and, unless `configured`, what `configure` built."""
        raise NotImplementedError

    def finish(self) -> None:
        """Finish or stop the current work before ROS is shut down."""
        self.release()

    # Services of the base class

    @property
    def settings(self) -> Group:
        """Current settings."""
        return self._node_parameters.settings

    def state(self) -> str:
        """Return the lifecycle state, such as 'inactive'."""
        return lifecycle_state(self)

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

    def report_soon(self) -> None:
        """Publish the status shortly, together with other changes of the next moment."""
        self._reporter.publish_soon()

    def has_namesake(self) -> bool:
        """Return whether another node has the same name; services would reach either of them."""
        own = self.get_name(), self.get_namespace()
        return self.get_node_names_and_namespaces().count(own) > 1

    # Transitions

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the publishers and start the bond."""
        if self._bond is not None:
            self._bond.start()
        # The parameters of QoS are declared with the topics, which now exist.
        warn_of_unknown_parameters(self, qos=True)
        return super().on_activate(state)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what `activate` built."""
        self._break_bond()
        self.release(configured=True)
        self.get_logger().info('deactivated')
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self.release()
        self.get_logger().info('cleaned up; configure the node before the next use')
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self._break_bond()
        self.release()
        self.get_logger().info('shut down')
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything; the node becomes unconfigured."""
        del state
        self._break_bond()
        self.release()
        self.report_soon()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything and destroy the node."""
        if self._bond is not None:
            self._bond.close()
        self.release()
        if self._log_bridge is not None:
            _PACKAGE_LOG.removeHandler(self._log_bridge)
        super().destroy_node()

    def _break_bond(self) -> None:
        if self._bond is not None:
            self._bond.stop()


class Bond:
    """The node's end of a bond with nav2's lifecycle manager, on topic `bond` with its name as id.

    Parameters
    ----------
    node
        Node whose liveness the bond reports.

    Raises
    ------
    MissingPackageError
        bondpy is not installed.

    """

    TOPIC: Final = 'bond'
    PERIOD: Final = 0.1
    """Seconds between heartbeats, as of nav2's own nodes."""
    TIMEOUT: Final = 1e8
    """Seconds without heartbeats of the manager; practically never, as the node needs none."""

    def __init__(self, node: Node) -> None:
        try:
            self._bondpy = importlib.import_module('bondpy.bondpy')
        except ImportError as error:
            raise MissingPackageError(
                f'parameter bond: {error}; install ros-$ROS_DISTRO-bondpy, or set bond to false'
            ) from error
        self._node = node
        self._bond: Any = None

    def start(self) -> None:
        """Start the heartbeat."""
        self.close()
        self._bond = self._bondpy.Bond(self._node, self.TOPIC, self._node.get_name())
        self._bond.heartbeat_period = self.PERIOD
        self._bond.heartbeat_timeout = self.TIMEOUT
        self._bond.start()

    def stop(self) -> None:
        """Break the bond, if it is formed; bondpy repeats that until the manager confirms it."""
        if self._bond is not None and not self._bond.is_broken():
            self._bond.break_bond()

    def close(self) -> None:
        """Free the bond's timers, publisher and subscription."""
        if self._bond is None:
            return
        self._bond.shutdown()
        # bondpy destroys only their handles, so that the node would keep the objects.
        self._node.destroy_subscription(self._bond.sub)
        self._node.destroy_publisher(self._bond.pub)
        self._bond = None


class LogBridge(logging.Handler):
    """Handler that passes records of Python's `logging` to a ROS logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record with its severity."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)
