"""Record the tracks of a playback, and measure their round trips."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from vision_msgs.msg import Detection2DArray

from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.msg import Track2DArray

TOPICS: Final = {
    'tracks': (TRACKS_TYPE, Track2DArray),
    'tracked_detections': (DETECTIONS_TYPE, Detection2DArray),
}


class TrackRecorder:
    """Subscribes to the tracker's topics, and writes the messages of the frames played to a bag.

    Parameters
    ----------
    node
        Node that owns the subscriptions; the topics are relative to its namespace.
    writer
        Bag for the tracks; each message gets the recorded time of its frame.
    tracker
        Fully qualified name of the tracker node, as in its diagnostics.

    Attributes
    ----------
    round_trips
        Seconds from each frame sent to its tracks received.
    last
        Time of the last message received (`time.monotonic`).
    reports
        Number of diagnostics reports of the tracker.
    condition, report
        Message, and values by name, of the last report.

    """

    def __init__(self, node: Node, writer: BagWriter, tracker: str) -> None:
        self._writer = writer
        self._status = f'{tracker.lstrip("/")}: tracking'
        self._sent: dict[int, tuple[float, int]] = {}
        self._expected: Counter[int] = Counter()
        self._received = {name: Counter[int]() for name in TOPICS}
        self._held: dict[int, dict[str, bytes]] = {}
        self.round_trips: list[float] = []
        self.last = 0.0
        self.reports = 0
        self.condition = ''
        self.report: dict[str, str] = {}
        qos = QoSProfile(depth=100)
        self._topics = {
            name: node.create_subscription(
                message, name, partial(self._on_message, name), qos, raw=True
            ).topic_name
            for name, (_, message) in TOPICS.items()
        }
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, qos)

    @property
    def topics(self) -> list[str]:
        """Fully qualified names of the topics: tracks, tracked_detections."""
        return list(self._topics.values())

    @property
    def frames(self) -> int:
        """Number of frames with tracks."""
        return self._received['tracks'].total()

    def expect(self, stamp: int, time_in_bag: int) -> None:
        """Expect the messages of a frame that is being sent."""
        self._expected[stamp] += 1
        self._sent[stamp] = time.monotonic(), time_in_bag

    def has(self, stamp: int) -> bool:
        """Return whether all messages of a frame have been received."""
        return all(count[stamp] >= self._expected[stamp] for count in self._received.values())

    def has_all(self) -> bool:
        """Return whether all messages of all frames have been received."""
        return all(count.total() >= self._expected.total() for count in self._received.values())

    def close(self) -> None:
        """Write the messages of incomplete frames."""
        for stamp in list(self._held):
            self._write(stamp)

    def _on_message(self, name: str, message: bytes) -> None:
        stamp = read_header(message).stamp
        if self._received[name][stamp] >= self._expected[stamp]:
            return  # of a frame that another node played
        self._received[name][stamp] += 1
        self.last = time.monotonic()
        if name == 'tracks':
            self.round_trips.append(self.last - self._sent[stamp][0])
        if name in self._held.get(stamp, {}):
            self._write(stamp)
        self._held.setdefault(stamp, {})[name] = message
        if len(self._held[stamp]) == len(TOPICS):
            self._write(stamp)

    def _write(self, stamp: int) -> None:
        """Write the messages of a frame in a fixed order; they arrive in any order."""
        held, time_in_bag = self._held.pop(stamp), self._sent[stamp][1]
        for name, topic in self._topics.items():
            if name in held:
                self._writer.write_serialized(topic, TOPICS[name][0], time_in_bag, held[name])

    def _on_report(self, message: Any) -> None:
        for status in message.status:
            if status.name == self._status:
                self.reports += 1
                self.condition = status.message
                self.report = {value.key: value.value for value in status.values}
