"""What the tracker answers to what is played: recorded, counted and timed."""

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
    """Subscribes to the tracker's topics, and writes what answers a frame into a bag.

    Parameters
    ----------
    node
        Owns the subscriptions; topics are relative to its namespace.
    writer
        Gets the answers, at the time in the bag of the frame that they answer.
    tracker
        Fully qualified name of the tracker's node, as in its diagnostics.

    Attributes
    ----------
    round_trips
        Seconds from frames sent to their tracks received.
    last
        When the last answer came (`time.monotonic`).
    reports
        Number of reports of the tracker on /diagnostics.
    condition, report
        The last of them: its message, and its values by name.

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
                message, name, partial(self._on_answer, name), qos, raw=True
            ).topic_name
            for name, (_, message) in TOPICS.items()
        }
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, qos)

    @property
    def topics(self) -> list[str]:
        """Names of the topics, with their namespace."""
        return list(self._topics.values())

    def expect(self, stamp: int, time_in_bag: int) -> None:
        """Expect the answer to a frame that is being sent."""
        self._expected[stamp] += 1
        self._sent[stamp] = time.monotonic(), time_in_bag

    def came(self, stamp: int) -> bool:
        """Return whether all answers to a frame have come."""
        return all(got[stamp] >= self._expected[stamp] for got in self._received.values())

    def all_came(self) -> bool:
        """Return whether all answers to all frames have come."""
        return all(got.total() >= self._expected.total() for got in self._received.values())

    @property
    def frames(self) -> int:
        """Frames for which tracks have come."""
        return self._received['tracks'].total()

    def close(self) -> None:
        """Write what came of frames of which not all has come."""
        for stamp in list(self._held):
            self._write(stamp)

    def _on_answer(self, name: str, message: bytes) -> None:
        stamp = read_header(message).stamp
        if self._received[name][stamp] >= self._expected[stamp]:
            return  # of what somebody else played
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
        """Write a frame's answers, always in the same order: they come in any."""
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
