"""Play a bag to the running tracker, and record its tracks."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from functools import partial
from typing import Any, Final

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from strongsort_ros.bags.camera import CameraTopics, read_camera
from strongsort_ros.bags.reader import BagReader
from strongsort_ros.bags.types import DETECTIONS_TYPE, TRACKS_TYPE
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.msg import Track2DArray
from strongsort_ros.nodes.client import RESPONSE_TIMEOUT, Client, NodeError
from strongsort_ros.refinement.settings import NO_SMOOTHER
from strongsort_ros.replay.results import PlaybackResult
from strongsort_ros.replay.settings import ReplayerSettings
from strongsort_ros.types import SECOND, CountProgress

MAX_UNPAIRED: Final = 5
"""Frames played ahead of a frame whose image has not been played, before waiting for its tracks."""
FRAME_TIMEOUT: Final = 1.0
"""Seconds without tracks of a frame, after which the player checks that the tracker is active, and
sends the frame again: the middleware may have lost it."""
MAX_KEPT: Final = 2 * MAX_UNPAIRED
"""Stamps whose messages are kept, to send them again."""
MAX_MISSED: Final = 5
"""Consecutive frames without tracks, after which the playback fails."""
SYNC_DEADLINE: Final = 2.0
"""The tracker's sync_deadline unless in real time: a late image is then due to the machine."""
TOPICS: Final = {
    'tracks': (TRACKS_TYPE, Track2DArray),
    'tracked_detections': (DETECTIONS_TYPE, Detection2DArray),
}
"""Type and class of the recorded topics."""


class Player:
    """Publishes `image` and `detections`, and records `tracks` and `tracked_detections`.

    The player waits for the tracks of each frame before the next, so that the result does not
    depend on the machine. With `realtime` it waits only for the first tracks, and then plays at the
    rate of the bag.

    Parameters
    ----------
    client
        Client that owns the topics; their names are relative to its namespace.
    topics
        Topics of the bag to play.
    writer
        Bag for the tracks.
    settings
        Name and frame rate of the tracker, speed and timeouts.

    """

    def __init__(
        self,
        client: Client,
        topics: CameraTopics,
        writer: BagWriter,
        settings: ReplayerSettings,
    ) -> None:
        self._client, self._topics, self._settings = client, topics, settings
        self._tracker = settings.tracker
        node = client.node
        self._recorder = TrackRecorder(node, writer, node.resolve_topic_name(self._tracker))
        self._publishers = {topics.detections: _publisher(client, Detection2DArray, 'detections')}
        if topics.image:
            kind = CompressedImage if topics.compressed else Image
            self._publishers[topics.image] = _publisher(client, kind, 'image')
        self._clock = _publisher(client, Clock, '/clock') if settings.clock else None
        self._stamps = array('q')
        self._images: set[int] = set()  # stamps
        self._pending: dict[int, None] = {}  # stamps of frames without tracks, in order
        self._kept: dict[int, list[tuple[str, bytes]]] = {}  # messages by stamp, oldest first
        self._missed = 0

    def bring_up(self) -> None:
        """Configure and activate the tracker for this bag, and wait for its topics.

        Raises
        ------
        NodeError
            A transition fails, or the tracker is not connected to the topics.

        """
        parameters: dict[str, object] = {'image_transport': self._topics.transport}
        if not self._settings.realtime:
            parameters['sync_deadline'] = SYNC_DEADLINE
        if self._settings.frame_rate:
            parameters['frame_rate'] = self._settings.frame_rate
        if self._settings.smooth != NO_SMOOTHER:
            parameters['publish_tentative'] = True
        self._client.bring_up(self._tracker, parameters, self._settings.startup_timeout)
        if not self._client.spin_until(lambda: not self._unconnected(), RESPONSE_TIMEOUT):
            raise NodeError(
                f'{self._tracker} is active but not connected to {self._unconnected()[0]}; '
                'start both nodes with the same namespace and remappings'
            )
        self._client.handshake(self._tracker)

    def play(
        self, bag: BagReader, progress: CountProgress = lambda _done, _all: None
    ) -> PlaybackResult:
        """Play the bag from beginning to end.

        Raises
        ------
        NodeError
            The tracker ends, does not respond, is deactivated, or sends no tracks.
        InputError
            The bag is damaged.

        """
        start, stamps, recorder = time.monotonic(), self._stamps, self._recorder
        clock: tuple[float, int] | None = None  # start of real time: steady clock, time in the bag
        for topic, at, message in read_camera(bag, self._topics):
            if clock is not None:
                due = clock[0] + (at - clock[1]) / SECOND / self._settings.rate
                self._client.spin_until(lambda: False, due - time.monotonic())
            self._send(topic, at, bytes(message))
            if clock is None:
                self._wait_for_pending()
                # Frames are numbered from the first one, so it must have tracks.
                if self._settings.realtime and recorder.frames:
                    clock = time.monotonic(), at
            if topic == self._topics.detections:
                progress(len(stamps), self._topics.frames)
        self._finish()
        if not recorder.frames:
            raise NodeError(f'{self._tracker}: no tracks of {len(stamps)} frames{self._reason()}')
        return PlaybackResult(
            bag=bag.path,
            topics=self._topics,
            tracks_topic=recorder.topics[0],
            stamps=np.array(stamps),
            tracked=recorder.frames,
            seconds=recorder.last - start,
            round_trips=np.array(recorder.round_trips),
            diagnostics=recorder.report,
        )

    def _send(self, topic: str, at: int, message: bytes) -> None:
        try:
            stamp = read_header(message).stamp
        except MessageError:  # for the tracker to count
            self._publishers[topic].publish(message)
            return
        if self._clock is not None:
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = divmod(stamp, SECOND)
            self._clock.publish(clock)
        if topic == self._topics.detections:
            self._stamps.append(stamp)
            self._recorder.expect(stamp, at)
            self._pending[stamp] = None
        else:
            self._images.add(stamp)
        self._kept.setdefault(stamp, []).append((topic, message))
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._publishers[topic].publish(message)

    def _wait_for_pending(self) -> None:
        """Wait for the tracks of frames whose image and detections have been played."""
        images = self._images if self._topics.image else self._pending
        due = [stamp for stamp in self._pending if stamp in images]
        due += list(self._pending)[:-MAX_UNPAIRED]
        for stamp in due:
            self._wait_for_frame(stamp)
            self._pending.pop(stamp, None)
        if due:
            self._pending = {s: None for s in self._pending if not self._recorder.has(s)}

    def _wait_for_frame(self, stamp: int) -> None:
        """Wait for the tracks of a frame while the tracker is active; tolerate a few misses."""
        done = self._client.spin_until(lambda: self._recorder.has(stamp), FRAME_TIMEOUT)
        if not done:
            self._check_active()
            for topic, message in self._kept.get(stamp, ()):
                self._publishers[topic].publish(message)
            done = self._client.spin_until(lambda: self._recorder.has(stamp), FRAME_TIMEOUT)
        self._missed = 0 if done else self._missed + 1
        if self._missed == MAX_MISSED:
            raise NodeError(
                f'{self._tracker}: no tracks of {MAX_MISSED} consecutive frames{self._reason()}'
            )

    def _check_active(self) -> None:
        """Return when the tracker has processed all messages received so far.

        Raises
        ------
        NodeError
            It does not respond, or is not active any more.

        """
        state = self._client.state(self._tracker, self._settings.response_timeout)
        if state != State.PRIMARY_STATE_ACTIVE:
            raise NodeError(f'{self._tracker} is not active any more; another client stopped it')

    def _finish(self) -> None:
        """Wait for the last tracks, and for a diagnostics report that counts them."""
        if not self._client.spin_until(self._recorder.has_all, SYNC_DEADLINE + FRAME_TIMEOUT):
            self._check_active()
        before = self._recorder.reports
        self._client.spin_until(lambda: self._recorder.reports > before, 3 * FRAME_TIMEOUT)
        self._recorder.close()

    def _unconnected(self) -> list[str]:
        """Return the topics without a subscription or a publisher of the tracker."""
        node = self._client.node
        sent = [p.topic_name for p in self._publishers.values() if not p.get_subscription_count()]
        return sent + [topic for topic in self._recorder.topics if not node.count_publishers(topic)]

    def _reason(self) -> str:
        condition = self._recorder.condition
        return f'; its diagnostics: {condition}' if condition else ''


def _publisher(client: Client, kind: type, topic: str) -> Publisher:
    return client.node.create_publisher(kind, topic, 10)


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
