"""Talk to nodes that run: bring them up, call their services, and never wait for ever."""

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
from strongsort_ros.srv import RefineTracks
from strongsort_ros.types import ShareProgress

STARTUP_TIMEOUT: Final = 120.0
"""Seconds for a node to start, or for a transition: weights may load, PyTorch is imported."""
RESPONSE_TIMEOUT: Final = 10.0
"""Seconds for a service that has little to do."""
_SPIN: Final = 0.1
_RETRY: Final = 1.0


class NodeError(StrongSortError, RuntimeError):
    """A running node does not do what it is asked to; the message says which, what and why."""


class Client:
    """Calls services of other nodes, and takes messages meanwhile.

    Parameters
    ----------
    node
        What the clients belong to; its subscriptions are served whenever this waits.
    check
        Called while waiting; what it raises ends the wait.

    """

    def __init__(self, node: Node, check: Callable[[], None] = lambda: None) -> None:
        self.node = node
        self._check = check
        self._clients: dict[str, Any] = {}
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)

    def close(self) -> None:
        """End it, and the node with it."""
        self._executor.shutdown()
        self.node.destroy_node()

    def spin_until(self, done: Callable[[], object], seconds: float) -> bool:
        """Take messages until `done`, for so long at most; return whether it is."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(timeout_sec=min(left, _SPIN))
            self._check()
        return True

    def call(self, kind: Any, service: str, request: Any, seconds: float = RESPONSE_TIMEOUT) -> Any:
        """Call a service; its name is relative to this node's namespace.

        Raises
        ------
        NodeError
            The service is not available, or does not answer in time.

        """
        answer = self.send(kind, service, request, seconds)
        if not self.spin_until(answer.done, seconds):
            answer.cancel()
            raise NodeError(f'{service} was not answered in {seconds:g} s')
        return answer.result()

    def send(
        self, kind: Any, service: str, request: Any, seconds: float = RESPONSE_TIMEOUT
    ) -> Future:
        """Call a service, and return what will be its answer; errors as `call`."""
        client = self.prepare(kind, service)
        if not self.spin_until(client.service_is_ready, seconds):
            raise NodeError(f'service {client.srv_name} is not available; is its node running?')
        return client.call_async(request)

    def prepare(self, kind: Any, service: str) -> Any:
        """Return the client of a service, made at the first call."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        return self._clients[service]

    def state(self, node: str, seconds: float = RESPONSE_TIMEOUT) -> int:
        """Return a node's state, a constant of lifecycle_msgs/State; errors as `call`."""
        answer = self.call(GetState, f'{node}/get_state', GetState.Request(), seconds)
        return int(answer.current_state.id)

    def handshake(self, node: str, seconds: float = RESPONSE_TIMEOUT) -> int:
        """Return a node's state when it knows of all that has been made here; errors as `call`.

        Until then its answers are lost, and so are messages to it. A process gets to know what
        another makes in the order of making, so an answer to the client made last is the proof.
        """
        service = f'{node}/get_state'
        if service in self._clients:
            self.node.destroy_client(self._clients.pop(service))
        end = time.monotonic() + seconds
        answer = self.send(GetState, service, GetState.Request(), seconds)
        while not self.spin_until(answer.done, _RETRY):
            if time.monotonic() > end:
                raise NodeError(f'{service} was not answered in {seconds:g} s')
            answer = self.send(GetState, service, GetState.Request(), seconds)
        return int(answer.result().current_state.id)

    def bring_up(
        self, node: str, parameters: Mapping[str, object], seconds: float = STARTUP_TIMEOUT
    ) -> None:
        """Configure and activate a node.

        Parameters
        ----------
        node
            Its name, relative to this node's namespace.
        parameters
            Set before it is activated; a node that is active already is deactivated for that, and
            left as it is where there are none.
        seconds
            How long it may take to start, and for a transition.

        Raises
        ------
        NodeError
            There is no such node, a parameter is refused, or a transition fails.

        """
        self.prepare(SetParameters, f'{node}/set_parameters')
        self.prepare(ChangeState, f'{node}/change_state')
        state = self.handshake(node, seconds)
        if state == State.PRIMARY_STATE_ACTIVE and parameters:
            state = self._change_state(node, Transition.TRANSITION_DEACTIVATE, seconds)
        self.set_parameters(node, parameters)
        steps = {
            State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE,
            State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_ACTIVATE,
        }
        while state != State.PRIMARY_STATE_ACTIVE:
            if state not in steps:
                raise NodeError(f'{node} is shut down or in a transition: start it anew')
            state = self._change_state(node, steps[state], seconds)

    def _change_state(self, node: str, transition: int, seconds: float) -> int:
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self.call(ChangeState, f'{node}/change_state', request, seconds).success:
            raise NodeError(f'{node} cannot be brought up: its log says why')
        return self.state(node)

    def set_parameters(self, node: str, parameters: Mapping[str, object]) -> None:
        """Set parameters of a node.

        Raises
        ------
        NodeError
            One is refused, or the node does not answer.

        """
        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()
        ]
        for result in self.call(SetParameters, f'{node}/set_parameters', request).results:
            if not result.successful:
                raise NodeError(f'{node} refuses a parameter: {result.reason}')


_ASKING: Final = 2.0
"""Seconds between questions whether the refiner is still there."""


def request_refinement(
    client: Client,
    source: Path,
    output: Path,
    *,
    topic: str,
    aflink: bool,
    gsi: bool,
    frame_rate: float = 0.0,
    refiner: str = 'refiner',
    startup_timeout: float = STARTUP_TIMEOUT,
    response_timeout: float = RESPONSE_TIMEOUT,
    progress: ShareProgress = lambda _phase, _share: None,
) -> Any:
    """Bring the refiner up where it is not, call its service, and return its response.

    Parameters
    ----------
    client
        Owns the service's client.
    source, output
        Bag of tracks, and bag to be.
    topic
        Topic of the tracks.
    aflink, gsi
        What to do.
    frame_rate
        Nominal frames a second; 0: as the refiner has been told.
    refiner
        Name of the node, relative to the client's namespace.
    startup_timeout, response_timeout
        Seconds for it to start, and without a sign of life after which it is taken for dead;
        refining may take as long as it needs.
    progress
        Called with phase and share done, about once a second.

    Raises
    ------
    NodeError
        There is no refiner, it refuses, or it ends.

    """
    client.prepare(RefineTracks, f'{refiner}/refine')
    client.bring_up(refiner, {}, startup_timeout)
    if frame_rate:
        client.set_parameters(refiner, {'frame_rate': frame_rate})
    request = RefineTracks.Request(
        input_uri=str(source.resolve()),
        output_uri=str(output.resolve()),
        tracks_topic=topic,
        aflink=aflink,
        gsi=gsi,
    )
    answer = client.send(RefineTracks, f'{refiner}/refine', request)
    with _reports(client, refiner, progress):
        while not client.spin_until(answer.done, _ASKING):
            client.state(refiner, response_timeout)
    response = answer.result()
    if not response.success:
        raise NodeError(f'{refiner}: {response.message}')
    return response


def summary(response: Any) -> str:
    """Return what the refiner did, in words."""
    return (
        f'{response.links} links, {response.tracks_in} -> {response.tracks_out} tracks, '
        f'{response.boxes_in} -> {response.boxes_out} boxes'
    )


@contextmanager
def _reports(client: Client, refiner: str, progress: ShareProgress) -> Iterator[None]:
    """Tell the progress of which the refiner's diagnostics tell."""
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
