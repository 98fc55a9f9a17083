"""A tracker node in a process of its own, and a camera and a detector that feed it over DDS."""

from __future__ import annotations

import array
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
PATIENCE = 20.0
"""Seconds after which a condition is held to be never true."""
DOMAIN = 1 + os.getpid() % 100


class Machine:
    """The test's side of the topics and services."""

    def __init__(
        self,
        context: Any,
        namespace: str,
        transport: str = 'raw',
        topics: dict[str, str] | None = None,
    ) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.qos import QoSProfile, qos_profile_sensor_data
        from sensor_msgs.msg import CompressedImage, Image
        from strongsort_ros.msg import Track2DArray
        from vision_msgs.msg import Detection2DArray

        self.node = rclpy.create_node('machine', context=context, namespace=namespace)
        self.namespace = namespace
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.transport = transport
        sensor = qos_profile_sensor_data
        image = CompressedImage if transport == 'compressed' else Image
        names = {'image': 'image', 'detections': 'detections'} | (topics or {})
        self.images = self.node.create_publisher(image, names['image'], sensor)
        self.detections = self.node.create_publisher(Detection2DArray, names['detections'], sensor)
        self._clients: dict[str, Any] = {}
        self.tracks: list[Any] = []
        self.tracked: list[Any] = []
        self.diagnostics: list[Any] = []
        reliable = QoSProfile(depth=100)
        for kind, topic, received in (
            (Track2DArray, 'tracks', self.tracks),
            (Detection2DArray, 'tracked_detections', self.tracked),
            (DiagnosticArray, '/diagnostics', self.diagnostics),
        ):
            self.node.create_subscription(kind, topic, received.append, reliable)

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
        """Call a service of the tracker."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(kind, f'tracker/{name}')
            self.handshake()
        self.wait(client.service_is_ready, f'service {name}')
        future = client.call_async(request)
        self.wait(future.done, f'answer of {name}')
        return future.result()

    def handshake(self) -> None:
        """Wait until the node knows of all that this machine has made so far.

        What a process makes becomes known in that order, so an answer to a client that was made
        last proves it. Until then the node's answers are lost, and so are messages to it.
        """
        from lifecycle_msgs.srv import GetState

        client = self.node.create_client(GetState, 'tracker/get_state')
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

    def activate(self) -> bool:
        """Activate the node, and wait until messages get through."""
        done = self.change_state('activate')
        self.connected()
        return done

    def connected(self) -> None:
        """Wait until the tracker and this machine know of each other's topics."""
        ends = [self.detections] if self.transport == 'none' else [self.images, self.detections]
        self.wait(lambda: all(p.get_subscription_count() for p in ends), 'subscriptions')
        topics = [f'{self.namespace}/{name}' for name in ('tracks', 'tracked_detections')]
        self.wait(lambda: all(map(self.node.count_publishers, topics)), 'publishers')
        self.handshake()

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

    def send_image(self, stamp: int, pixels: np.ndarray | None = None, **fields: Any) -> None:
        """Publish an image; `fields` overwrite those of the message."""
        from sensor_msgs.msg import CompressedImage, Image

        pixels = np.zeros((24, 32, 3), np.uint8) if pixels is None else pixels
        compressed = self.transport == 'compressed'
        message = CompressedImage() if compressed else Image()
        set_header(message.header, stamp)
        if compressed:
            import cv2

            message.format = 'jpeg'
            message.data = array.array('B', cv2.imencode('.jpg', pixels)[1].tobytes())
        else:
            message.height, message.width = pixels.shape[:2]
            message.encoding, message.step = 'bgr8', pixels.shape[1] * 3
            message.data = array.array('B', pixels.tobytes())
        for name, value in fields.items():
            setattr(message, name, value)
        self.images.publish(message)

    def send_detections(self, stamp: int, detections: Any, frame_id: str = 'camera') -> None:
        """Publish detections."""
        self.detections.publish(detections_message(stamp, detections, frame_id))

    def send(self, stamp: int, detections: Any, pixels: np.ndarray | None = None) -> None:
        """Publish an image and its detections."""
        self.send_image(stamp, pixels)
        self.send_detections(stamp, detections)

    def track(self, stamp: int, detections: Any, pixels: np.ndarray | None = None) -> Any:
        """Publish an image and its detections, and wait for their tracks."""
        before = len(self.tracks)
        self.send(stamp, detections, pixels)
        self.wait(lambda: len(self.tracks) > before, f'tracks of {stamp}')
        return self.tracks[-1]

    def stamps(self) -> list[int]:
        """Return the stamps of all tracks received."""
        return [stamp_of(message.header) for message in self.tracks]

    def report(self) -> dict[str, str]:
        """Return what the tracker's next report on /diagnostics says."""
        name = f'{self.namespace}/tracker: tracking'.lstrip('/')

        def found() -> list[Any]:
            statuses = [s for message in self.diagnostics for s in message.status]
            return [status for status in statuses if status.name == name]

        self.spin(0.1)
        self.diagnostics.clear()
        self.wait(found, 'diagnostics')
        status = found()[-1]
        values = {value.key: value.value for value in status.values}
        return {'level': str(ord(status.level)), 'message': status.message, **values}

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()


def set_header(header: Any, stamp: int, frame_id: str = 'camera') -> None:
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, 1_000_000_000)
    header.frame_id = frame_id


def stamp_of(header: Any) -> int:
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def detections_message(stamp: int, detections: Any, frame_id: str) -> Any:
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

    message = Detection2DArray()
    set_header(message.header, stamp, frame_id)
    rows = zip(detections.tlwh, detections.scores, detections.class_ids, strict=True)
    for (left, top, width, height), score, class_id in rows:
        detection, hypothesis = Detection2D(), ObjectHypothesisWithPose()
        detection.header = message.header
        hypothesis.hypothesis.class_id = str(class_id)
        hypothesis.hypothesis.score = float(score)
        detection.results.append(hypothesis)
        detection.bbox.center.position.x = float(left + width / 2)
        detection.bbox.center.position.y = float(top + height / 2)
        detection.bbox.size_x, detection.bbox.size_y = float(width), float(height)
        message.detections.append(detection)
    return message


class TrackerProcess:
    """The node, as a user runs it."""

    def __init__(
        self, namespace: str, folder: Path, parameters: dict[str, Any], extra: list[str]
    ) -> None:
        self.log = folder / f'tracker{namespace.replace("/", "_")}.log'
        command = [sys.executable, '-m', 'strongsort_ros.nodes.tracker_node', '--ros-args']
        command += ['-r', f'__ns:={namespace}']
        for name, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else repr(value)
            command += ['-p', f'{name}:={text}']
        command += extra
        with self.log.open('wb') as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, 'OMP_NUM_THREADS': '1'},
            )

    def text(self) -> str:
        """Return what it has logged so far."""
        return self.log.read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it and return its exit status."""
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope='session')
def ros_context() -> Iterator[Any]:
    """A ROS context of this test run's own domain, on this machine only."""
    import rclpy

    profile = str(ROOT / 'config' / 'fastdds.xml')
    os.environ.update(
        ROS_DOMAIN_ID=str(DOMAIN),
        ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST',
        ROS_PYTHON_CHECK_FIELDS='1',
        FASTRTPS_DEFAULT_PROFILES_FILE=profile,
        FASTDDS_DEFAULT_PROFILES_FILE=profile,
    )
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture
def machine_class() -> type[Machine]:
    """Return the class of machines, for tests that start a node in their own way."""
    return Machine


@pytest.fixture
def start_tracker(
    ros_context: Any, tmp_path: Path
) -> Iterator[Callable[..., tuple[Machine, TrackerProcess]]]:
    """Start a node and its machine; keyword arguments are parameters of the node."""
    started: list[Any] = []

    def start(
        extra: list[str] | None = None, namespace: str = '', **parameters: Any
    ) -> tuple[Machine, TrackerProcess]:
        namespace = namespace or f'/{tmp_path.name.lower()}_{len(started)}'
        defaults = {'weights': 'none', 'camera_motion': 'none', 'autostart': True}
        process = TrackerProcess(namespace, tmp_path, defaults | parameters, extra or [])
        started.append(process)
        machine = Machine(ros_context, namespace, parameters.get('image_transport', 'raw'))
        started.append(machine)
        if parameters.get('autostart', True):
            machine.connected()
        return machine, process

    yield start
    for one in reversed(started):
        one.stop() if isinstance(one, TrackerProcess) else one.close()
