"""A node in a process of its own, and a client of what every lifecycle node offers."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tools.node_process import NodeProcess

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which a condition is held to be never true."""


class NodeClient:
    """The test's side of a node's services and reports."""

    def __init__(self, context: Any, namespace: str, name: str) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor

        self.node = rclpy.create_node('machine', context=context, namespace=namespace)
        self.namespace, self.name = namespace, name
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self.diagnostics: list[Any] = []
        self.subscribe(DiagnosticArray, '/diagnostics', self.diagnostics)

    def subscribe(self, kind: Any, topic: str, received: list[Any]) -> None:
        """Have what comes on a topic appended to a list."""
        from rclpy.qos import QoSProfile

        self.node.create_subscription(kind, topic, received.append, QoSProfile(depth=100))

    def wait(self, condition: Callable[[], object], what: str = '') -> None:
        """Spin until the condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f'waited {PATIENCE} s for: {what or condition}'
            self.executor.spin_once(timeout_sec=0.05)

    def spin_until(self, condition: Callable[[], object], seconds: float) -> None:
        """Spin until the condition holds, or some time has passed."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)

    def spin(self, seconds: float) -> None:
        """Spin for some time, where nothing shall happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.01)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of the node, and return its answer."""
        future = self.call_later(kind, name, request)
        self.wait(future.done, f'answer of {name}')
        return future.result()

    def call_later(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of the node, and return its future answer."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(kind, f'{self.name}/{name}')
            self.handshake()
        self.wait(client.service_is_ready, f'service {name}')
        return client.call_async(request)

    def handshake(self) -> None:
        """Wait until the node knows of all that this machine has made so far.

        What a process makes becomes known in that order, so an answer to a client that was made
        last proves it. Until then the node's answers are lost, and so are messages to it.
        """
        from lifecycle_msgs.srv import GetState

        client = self.node.create_client(GetState, f'{self.name}/get_state')
        self.wait(client.service_is_ready, 'service get_state')
        answers: list[Any] = []
        end = time.monotonic() + PATIENCE
        while not any(answer.done() for answer in answers):
            assert time.monotonic() < end, 'the node does not answer'
            answers.append(client.call_async(GetState.Request()))
            self.spin_until(answers[-1].done, 0.5)
        self.node.destroy_client(client)

    def change_state(self, transition: str | int) -> bool:
        """Ask the node for a transition by label or number; True when it was made."""
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request()
        if isinstance(transition, int):
            request.transition.id = transition
        else:
            request.transition.label = transition
        return bool(self.call(ChangeState, 'change_state', request).success)

    def ask_for(self, transition: str) -> None:
        """Ask the node for a transition, and do not wait for it."""
        from lifecycle_msgs.srv import ChangeState

        self.state()
        client = self.node.create_client(ChangeState, f'{self.name}/change_state')
        self.handshake()
        request = ChangeState.Request()
        request.transition.label = transition
        client.call_async(request)

    def state(self) -> str:
        """Return the node's state."""
        from lifecycle_msgs.srv import GetState

        return str(self.call(GetState, 'get_state', GetState.Request()).current_state.label)

    def set_parameters(self, **values: Any) -> list[str]:
        """Set parameters one by one; return the reasons of those that are refused."""
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
        ]
        results = self.call(SetParameters, 'set_parameters', request).results
        return [result.reason for result in results if not result.successful]

    def report(self) -> dict[str, str]:
        """Return what the node's next report on /diagnostics says."""
        name = f'{self.namespace}/{self.name}: '.lstrip('/')

        def found() -> list[Any]:
            statuses = [s for message in self.diagnostics for s in message.status]
            return [status for status in statuses if status.name.startswith(name)]

        self.spin(0.1)
        self.diagnostics.clear()
        self.wait(found, 'diagnostics')
        status = found()[-1]
        values = {value.key: value.value for value in status.values}
        return {'level': str(ord(status.level)), 'message': status.message, **values}

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()


def start_node(
    name: str, namespace: str, folder: Path, parameters: dict[str, Any], extra: Sequence[str] = ()
) -> NodeProcess:
    """Start a node in a namespace; its log lies in the folder."""
    log = folder / f'{name}_node{namespace.replace("/", "_")}.log'
    arguments = ['-r', f'__ns:={namespace}', *extra]
    return NodeProcess(name, log, parameters, arguments).start()


def stale_segments() -> list[Path]:
    """Return shared memory of Fast DDS that ended processes have left: they lock what they use."""
    found = []
    for lock in Path('/dev/shm').glob('fast*_el'):
        with suppress(OSError), lock.open('rb') as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(lock.with_name(lock.name.removesuffix('_el')))
    return found


def remove_stale_segments() -> None:
    """Delete the shared memory that ended processes have left."""
    for segment in stale_segments():
        segment.unlink(missing_ok=True)
        segment.with_name(f'{segment.name}_el').unlink(missing_ok=True)


LAUNCH_PROGRAM = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = [tuple(argument.split(':=')) for argument in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


def start_launch_file(
    file: Path, log: Path, *arguments: str, folder: Path = ROOT
) -> subprocess.Popen[bytes]:
    """Run a launch file in a folder as `ros2 launch` runs it; arguments are `name:=value`."""
    with log.open('wb') as output:
        return subprocess.Popen(
            [sys.executable, '-c', LAUNCH_PROGRAM, str(file), *arguments],
            stdout=output,
            stderr=output,
            cwd=folder,
        )
