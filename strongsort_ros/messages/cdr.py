"""Read and write serialised ROS messages without ROS.

rclpy creates a Python object for every nested message, which takes longer for 60 detections than
tracking them. This module reads fields directly from the bytes; pixels are never copied. The
encoding is plain CDR (OMG DDS-XTypes 1.3, section 7.4.3: XCDR version 1), which every ROS 2
middleware writes. `InputLimits` bounds memory and time, on which senders otherwise decide.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from strongsort_ros.errors import LimitError, MessageError
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import SECOND

HEADER_BYTES: Final = 4
"""Encapsulation header at the start of every message; it names the byte order."""
MEGA: Final = 1_000_000
LONGEST_FRAME_ID: Final = 1024
"""Largest frame_id of a header, bytes; every published detection repeats it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLimits(Settings):
    """Limits of a message, checked before it is decoded.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    detections: int = param(
        2000,
        'Largest number of detections in a message; messages with more are dropped.',
        low=1,
        high=100_000,
    )
    hypotheses: int = param(
        1000, 'Largest number of hypotheses of a detection; messages with more are dropped.', low=1,
        high=100_000,
    )  # fmt: skip
    image_size: float = param(
        100.0, 'Largest image, raw or decompressed; the detections of a larger one are tracked by '
        'motion alone.', 'Mpx', low=0.01, high=1000.0,
    )  # fmt: skip


DEFAULT_LIMITS: Final = InputLimits()


@dataclass(frozen=True, slots=True)
class Header:
    """std_msgs/Header: time and frame of reference."""

    seconds: int
    nanoseconds: int
    frame_id: str

    @property
    def stamp(self) -> int:
        """Time in nanoseconds."""
        return self.seconds * SECOND + self.nanoseconds


class Reader:
    """Reads the fields of a serialised message one after the other.

    `position` and alignment count from the end of the encapsulation header. Methods that run past
    the end of the message raise struct.error or IndexError; callers turn these into MessageError.
    """

    def __init__(self, message: bytes | memoryview) -> None:
        if len(message) < HEADER_BYTES or message[0] != 0 or message[1] > 1:
            raise MessageError(f'no CDR message: it begins with {bytes(message[:4]).hex(" ")!r}')
        self.order = order = '<' if message[1] else '>'
        self.data = memoryview(message)[HEADER_BYTES:]
        self.position = 0
        self._uint = struct.Struct(order + 'I')
        self._stamp = struct.Struct(order + 'iI')
        self._double = struct.Struct(order + 'd')
        self._box = struct.Struct(order + '5d')

    def uint(self) -> int:
        """Read a uint32."""
        at = (self.position + 3) & ~3
        self.position = at + 4
        return int(self._uint.unpack_from(self.data, at)[0])

    def byte(self) -> int:
        """Read a uint8."""
        self.position += 1
        return self.data[self.position - 1]

    def double(self) -> float:
        """Read a float64."""
        at = (self.position + 7) & ~7
        self.position = at + 8
        return float(self._double.unpack_from(self.data, at)[0])

    def box(self) -> tuple[float, ...]:
        """Read a vision_msgs/BoundingBox2D: centre x and y, angle, width and height."""
        at = (self.position + 7) & ~7
        self.position = at + 40
        return self._box.unpack_from(self.data, at)

    def bytes(self) -> memoryview:
        """Return a view of a sequence of uint8, or of a string with its final zero."""
        length = self.uint()
        at = self.position
        self.position = at + length
        if self.position > len(self.data):
            raise MessageError(f'message ends {self.position - len(self.data)} bytes too early')
        return self.data[at : self.position]

    def string(self) -> str:
        """Read a string; invalid UTF-8 is replaced by U+FFFD."""
        return str(self.bytes()[:-1], 'utf-8', 'replace')

    def header(self) -> Header:
        """Read a std_msgs/Header."""
        at = (self.position + 3) & ~3
        self.position = at + 8
        seconds, nanoseconds = self._stamp.unpack_from(self.data, at)
        frame_id = self.bytes()
        if len(frame_id) > LONGEST_FRAME_ID:
            raise LimitError(
                f'frame_id has {len(frame_id)} bytes, more than the limit of {LONGEST_FRAME_ID}'
            )
        return Header(seconds, nanoseconds, str(frame_id[:-1], 'utf-8', 'replace'))

    def skip_header(self) -> None:
        """Skip a std_msgs/Header."""
        self.position = ((self.position + 3) & ~3) + 8
        self.bytes()


def read_header(message: bytes | memoryview) -> Header:
    """Read the header with which a message begins.

    Raises
    ------
    MessageError
        The message is truncated or not CDR.

    """
    try:
        return Reader(message).header()
    except (struct.error, IndexError) as error:
        raise MessageError(f'message of {len(message)} bytes: {error}') from error


def write_header(header: Header, count: int) -> bytes:
    """Return the start of a message: encapsulation, std_msgs/Header, and an array's length."""
    frame_id = header.frame_id.encode() + b'\0'
    text = f'{len(frame_id)}s{-len(frame_id) % 4}x'
    return b'\0\1\0\0' + struct.pack(
        f'<iII{text}I', header.seconds, header.nanoseconds, len(frame_id), frame_id, count
    )
