"""Subscriptions of an active tracker: passes paired images and detections on as frames."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, Final

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from strongsort_ros.nodes.lifecycle import OVERRIDABLE_QOS
from strongsort_ros.nodes.rclpy_internals import waiting_messages
from strongsort_ros.online.config import NodeSettings
from strongsort_ros.online.frame_pairer import DETECTIONS, IMAGE, FramePairer, MessageFrame

IMAGE_TYPES: Final = {'raw': Image, 'compressed': CompressedImage}
SENSOR: Final = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Best effort is compatible with every publisher."""
THROTTLE: Final = 5.0
"""Seconds between log lines of the same kind."""


class TrackerSubscriptions:
    """Subscribes to serialised messages, pairs them, and passes on complete frames.

    Parameters
    ----------
    node
        Node that owns the subscriptions.
    settings
        Transport, deadline and limits of the buffers.
    on_frame
        Called with every frame, in the order of their stamps.

    Attributes
    ----------
    pairer
        Pairs the messages and counts them.

    """

    def __init__(
        self, node: Node, settings: NodeSettings, on_frame: Callable[[MessageFrame], None]
    ) -> None:
        self._node = node
        self._on_frame = on_frame
        self._last = {IMAGE: -math.inf, DETECTIONS: -math.inf}
        logger = node.get_logger()
        self.pairer = FramePairer(
            settings,
            lambda line: logger.error(line, throttle_duration_sec=THROTTLE),
            lambda text: logger.warning(text),
        )
        # Deadlines pass by wall time, also with simulated time.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(1.0, self._process_waiting, clock=steady)
        self._timer.cancel()
        # Detections first: their images were published before them and have arrived by then.
        self._subscriptions = {DETECTIONS: self._subscribe(Detection2DArray, DETECTIONS)}
        if self.pairer.uses_images:
            image_type = IMAGE_TYPES[settings.image_transport]
            self._subscriptions[IMAGE] = self._subscribe(image_type, IMAGE)

    def __str__(self) -> str:
        return f'reads {" and ".join(s.topic_name for s in self._subscriptions.values())}'

    @property
    def ages(self) -> dict[str, float]:
        """Seconds since the last message of `images` and of `detections`; inf without any."""
        now = time.monotonic()
        return {'images': now - self._last[IMAGE], 'detections': now - self._last[DETECTIONS]}

    def close(self) -> None:
        """Unsubscribe and drop the waiting messages."""
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self.pairer.clear()

    def _subscribe(self, message_type: Any, topic: str) -> Subscription:
        return self._node.create_subscription(
            message_type,
            topic,
            partial(self._process_waiting, topic),
            SENSOR,
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE_QOS),
            raw=True,
        )

    def _process_waiting(self, topic: str = '', message: bytes = b'') -> None:
        """Pair a message, if any, and all that wait in the middleware; pass on complete frames.

        This is the callback of both subscriptions and of the timer for deadlines. As it takes all
        waiting messages, a tracker that has fallen behind knows which frames to drop.
        """
        waiting = (
            (name, data)
            for name, subscription in self._subscriptions.items()
            for data in waiting_messages(subscription, SENSOR.depth)
        )
        for name, data in chain([(topic, message)] if topic else [], waiting):
            self._last[name] = time.monotonic()
            self.pairer.receive(name, data, time.monotonic_ns())
        for frame in self.pairer.take(time.monotonic_ns()):
            self._on_frame(frame)
        # take() returns one pair at most, so that other callbacks run before the next one.
        wait = 0 if self.pairer.ready else self.pairer.wait(time.monotonic_ns())
        if wait is None:
            self._timer.cancel()
        else:
            self._timer.timer_period_ns = max(wait, 1)
            self._timer.reset()
