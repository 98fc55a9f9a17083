"""Play a bag to the running tracker, and record its tracks."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np
from lifecycle_msgs.msg import State
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from strongsort_ros.bags.camera import CameraTopics, read_camera
from strongsort_ros.bags.reader import BagReader
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.nodes.client import RESPONSE_TIMEOUT, STARTUP_TIMEOUT, Client, NodeError
from strongsort_ros.nodes.track_recorder import TrackRecorder
from strongsort_ros.replay.results import PlaybackResult
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


@dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """Speed and timeouts of a playback.

    Attributes
    ----------
    realtime
        Play at the rate of the bag from the first tracks on. Otherwise wait for the tracks of each
        frame before the next, so that the result does not depend on the machine.
    rate
        Speed as a multiple of real time.
    clock
        Publish the stamps on /clock.
    startup_timeout
        Seconds for the tracker to start and to load its weights.
    response_timeout
        Seconds without a response, after which the tracker counts as dead.

    """

    realtime: bool = False
    rate: float = 1.0
    clock: bool = False
    startup_timeout: float = STARTUP_TIMEOUT
    response_timeout: float = RESPONSE_TIMEOUT


class Player:
    """Publishes `image` and `detections`, and records `tracks` and `tracked_detections`.

    Parameters
    ----------
    client
        Client that owns the topics; their names are relative to its namespace.
    topics
        Topics of the bag to play.
    writer
        Bag for the tracks.
    options
        Speed and timeouts.
    tracker
        Name of the tracker node.

    """

    def __init__(
        self,
        client: Client,
        topics: CameraTopics,
        writer: BagWriter,
        options: PlaybackOptions,
        tracker: str = 'tracker',
    ) -> None:
        self._client, self._topics, self._options = client, topics, options
        self._tracker = tracker
        node = client.node
        self._recorder = TrackRecorder(node, writer, node.resolve_topic_name(tracker))
        self._publishers = {topics.detections: _publisher(client, Detection2DArray, 'detections')}
        if topics.image:
            kind = CompressedImage if topics.compressed else Image
            self._publishers[topics.image] = _publisher(client, kind, 'image')
        self._clock = _publisher(client, Clock, '/clock') if options.clock else None
        self._stamps = array('q')
        self._images: set[int] = set()  # stamps
        self._pending: dict[int, None] = {}  # stamps of frames without tracks, in order
        self._kept: dict[int, list[tuple[str, bytes]]] = {}  # messages by stamp, oldest first
        self._missed = 0

    def bring_up(self, frame_rate: float = 0.0) -> None:
        """Configure and activate the tracker for this bag, and wait for its topics.

        Parameters
        ----------
        frame_rate
            Nominal frame rate, Hz; 0: as the tracker is configured.

        Raises
        ------
        NodeError
            A transition fails, or the tracker is not connected to the topics.

        """
        parameters: dict[str, object] = {'image_transport': self._topics.transport}
        if not self._options.realtime:
            parameters['sync_deadline'] = SYNC_DEADLINE
        if frame_rate:
            parameters['frame_rate'] = frame_rate
        self._client.bring_up(self._tracker, parameters, self._options.startup_timeout)
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
            The tracker dies, is deactivated, or sends no tracks.
        InputError
            The bag is damaged.

        """
        start, stamps, recorder = time.monotonic(), self._stamps, self._recorder
        clock: tuple[float, int] | None = None  # start of real time: steady clock, time in the bag
        for topic, at, message in read_camera(bag, self._topics):
            if clock is not None:
                due = clock[0] + (at - clock[1]) / SECOND / self._options.rate
                self._client.spin_until(lambda: False, due - time.monotonic())
            self._send(topic, at, bytes(message))
            if clock is None:
                self._wait_for_pending()
                # Frames are numbered from the first one, so it must have tracks.
                if self._options.realtime and recorder.frames:
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
            It is dead or not active any more.

        """
        state = self._client.state(self._tracker, self._options.response_timeout)
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
