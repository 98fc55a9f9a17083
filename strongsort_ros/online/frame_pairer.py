"""Pairs serialised image and detection messages by the stamps in their headers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeAlias

from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import Header, read_header
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.config import NodeSettings
from strongsort_ros.online.image_buffer import Limits
from strongsort_ros.online.synchroniser import Synchroniser
from strongsort_ros.types import SECOND, Image

IMAGE: Final = 'image'
DETECTIONS: Final = 'detections'
"""Names of the two inputs in counters and log lines."""


@dataclass(frozen=True, slots=True)
class StampedMessage:
    """A serialised message and its header.

    Attributes
    ----------
    header
        The message's header.
    data
        The serialised message.
    arrived
        Time of arrival by `time.perf_counter`, seconds.
    clock
        Time of arrival by the clock of the deadlines, nanoseconds.
    pixels
        The decoded image, where it is decoded ahead of tracking.

    """

    header: Header
    data: bytes
    arrived: float
    clock: int = 0
    pixels: Future[Image] | None = None


MessageFrame: TypeAlias = Frame[StampedMessage, StampedMessage]


class FramePairer(Synchroniser[StampedMessage, StampedMessage]):
    """Synchroniser that takes serialised messages and reads their headers.

    Parameters
    ----------
    settings
        Transport, deadline, tolerance and limits of the buffers.
    reject
        Called with one line for each message whose header cannot be read.
    warn
        Called once for each kind of defect in the headers.
    live
        Drop frames when the tracker falls behind; False: never.

    Attributes
    ----------
    counts
        Counters of `Synchroniser`, and `malformed_image` and `malformed_detections`.

    """

    def __init__(
        self,
        settings: NodeSettings,
        reject: Callable[[str], None],
        warn: Callable[[str], None],
        *,
        live: bool = True,
    ) -> None:
        super().__init__(
            settings.buffer_size,
            round(settings.sync_deadline * SECOND),
            tolerance=round(settings.sync_tolerance * SECOND),
            backlog=round(settings.max_backlog * SECOND) if live else None,
            limits=Limits(
                settings.buffer_size,
                round(settings.buffer_time * SECOND),
                settings.buffer_memory << 20,
            ),
            uses_images=settings.image_transport != 'none',
        )
        self._settings = settings
        self._reject = reject
        self._warn = warn
        self._warned: set[str] = set()

    @property
    def slow_detector(self) -> str:
        """Advice for detections that came after their image had been discarded; '' without any."""
        if self.expired is None:
            return ''
        delay, limit = self.expired
        setting = {'time': 'buffer_time', 'number': 'buffer_size', 'bytes': 'buffer_memory'}[limit]
        value, unit = getattr(self._settings, setting), self._settings.specs()[setting].unit
        return (
            f'detections arrive {delay / SECOND:.2f} s after their images, which have been '
            f'discarded by then: raise {setting} above {value:g} {unit}'
        )

    def receive(self, topic: str, message: bytes, now: int) -> None:
        """Add a serialised message.

        Parameters
        ----------
        topic
            `IMAGE` or `DETECTIONS`.
        message
            The serialised message; without a readable header it is counted and rejected.
        now
            Time of arrival by a monotonic clock, nanoseconds.

        """
        try:
            header = read_header(message)
        except MessageError as error:
            self.counts[f'malformed_{topic}'] += 1
            self._reject(f'{topic}: {error}; dropped')
            return
        if header.stamp <= 0 and topic not in self._warned:
            self._warned.add(topic)
            self._warn(
                f'{topic}: messages have no stamp, so images cannot be paired with detections and '
                'tracks follow motion alone; set header.stamp, in detections to that of the image'
            )
        stamped = StampedMessage(header, message, time.perf_counter(), now)
        if topic == IMAGE:
            self.add_image(header.stamp, stamped, now, len(message))
        else:
            self.add_detections(header.stamp, stamped, now, hash(bytes(message)))
