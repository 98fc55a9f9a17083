"""A tracker node in a process of its own, and a camera and a detector that feed it over DDS."""

from __future__ import annotations

import array
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.nodes.ros_environment import profile_variable
from test.nodes.processes import ROOT, NodeClient, remove_stale_segments, start_node
from test.nodes.refiner import (  # noqa: F401
    large_bag,
    refiner,
    shared,
    start_refiner,
)
from tools.node_process import NodeProcess

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
DOMAIN = 1 + os.getpid() % 100


class Machine(NodeClient):
    """A camera and a detector, and what the tracker answers."""

    def __init__(
        self,
        context: Any,
        namespace: str,
        transport: str = 'raw',
        topics: dict[str, str] | None = None,
    ) -> None:
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import CompressedImage, Image
        from strongsort_ros.msg import Track2DArray
        from vision_msgs.msg import Detection2DArray

        super().__init__(context, namespace, 'tracker')
        self.transport = transport
        sensor = qos_profile_sensor_data
        image = CompressedImage if transport == 'compressed' else Image
        names = {'image': 'image', 'detections': 'detections'} | (topics or {})
        self.images = self.node.create_publisher(image, names['image'], sensor)
        self.detections = self.node.create_publisher(Detection2DArray, names['detections'], sensor)
        self.tracks: list[Any] = []
        self.tracked: list[Any] = []
        self.subscribe(Track2DArray, 'tracks', self.tracks)
        self.subscribe(Detection2DArray, 'tracked_detections', self.tracked)

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


@pytest.fixture(scope='session')
def ros_context() -> Iterator[Any]:
    """A ROS context of this test run's own domain, on this machine only."""
    import rclpy

    profile = str(ROOT / 'config' / 'fastdds.xml')
    os.environ.update(
        {
            'ROS_DOMAIN_ID': str(DOMAIN),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'ROS_PYTHON_CHECK_FIELDS': '1',
            'OMP_NUM_THREADS': '1',
            profile_variable(): profile,
        }
    )
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    yield context
    rclpy.shutdown(context=context)
    remove_stale_segments()


@pytest.fixture
def machine_class() -> type[Machine]:
    """Return the class of machines, for tests that start a node in their own way."""
    return Machine


@pytest.fixture
def start_tracker(
    ros_context: Any, tmp_path: Path
) -> Iterator[Callable[..., tuple[Machine, NodeProcess]]]:
    """Start a node and its machine; keyword arguments are parameters of the node."""
    started: list[Any] = []

    def start(
        extra: list[str] | None = None, namespace: str = '', **parameters: Any
    ) -> tuple[Machine, NodeProcess]:
        namespace = namespace or f'/{tmp_path.name.lower()}_{len(started)}'
        defaults = {'weights': 'none', 'camera_motion': 'none', 'autostart': True}
        process = start_node('tracker', namespace, tmp_path, defaults | parameters, extra or ())
        started.append(process)
        machine = Machine(ros_context, namespace, parameters.get('image_transport', 'raw'))
        started.append(machine)
        if parameters.get('autostart', True):
            machine.connected()
        return machine, process

    yield start
    for one in reversed(started):
        one.stop() if isinstance(one, NodeProcess) else one.close()
