"""Subscriptions of an active tracker: messages in, frames out."""

from __future__ import annotations

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

from strongsort_ros.messages.serialised import MessageError, read_header
from strongsort_ros.streaming.processing import Received
from strongsort_ros.streaming.settings import NodeSettings
from strongsort_ros.streaming.synchroniser import SECOND, Frame, Synchroniser

IMAGE_TYPES: Final = {'raw': Image, 'compressed': CompressedImage}
SENSOR: Final = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Best effort takes what any publisher offers."""
THROTTLE: Final = 5.0
"""Seconds between log lines that say the same."""


class Inputs:
    """Takes messages in their serialised form, and gives frames as soon as they are complete.

    Whenever a message comes, all that wait in the middleware are taken, so that a tracker that is
    behind sees the newest pair and not the oldest.

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
        on_frame: Callable[[Frame[Received, Received]], None],
    ) -> None:
        self._node = node
        self._on_frame = on_frame
        self.uses_images = settings.image_transport != 'none'
        deadline = round(settings.sync_deadline * SECOND) if self.uses_images else 0
        self._synchroniser = Synchroniser[Received, Received](settings.buffer_size, deadline)
        self._malformed: Counter[str] = Counter()
        self._warned: set[str] = set()
        self._timer = node.create_timer(
            1.0, self._give_frames, clock=Clock(clock_type=ClockType.STEADY_TIME)
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
    def counts(self) -> Counter[str]:
        """What became of every message, by name: see `Synchroniser.counts`, and `malformed_*`."""
        return self._synchroniser.counts + self._malformed

    def clear(self) -> None:
        """Drop what waits; the next stamps may be any."""
        self._synchroniser.clear()

    def close(self) -> None:
        """Unsubscribe; what waits is dropped."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._detections)
        if self._images is not None:
            self._node.destroy_subscription(self._images)
        self._synchroniser.clear()

    def _subscribe(self, kind: Any, topic: str, callback: Callable[[bytes], None]) -> Subscription:
        return self._node.create_subscription(
            kind,
            topic,
            callback,
            SENSOR,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            raw=True,
        )

    def _on_image_message(self, message: bytes) -> None:
        self._add_image(message)
        self._take_waiting()

    def _on_detections_message(self, message: bytes) -> None:
        self._add_detections(message)
        self._take_waiting()

    def _take_waiting(self) -> None:
        if self._images is not None:
            _drain(self._images, self._add_image)
        _drain(self._detections, self._add_detections)
        self._give_frames()

    def _give_frames(self) -> None:
        for frame in self._synchroniser.take(time.monotonic_ns()):
            self._warn_of_mismatch(frame)
            self._on_frame(frame)
        wait = self._synchroniser.wait(time.monotonic_ns())
        if wait is None:
            self._timer.cancel()
        else:
            self._timer.timer_period_ns = max(wait, 1)
            self._timer.reset()

    def _add_image(self, message: bytes) -> None:
        received = self._receive('image', message)
        if received is not None:
            self._synchroniser.add_image(received.header.stamp, received)

    def _add_detections(self, message: bytes) -> None:
        received = self._receive('detections', message)
        if received is not None:
            now = time.monotonic_ns()
            self._synchroniser.add_detections(received.header.stamp, received, now)

    def _receive(self, topic: str, message: bytes) -> Received | None:
        try:
            header = read_header(message)
        except MessageError as error:
            self._malformed[f'malformed_{topic}'] += 1
            self._node.get_logger().error(
                f'{topic}: {error}; dropped', throttle_duration_sec=THROTTLE
            )
            return None
        if header.stamp <= 0:
            self._warn_once(
                f'{topic}: messages have no stamp, so images cannot be paired with detections and '
                'tracks follow motion alone; set header.stamp, in detections to that of the image'
            )
        return Received(header, message, time.perf_counter())

    def _warn_of_mismatch(self, frame: Frame[Received, Received]) -> None:
        if frame.image is None:
            return
        seen, looked_at = frame.detections.header.frame_id, frame.image.header.frame_id
        if seen != looked_at:
            self._synchroniser.counts['frame_id_differs'] += 1
            self._warn_once(
                f'detections have frame_id {seen!r}, their images {looked_at!r}: '
                'are both of the same camera?'
            )

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._node.get_logger().warning(text)


def _drain(subscription: Subscription, add: Callable[[bytes], None]) -> None:
    """Take what waits in the middleware; no more than its queue holds, so that it ends."""
    for _ in range(SENSOR.depth):
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        if taken is None:
            return
        add(taken[0])
