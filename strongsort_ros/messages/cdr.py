"""Read serialised ROS messages in place: the bytes of an image are never copied.

rclpy makes a Python object of every nested message; for an array of 60 detections that takes
longer than tracking them. What the tracker needs is read here from the bytes instead. A message
that is cut off or nonsense raises `MessageError` and cannot end the node. The encoding is plain
CDR (OMG DDS-XTypes 1.3, section 7.4.3: XCDR version 1), which every ROS 2 middleware writes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strongsort_ros.errors import LimitError, MessageError
from strongsort_ros.messages.images import CompressedImage, Converter, RawImage
from strongsort_ros.messages.limits import DEFAULT_LIMITS, LONGEST_FRAME_ID, InputLimits
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import SECOND, Image

HEADER_BYTES: Final = 4
"""Of every message: what encoding it is in."""
POSE_BYTES: Final = 8 * (7 + 36)
"""A geometry_msgs/PoseWithCovariance: position, orientation, covariance."""
_LEAST_DETECTION: Final = 64
"""Bytes of a Detection2D without any text: header, count of hypotheses, box, id."""


@dataclass(frozen=True, slots=True)
class Header:
    """std_msgs/Header: time, and frame of reference."""

    seconds: int
    nanoseconds: int
    frame_id: str

    @property
    def stamp(self) -> int:
        """Time in nanoseconds."""
        return self.seconds * SECOND + self.nanoseconds


class Reader:
    """Goes through serialised bytes; positions and alignment count from the end of their header."""

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
        """Return a view of a sequence of uint8."""
        length = self.uint()
        at = self.position
        self.position = at + length
        if self.position > len(self.data):
            raise MessageError(f'message ends {self.position - len(self.data)} bytes too early')
        return self.data[at : self.position]

    def string(self) -> str:
        """Read a string; bytes that are no UTF-8 are replaced."""
        return str(self.bytes()[:-1], 'utf-8', 'replace')

    def header(self) -> Header:
        """Read a std_msgs/Header, with which a message begins or a detection within it."""
        at = (self.position + 3) & ~3
        self.position = at + 8
        seconds, nanoseconds = self._stamp.unpack_from(self.data, at)
        frame_id = self.bytes()
        if len(frame_id) > LONGEST_FRAME_ID:
            raise LimitError(
                f'frame_id of {len(frame_id)} bytes; it can have at most {LONGEST_FRAME_ID}'
            )
        return Header(seconds, nanoseconds, str(frame_id[:-1], 'utf-8', 'replace'))

    def skip_header(self) -> None:
        """Pass over a std_msgs/Header."""
        self.position = ((self.position + 3) & ~3) + 8
        self.bytes()


def write_header(header: Header, count: int) -> bytes:
    """Return the begin of a message: its encoding, its header, and the length of its array."""
    frame_id = header.frame_id.encode() + b'\0'
    text = f'{len(frame_id)}s{-len(frame_id) % 4}x'
    return b'\0\1\0\0' + struct.pack(
        f'<iII{text}I', header.seconds, header.nanoseconds, len(frame_id), frame_id, count
    )


def read_header(message: bytes | memoryview) -> Header:
    """Read the header of any message that begins with one.

    Raises
    ------
    MessageError
        As all functions here.

    """
    try:
        return Reader(message).header()
    except (struct.error, IndexError) as error:
        raise MessageError(f'message of {len(message)} bytes: {error}') from error


def read_image(message: bytes) -> RawImage:
    """Read a sensor_msgs/Image; the pixels stay where they are."""
    try:
        reader = Reader(message)
        reader.header()
        height, width, encoding = reader.uint(), reader.uint(), reader.string()
        big_endian = bool(reader.byte())
        return RawImage(height, width, encoding, reader.uint(), reader.bytes(), big_endian)
    except (struct.error, IndexError) as error:
        raise MessageError(f'image message of {len(message)} bytes: {error}') from error


def read_compressed_image(message: bytes) -> CompressedImage:
    """Read a sensor_msgs/CompressedImage; the data stay where they are."""
    try:
        reader = Reader(message)
        reader.header()
        return CompressedImage(reader.string(), reader.bytes())
    except (struct.error, IndexError) as error:
        raise MessageError(f'image message of {len(message)} bytes: {error}') from error


def decode_image(
    message: bytes,
    transport: str,
    limits: InputLimits = DEFAULT_LIMITS,
    converter: Converter | None = None,
) -> Image:
    """Return (H, W, 3) BGR of a serialised image message.

    Parameters
    ----------
    message
        A sensor_msgs/Image or, with transport 'compressed', a sensor_msgs/CompressedImage.
    transport
        'raw' or 'compressed'.
    limits
        Larger images are refused before they are decoded.
    converter
        As of `RawImage.decode`.

    Raises
    ------
    MessageError, ImageError
        The message or the image in it cannot be used.

    """
    if transport == 'compressed':
        return read_compressed_image(message).decode(limits)
    return read_image(message).decode(limits, converter)


def read_detections(message: bytes, limits: InputLimits = DEFAULT_LIMITS) -> Detections:
    """Read a vision_msgs/Detection2DArray.

    The class is that of the best hypothesis. A detection without hypotheses has class '' and
    score 1: its detector reports what it is sure of. The angle of boxes is not used.

    Raises
    ------
    LimitError
        There are more detections, or hypotheses of one, than `limits` allow.

    """
    try:
        reader = Reader(message)
        reader.header()
        count = reader.uint()
        if count > limits.detections:
            raise LimitError(
                f'{count} detections in one message, more than limits.detections, '
                f'{limits.detections}: filter them in the detector, or raise the limit'
            )
        if count * _LEAST_DETECTION > len(reader.data):
            raise MessageError(f'message of {len(message)} bytes cannot hold {count} detections')
        rows = [_read_detection(reader, limits.hypotheses) for _ in range(count)]
    except (struct.error, IndexError) as error:
        raise MessageError(f'detections message of {len(message)} bytes: {error}') from error
    if not rows:
        return Detections.empty()
    boxes, scores, class_ids = zip(*rows, strict=True)
    # Classes as objects: a table of fixed width would be as wide as the longest name.
    names = np.array(class_ids, dtype=object)
    return Detections(boxes_to_tlwh(boxes), np.array(scores), names)


def best_hypothesis(scores: Sequence[float]) -> int:
    """Return which of a detection's hypotheses counts: the first of those with the best score.

    A score that is no number is below all numbers.
    """
    best = 0
    for number, score in enumerate(scores):
        if score > scores[best] or (math.isnan(scores[best]) and not math.isnan(score)):
            best = number
    return best


def boxes_to_tlwh(boxes: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return (N, 4) left, top, width, height of (N, 5) centre x and y, angle, width, height."""
    table = np.array(boxes, dtype=np.float64)
    tlwh = np.empty((len(table), 4))
    tlwh[:, 2:] = table[:, 3:]
    with np.errstate(invalid='ignore'):  # the tracker refuses boxes at infinity
        tlwh[:, :2] = table[:, :2] - table[:, 3:] / 2
    return tlwh


def _read_detection(reader: Reader, most_hypotheses: int) -> tuple[tuple[float, ...], float, str]:
    reader.skip_header()
    count = reader.uint()
    if count > most_hypotheses:
        raise LimitError(
            f'{count} hypotheses of one detection, more than limits.hypotheses, {most_hypotheses}'
        )
    names, scores = [], []
    for _ in range(count):
        names.append(reader.bytes())
        scores.append(reader.double())
        reader.position += POSE_BYTES
    box = reader.box()
    reader.bytes()  # id
    if count == 0:
        return box, 1.0, ''
    best = best_hypothesis(scores) if count > 1 else 0
    return box, scores[best], str(names[best][:-1], 'utf-8', 'replace')
