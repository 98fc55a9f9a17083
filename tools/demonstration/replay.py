"""A bag as ROS messages through the running tracker, and its answers into another bag."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image
from strongsort_ros.msg import Track2DArray
from vision_msgs.msg import Detection2DArray

from demonstration.tracker_process import TrackerProcess
from strongsort_ros.messages.serialised import read_header
from strongsort_ros.recording.ros_types import COMPRESSED_IMAGE, DETECTIONS, IMAGE, TRACKS
from strongsort_ros.recording.rosbag_reader import open_bag
from strongsort_ros.recording.rosbag_writer import DETECTIONS_TOPIC, BagWriter
from strongsort_ros.tracking.detections import FloatArray

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Messages = list[tuple[str, bytes]]

_KINDS = {IMAGE: Image, COMPRESSED_IMAGE: CompressedImage, DETECTIONS: Detection2DArray}
_ANSWERS = {
    '/tracks': (TRACKS, Track2DArray),
    '/tracked_detections': (DETECTIONS, Detection2DArray),
}
_LOADING = 120.0  # seconds for a transition: weights may load, and torch is slow to import
_ANSWERING = 5.0  # seconds for the answer to a frame
_MISSES = 5  # frames in a row without an answer after which there is no point in going on


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes
    ----------
    frames, answered
        Frames sent, and those for which tracks came back.
    seconds
        From the first message to the last answer.
    round_trips
        (answered,) seconds from a frame's detections sent to its tracks received.
    diagnostics
        The node's last report on /diagnostics, by name.

    """

    frames: int
    answered: int
    seconds: float
    round_trips: FloatArray
    diagnostics: dict[str, str]


def replay(
    bag: Path, recording: Path, tracker: TrackerProcess, *, realtime: bool, progress: Progress
) -> Replayed:
    """Bring the tracker up, play `bag` to it, and record its tracks.

    Parameters
    ----------
    bag
        Images and detections.
    recording
        Bag to be, of /tracks and /tracked_detections.
    tracker
        The running process, not configured yet.
    realtime
        Send frames at the rate of their stamps; otherwise in step, each when the one before has
        been answered, so that the result does not depend on the machine.
    progress
        Shows how far it is: (frames, how many) -> frames.

    Raises
    ------
    DemoError
        The node ends, cannot be brought up or does not answer.

    """
    kinds, total = _contents(bag)
    with BagWriter(recording) as writer, _client(kinds, writer, tracker) as client:
        client.bring_up()
        start = time.monotonic()
        first = None
        for stamp, messages in progress(_frames(bag), total):
            first = stamp if first is None else first
            if realtime:
                client.spin_until(lambda: False, start + (stamp - first) / 1e9 - time.monotonic())
            client.send(stamp, messages)
            if not realtime:
                client.wait_for_answer(stamp)
        client.spin_until(lambda: not client.unanswered, _ANSWERING)
        if not client.round_trips:
            raise tracker.error('the tracker answered no frame')
        seconds = client.last_answer - start
        client.wait_for_report()
    round_trips = np.array([client.round_trips[s] for s in sorted(client.round_trips)])
    return Replayed(total, len(round_trips), seconds, round_trips, client.report)


def _contents(bag: Path) -> tuple[dict[str, str], int]:
    """Return the kind of message by topic, and the number of frames."""
    with open_bag(bag) as reader:
        kinds = {c.topic: c.msgtype for c in reader.connections}
        return kinds, reader.topics[DETECTIONS_TOPIC].msgcount


def _frames(bag: Path) -> Iterator[tuple[int, Messages]]:
    """Yield stamps and the messages with that stamp, in the bag's order."""
    with open_bag(bag) as reader:
        for stamp, messages in groupby(reader.messages(), key=lambda message: message[1]):
            yield stamp, [(c.topic, bytes(data)) for c, _, data in messages]


@contextmanager
def _client(
    kinds: dict[str, str], writer: BagWriter, tracker: TrackerProcess
) -> Iterator[_TrackerClient]:
    context = Context()
    # Ctrl-C is Python's: it ends the loop here, and everything is cleaned up.
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield _TrackerClient(context, kinds, writer, tracker)
    finally:
        rclpy.shutdown(context=context)


class _TrackerClient:
    """Publishes what the tracker reads and records what it answers."""

    def __init__(
        self, context: Context, kinds: dict[str, str], writer: BagWriter, tracker: TrackerProcess
    ) -> None:
        self._tracker = tracker
        self._writer = writer
        self._node = rclpy.create_node('demo', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._publishers = {
            topic: self._node.create_publisher(_KINDS[kind], topic, 10)
            for topic, kind in kinds.items()
        }
        for topic, (kind, message) in _ANSWERS.items():
            self._subscribe(topic, kind, message)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)
        self._sent: dict[int, float] = {}
        self._missed = 0
        self.round_trips: dict[int, float] = {}
        self.last_answer = 0.0
        self._recorded: set[tuple[str, int]] = set()
        self._reports = 0
        self.report: dict[str, str] = {}

    @property
    def unanswered(self) -> int:
        """Frames whose answers are not complete."""
        return len(_ANSWERS) * len(self._sent) - len(self._recorded)

    def bring_up(self) -> None:
        """Configure and activate the node, and wait until it listens."""
        service = self._node.create_client(ChangeState, '/tracker/change_state')
        if not self.spin_until(service.service_is_ready, _LOADING):
            raise self._tracker.error('the tracker node offers no lifecycle services')
        for number, name in (
            (Transition.TRANSITION_CONFIGURE, 'configured'),
            (Transition.TRANSITION_ACTIVATE, 'activated'),
        ):
            answer = service.call_async(ChangeState.Request(transition=Transition(id=number)))
            if not self.spin_until(answer.done, _LOADING) or not answer.result().success:
                raise self._tracker.error(f'the tracker node could not be {name}')
        if not self.spin_until(self._is_connected, 10.0):
            raise self._tracker.error('the tracker node does not subscribe to what is played')

    def send(self, stamp: int, messages: Messages) -> None:
        """Publish a frame's messages, in the bag's order."""
        for topic, data in messages:
            self._publishers[topic].publish(data)
        self._sent[stamp] = time.monotonic()

    def wait_for_answer(self, stamp: int) -> None:
        """Wait until a frame is answered; a few may go without."""
        expected = {(topic, stamp) for topic in _ANSWERS}
        if self.spin_until(lambda: expected <= self._recorded, _ANSWERING):
            self._missed = 0
            return
        self._missed += 1
        if self._missed == _MISSES:
            raise self._tracker.error(f'the tracker left {_MISSES} frames in a row unanswered')

    def wait_for_report(self) -> None:
        """Wait for the next report of the node, which comes every second."""
        before = self._reports
        self.spin_until(lambda: self._reports > before, 3.0)

    def spin_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Take messages until `done`, for so long at most, and return whether it is."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(timeout_sec=min(left, 0.1))
            self._tracker.check()
        return True

    def _is_connected(self) -> bool:
        ready = all(p.get_subscription_count() for p in self._publishers.values())
        return ready and all(self._node.count_publishers(topic) for topic in _ANSWERS)

    def _subscribe(self, topic: str, kind: str, message: Any) -> None:
        def record(data: bytes) -> None:
            stamp = read_header(data).stamp
            self._writer.write_serialized(topic, kind, stamp, data)
            self._recorded.add((topic, stamp))
            self.last_answer = time.monotonic()
            if kind == TRACKS and stamp in self._sent:
                self.round_trips[stamp] = self.last_answer - self._sent[stamp]

        self._node.create_subscription(message, topic, record, 50, raw=True)

    def _on_report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == 'strongsort_ros':
                self._reports += 1
                self.report = {v.key: v.value for v in status.values}
