"""Play a camera's bag to the running tracker, and record what it answers."""

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

AHEAD: Final = 5
"""Frames that wait for an image that has not been played, while others are."""
PROMPT: Final = 1.0
"""Seconds after which the tracker is asked whether it is still there."""
MISSES: Final = 5
"""Frames in a row without an answer after which there is no point in going on."""
DEADLINE: Final = 2.0
"""The tracker's sync_deadline in step: an image that is late there is so by the machine's fault."""


@dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """How to play.

    Attributes
    ----------
    realtime
        At the rate of the bag from the first answer on; otherwise in step, each frame when the one
        before is answered, so that the result does not depend on the machine.
    rate
        So many times as fast as real time.
    clock
        Publish the stamps on /clock.
    startup_timeout
        Seconds for the tracker to start, and to load its weights.
    response_timeout
        Seconds without a sign of life after which it is taken for dead.

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
        Owns the topics, whose names are relative to its namespace.
    topics
        What to read of the bag.
    writer
        Gets the answers.
    pace
        How to play.
    tracker
        Name of the tracker's node.

    """

    def __init__(
        self,
        client: Client,
        topics: CameraTopics,
        writer: BagWriter,
        pace: PlaybackOptions,
        tracker: str = 'tracker',
    ) -> None:
        self._client, self._topics, self._pace, self._tracker = client, topics, pace, tracker
        node = client.node
        self._answers = TrackRecorder(node, writer, node.resolve_topic_name(tracker))
        self._publishers = {topics.detections: _publisher(client, Detection2DArray, 'detections')}
        if topics.image:
            kind = CompressedImage if topics.compressed else Image
            self._publishers[topics.image] = _publisher(client, kind, 'image')
        self._clock = _publisher(client, Clock, '/clock') if pace.clock else None
        self._stamps = array('q')
        self._images: set[int] = set()  # stamps
        self._pending: dict[int, None] = {}  # stamps, in order
        self._missed = 0

    def bring_up(self, frame_rate: float = 0.0) -> None:
        """Bring the tracker up for this bag, and wait until it listens.

        Parameters
        ----------
        frame_rate
            Nominal frames a second; 0: as the tracker has been told.

        Raises
        ------
        NodeError
            It cannot be brought up, or does not subscribe to what is published here.

        """
        parameters: dict[str, object] = {'image_transport': self._topics.transport}
        if not self._pace.realtime:
            parameters['sync_deadline'] = DEADLINE
        if frame_rate:
            parameters['frame_rate'] = frame_rate
        self._client.bring_up(self._tracker, parameters, self._pace.startup_timeout)
        if not self._client.spin_until(lambda: not self._unheard(), RESPONSE_TIMEOUT):
            raise NodeError(
                f'{self._tracker} is active, but has nothing to do with {self._unheard()[0]}: '
                'give both nodes the same namespace and remappings'
            )
        self._client.handshake(self._tracker)

    def play(
        self, bag: BagReader, progress: CountProgress = lambda _done, _all: None
    ) -> PlaybackResult:
        """Play the bag from beginning to end.

        Raises
        ------
        NodeError
            The tracker ends, or does not answer.
        InputError
            The bag is damaged.

        """
        start, stamps = time.monotonic(), self._stamps
        clock: tuple[float, int] | None = None  # when real time began: here, and in the bag
        for topic, at, message in read_camera(bag, self._topics):
            if clock is not None:
                due = clock[0] + (at - clock[1]) / SECOND / self._pace.rate
                self._client.spin_until(lambda: False, due - time.monotonic())
            self._send(topic, at, bytes(message))
            if clock is None:
                self._keep_step()
                # The first frame is answered in any case: frames are numbered from there.
                if self._pace.realtime and self._answers.frames:
                    clock = time.monotonic(), at
            if topic == self._topics.detections:
                progress(len(stamps), self._topics.frames)
        self._finish()
        answers = self._answers
        if not answers.frames:
            raise NodeError(f'{self._tracker} answered none of {len(stamps)} frames{self._why()}')
        return PlaybackResult(
            bag.path, self._topics, answers.topics[0], np.array(stamps), answers.frames,
            answers.last - start, np.array(answers.round_trips), answers.report,
        )  # fmt: skip

    def _send(self, topic: str, at: int, message: bytes) -> None:
        try:
            stamp = read_header(message).stamp
        except MessageError:  # the tracker shall see and count it, too
            self._publishers[topic].publish(message)
            return
        if self._clock is not None:
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = divmod(stamp, SECOND)
            self._clock.publish(clock)
        if topic == self._topics.detections:
            self._stamps.append(stamp)
            self._answers.expect(stamp, at)
            self._pending[stamp] = None
        else:
            self._images.add(stamp)
        self._publishers[topic].publish(message)

    def _keep_step(self) -> None:
        """Wait for the answers to frames of which all has been sent."""
        images = self._images if self._topics.image else self._pending
        due = [stamp for stamp in self._pending if stamp in images]
        due += list(self._pending)[:-AHEAD]
        for stamp in due:
            self._wait_for_answer(stamp)
            self._pending.pop(stamp, None)
        if due:
            self._pending = {s: None for s in self._pending if not self._answers.came(s)}

    def _wait_for_answer(self, stamp: int) -> None:
        """Wait for as long as the tracker is at work; a few frames may go without an answer."""
        came = self._client.spin_until(lambda: self._answers.came(stamp), PROMPT)
        if not came:
            self._ask()
            came = self._client.spin_until(lambda: self._answers.came(stamp), PROMPT)
        self._missed = 0 if came else self._missed + 1
        if self._missed == MISSES:
            raise NodeError(
                f'{self._tracker} left {MISSES} frames in a row unanswered{self._why()}'
            )

    def _ask(self) -> None:
        """Return when the tracker is done with all that it has received.

        Raises
        ------
        NodeError
            It is not there any more, or not active.

        """
        state = self._client.state(self._tracker, self._pace.response_timeout)
        if state != State.PRIMARY_STATE_ACTIVE:
            raise NodeError(f'{self._tracker} is not active any more: somebody deactivated it')

    def _finish(self) -> None:
        """Wait for the last answers, and for a report about them, which comes every second."""
        if not self._client.spin_until(self._answers.all_came, DEADLINE + PROMPT):
            self._ask()
        before = self._answers.reports
        self._client.spin_until(lambda: self._answers.reports > before, 3 * PROMPT)
        self._answers.close()

    def _unheard(self) -> list[str]:
        """Return topics at whose other end nobody is."""
        node = self._client.node
        sent = [p.topic_name for p in self._publishers.values() if not p.get_subscription_count()]
        return sent + [topic for topic in self._answers.topics if not node.count_publishers(topic)]

    def _why(self) -> str:
        return (
            f'; its diagnostics say: {self._answers.condition}' if self._answers.condition else ''
        )


def _publisher(client: Client, kind: type, topic: str) -> Publisher:
    return client.node.create_publisher(kind, topic, 10)
