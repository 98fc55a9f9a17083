"""Client of running lifecycle nodes: transitions, parameters and services, with timeouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future

from strongsort_ros.errors import StrongSortError
from strongsort_ros.refinement.settings import NO_SMOOTHER
from strongsort_ros.replay.settings import ReplayerSettings
from strongsort_ros.srv import RefineTracks
from strongsort_ros.types import ShareProgress

STARTUP_TIMEOUT: Final = 120.0
"""Seconds for a node to start, or for a transition, which may load weights and PyTorch."""
RESPONSE_TIMEOUT: Final = 10.0
"""Seconds for the response of a short service."""
_SPIN: Final = 0.1
_RETRY: Final = 1.0
_ALIVE_PERIOD: Final = 2.0
"""Seconds between checks that the refiner is alive during a refinement."""


class NodeError(StrongSortError, RuntimeError):
    """A running node does not respond, or refuses a request."""


class Client:
    """Calls services of other nodes, and processes messages of its own node while it waits.

    Parameters
    ----------
    node
        Node that owns the service clients. Names of other nodes are relative to its namespace.
    check
        Called while waiting; an exception that it raises ends the wait.

    """

    def __init__(self, node: Node, check: Callable[[], None] = lambda: None) -> None:
        self.node = node
        self._check = check
        self._clients: dict[str, Any] = {}
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)

    def close(self) -> None:
        """Shut down, and destroy the node."""
        self._executor.shutdown()
        self.node.destroy_node()

    def spin_until(self, done: Callable[[], object], seconds: float) -> bool:
        """Process messages until `done` or for `seconds`; return whether it is done."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(timeout_sec=min(left, _SPIN))
            self._check()
        return True

    def call(self, kind: Any, service: str, request: Any, seconds: float = RESPONSE_TIMEOUT) -> Any:
        """Call a service and return its response.

        Raises
        ------
        NodeError
            The service is not available, or does not respond in time.

        """
        response = self.send(kind, service, request, seconds)
        if not self.spin_until(response.done, seconds):
            response.cancel()
            raise NodeError(f'no response from service {service} within {seconds:g} s')
        return response.result()

    def send(
        self, kind: Any, service: str, request: Any, seconds: float = RESPONSE_TIMEOUT
    ) -> Future:
        """Call a service and return its future response; raises NodeError as `call`."""
        client = self.prepare(kind, service)
        if not self.spin_until(client.service_is_ready, seconds):
            raise NodeError(f'service {client.srv_name} is not available; is the node running?')
        return client.call_async(request)

    def prepare(self, kind: Any, service: str) -> Any:
        """Return the ROS client of a service, created at the first call."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        return self._clients[service]

    def state(self, node: str, seconds: float = RESPONSE_TIMEOUT) -> int:
        """Return a node's state, a constant of lifecycle_msgs/State; raises NodeError as `call`."""
        response = self.call(GetState, f'{node}/get_state', GetState.Request(), seconds)
        return int(response.current_state.id)

    def handshake(self, node: str, seconds: float = RESPONSE_TIMEOUT) -> int:
        """Wait until a node has discovered all endpoints created here; return its state.

        Before that, its responses and the messages to it are lost. A process discovers endpoints in
        the order of their creation, so a response to the newest client shows that it has all.
        Raises NodeError as `call`.
        """
        service = f'{node}/get_state'
        if service in self._clients:
            self.node.destroy_client(self._clients.pop(service))
        end = time.monotonic() + seconds
        response = self.send(GetState, service, GetState.Request(), seconds)
        while not self.spin_until(response.done, _RETRY):
            if time.monotonic() > end:
                raise NodeError(f'no response from service {service} within {seconds:g} s')
            response = self.send(GetState, service, GetState.Request(), seconds)
        return int(response.result().current_state.id)

    def bring_up(
        self, node: str, parameters: Mapping[str, object], seconds: float = STARTUP_TIMEOUT
    ) -> None:
        """Configure and activate a node.

        Parameters
        ----------
        node
            Name of the node.
        parameters
            Parameters to set first. An active node is deactivated for them, and left as it is if
            there are none.
        seconds
            Timeout for the node to start, and for each transition.

        Raises
        ------
        NodeError
            There is no such node, it refuses a parameter, or a transition fails.

        """
        self.prepare(SetParameters, f'{node}/set_parameters')
        self.prepare(ChangeState, f'{node}/change_state')
        state = self.handshake(node, seconds)
        if state == State.PRIMARY_STATE_ACTIVE and parameters:
            state = self._change_state(node, Transition.TRANSITION_DEACTIVATE, seconds)
        self.set_parameters(node, parameters)
        transitions = {
            State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE,
            State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_ACTIVATE,
        }
        while state != State.PRIMARY_STATE_ACTIVE:
            if state not in transitions:
                raise NodeError(f'{node} is shut down or in a transition; restart it')
            state = self._change_state(node, transitions[state], seconds)

    def _change_state(self, node: str, transition: int, seconds: float) -> int:
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self.call(ChangeState, f'{node}/change_state', request, seconds).success:
            raise NodeError(f'{node}: a lifecycle transition failed; see its log for the reason')
        return self.state(node)

    def set_parameters(self, node: str, parameters: Mapping[str, object]) -> None:
        """Set parameters of a node.

        Raises
        ------
        NodeError
            The node refuses one, or does not respond.

        """
        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()
        ]
        for result in self.call(SetParameters, f'{node}/set_parameters', request).results:
            if not result.successful:
                raise NodeError(f'{node} refuses a parameter: {result.reason}')


def request_refinement(
    client: Client,
    source: Path,
    output: Path,
    topic: str,
    settings: ReplayerSettings,
    progress: ShareProgress = lambda _phase, _share: None,
) -> Any:
    """Activate the refiner if necessary, call its service, and return the response.

    Parameters
    ----------
    client
        Client in the refiner's namespace.
    source, output
        Bag of tracks to read, and bag to write.
    topic
        Topic of the tracks.
    settings
        Steps to apply, name and frame rate (0: as it is configured) of the refiner, timeouts of its
        start and of its responses. The refinement itself has no timeout.
    progress
        Called with phase and share done, about once a second.

    Raises
    ------
    NodeError
        There is no refiner, it refuses the request, fails, or does not respond any more.

    """
    refiner = settings.refiner
    client.prepare(RefineTracks, f'{refiner}/refine')
    client.bring_up(refiner, {}, settings.startup_timeout)
    if settings.frame_rate:
        client.set_parameters(refiner, {'frame_rate': settings.frame_rate})
    request = RefineTracks.Request(
        input_uri=str(source.resolve()),
        output_uri=str(output.resolve()),
        tracks_topic=topic,
        aflink=settings.aflink,
        gsi=settings.gsi and settings.smooth == NO_SMOOTHER,
        smooth=settings.smooth,
    )
    future = client.send(RefineTracks, f'{refiner}/refine', request)
    with _progress_reports(client, refiner, progress):
        while not client.spin_until(future.done, _ALIVE_PERIOD):
            client.state(refiner, settings.response_timeout)
    response = future.result()
    if not response.success:
        raise NodeError(f'{refiner}: {response.message}')
    return response


def summary(response: Any) -> str:
    """Return the counts of a RefineTracks response as text."""
    return (
        f'{response.links} links, {response.tracks_in} -> {response.tracks_out} tracks, '
        f'{response.boxes_in} -> {response.boxes_out} boxes'
    )


@contextmanager
def _progress_reports(client: Client, refiner: str, progress: ShareProgress) -> Iterator[None]:
    """Call `progress` with phase and share from the refiner's diagnostics."""
    node = client.node
    name = f'{node.resolve_topic_name(refiner).lstrip("/")}: refinement'

    def read(message: Any) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if status.name == name and 'phase' in values:
                progress(values['phase'], float(values['share_done']))

    subscription = node.create_subscription(DiagnosticArray, '/diagnostics', read, 10)
    try:
        yield
    finally:
        node.destroy_subscription(subscription)
