"""Subscriptions of an active tracker: messages in, frames out."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
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
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.config import NodeSettings
from strongsort_ros.online.frame_pairer import FramePairer
from strongsort_ros.online.frame_processor import StampedMessage

IMAGE_TYPES: Final = {'raw': Image, 'compressed': CompressedImage}
SENSOR: Final = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Best effort takes what any publisher offers."""
THROTTLE: Final = 5.0
"""Seconds between log lines that say the same."""


class TrackerSubscriptions:
    """Takes messages in their serialised form, and gives frames as soon as they are complete.

    Whenever a message comes, all that wait in the middleware are taken, so that a tracker that is
    behind knows what it has to leave out.

    Parameters
    ----------
    node
        Owns the subscriptions.
    settings
        Transport, deadline, buffer size.
    on_frame
        Called with every frame, in the order of stamps.

    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        on_frame: Callable[[Frame[StampedMessage, StampedMessage]], None],
    ) -> None:
        self._on_frame = on_frame
        self._node = node
        self._last = {'images': -math.inf, 'detections': -math.inf}
        logger = node.get_logger()
        self._intake = FramePairer(
            settings,
            lambda line: logger.error(line, throttle_duration_sec=THROTTLE),
            lambda text: logger.warning(text),
        )
        self._timer = node.create_timer(
            1.0, self._take_waiting, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._timer.cancel()
        self._detections = self._subscribe(
            Detection2DArray, 'detections', self._on_detections_message
        )
        self._images = (
            self._subscribe(IMAGE_TYPES[settings.image_transport], 'image', self._on_image_message)
            if self.uses_images
            else None
        )

    def __str__(self) -> str:
        topics = [self._detections.topic_name]
        topics += [self._images.topic_name] if self._images is not None else []
        return f'reads {" and ".join(topics)}'

    @property
    def uses_images(self) -> bool:
        """False: motion alone, by choice."""
        return self._intake.uses_images

    @property
    def counts(self) -> Counter[str]:
        """What became of every message, by name: see `Intake.counts`."""
        return self._intake.counts

    @property
    def slow_detector(self) -> str:
        """What to do about detections whose images had been discarded: see `FramePairer`."""
        return self._intake.slow_detector

    @property
    def ages(self) -> dict[str, float]:
        """Seconds since the last message of `images` and of `detections`; inf: none came."""
        now = time.monotonic()
        return {name: now - last for name, last in self._last.items()}

    def clear(self) -> None:
        """Drop what waits; the next stamps may be any."""
        self._intake.clear()

    def close(self) -> None:
        """Unsubscribe; what waits is dropped."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._detections)
        if self._images is not None:
            self._node.destroy_subscription(self._images)
        self._intake.clear()

    def _subscribe(self, kind: Any, topic: str, callback: Callable[[bytes], None]) -> Subscription:
        return self._node.create_subscription(
            kind,
            topic,
            callback,
            SENSOR,
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE_QOS),
            raw=True,
        )

    def _on_image_message(self, message: bytes) -> None:
        self._add_image(message)
        self._take_waiting()

    def _on_detections_message(self, message: bytes) -> None:
        self._add_detections(message)
        self._take_waiting()

    def _take_waiting(self) -> None:
        # Detections first: their images were published before them, and so are there by now.
        for message in waiting_messages(self._detections, SENSOR.depth):
            self._add_detections(message)
        if self._images is not None:
            for message in waiting_messages(self._images, SENSOR.depth):
                self._add_image(message)
        self._give_frames()

    def _give_frames(self) -> None:
        for frame in self._intake.take(time.monotonic_ns()):
            self._on_frame(frame)
        # One pair at a time: before the next, other callbacks run and new messages are taken.
        wait = 0 if self._intake.ready else self._intake.wait(time.monotonic_ns())
        if wait is None:
            self._timer.cancel()
        else:
            self._timer.timer_period_ns = max(wait, 1)
            self._timer.reset()

    def _add_image(self, message: bytes) -> None:
        self._last['images'] = time.monotonic()
        self._intake.add_image(message, time.monotonic_ns())

    def _add_detections(self, message: bytes) -> None:
        self._last['detections'] = time.monotonic()
        self._intake.add_detections(message, time.monotonic_ns())
