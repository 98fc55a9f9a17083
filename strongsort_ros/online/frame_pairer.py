"""Serialised messages in, frames out: headers are read, messages paired, and all is counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import read_header
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.config import NodeSettings
from strongsort_ros.online.frame_processor import StampedMessage
from strongsort_ros.online.image_buffer import Limits
from strongsort_ros.online.synchroniser import Synchroniser
from strongsort_ros.types import SECOND

IMAGE: Final = 'image'
DETECTIONS: Final = 'detections'


class FramePairer:
    """What comes in on the two topics of a tracker, by a clock of the caller's.

    Parameters
    ----------
    settings
        Transport, deadline, tolerance, limits of what waits.
    reject
        Called with one line about every message that cannot be read.
    warn
        Called once with each thing that is odd about the messages.
    live
        Frames are left out when the tracker is behind; False: never.

    """

    def __init__(
        self,
        settings: NodeSettings,
        reject: Callable[[str], None],
        warn: Callable[[str], None],
        *,
        live: bool = True,
    ) -> None:
        self.uses_images = settings.image_transport != 'none'
        self._settings = settings
        self._synchroniser = Synchroniser[StampedMessage, StampedMessage](
            settings.buffer_size,
            round(settings.sync_deadline * SECOND),
            tolerance=round(settings.sync_tolerance * SECOND),
            backlog=round(settings.max_backlog * SECOND) if live else None,
            limits=Limits(
                settings.buffer_size,
                round(settings.buffer_time * SECOND),
                settings.buffer_memory << 20,
            ),
            uses_images=self.uses_images,
        )
        self._malformed: Counter[str] = Counter()
        self._reject = reject
        self._warn = warn
        self._warned: set[str] = set()

    @property
    def counts(self) -> Counter[str]:
        """What became of every message, by name: see `Synchroniser.counts`, and `malformed_*`."""
        return self._synchroniser.counts + self._malformed

    @property
    def slow_detector(self) -> str:
        """How late detections came whose image had been discarded, and what to do; '': none."""
        if self._synchroniser.expired is None:
            return ''
        delay, limit = self._synchroniser.expired
        setting = {'time': 'buffer_time', 'number': 'buffer_size', 'bytes': 'buffer_memory'}[limit]
        value = getattr(self._settings, setting)
        unit = self._settings.specs()[setting].unit
        return (
            f'detections come {delay / SECOND:.2f} s after their images, which had been discarded '
            f'by then: raise {setting}, {value:g} {unit}'
        )

    def clear(self) -> None:
        """Drop what waits."""
        self._synchroniser.clear()

    def add_image(self, message: bytes, now: int) -> None:
        """Keep an image; `now` is monotonic, nanoseconds."""
        received = self._receive(IMAGE, message, now)
        if received is not None:
            self._synchroniser.add_image(received.header.stamp, received, now, len(message))

    def add_detections(self, message: bytes, now: int) -> None:
        """Keep detections; `now` is monotonic, nanoseconds."""
        received = self._receive(DETECTIONS, message, now)
        if received is not None:
            content = hash(bytes(message))
            self._synchroniser.add_detections(received.header.stamp, received, now, content)

    def take(self, now: int) -> list[Frame[StampedMessage, StampedMessage]]:
        """Return the frames to be tracked next; at most the last has an image."""
        frames = self._synchroniser.take(now)
        for frame in frames:
            self._compare(frame)
        return frames

    @property
    def ready(self) -> bool:
        """Whether `take` gives a frame now though nothing comes and no time passes."""
        return self._synchroniser.ready

    def wait(self, now: int) -> int | None:
        """Return nanoseconds until a deadline passes, after which to `take`; None: never."""
        return self._synchroniser.wait(now)

    def _receive(self, topic: str, message: bytes, now: int) -> StampedMessage | None:
        try:
            header = read_header(message)
        except MessageError as error:
            self._malformed[f'malformed_{topic}'] += 1
            self._reject(f'{topic}: {error}; dropped')
            return None
        if header.stamp <= 0:
            self._warn_once(
                f'{topic}: messages have no stamp, so images cannot be paired with detections and '
                'tracks follow motion alone; set header.stamp, in detections to that of the image'
            )
        return StampedMessage(header, message, time.perf_counter(), now)

    def _compare(self, frame: Frame[StampedMessage, StampedMessage]) -> None:
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
            self._warn(text)
