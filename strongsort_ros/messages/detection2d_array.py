"""Read and write serialised vision_msgs/Detection2DArray messages."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from strongsort_ros.errors import LimitError, MessageError
from strongsort_ros.messages.cdr import (
    DEFAULT_LIMITS,
    HEADER_BYTES,
    Header,
    InputLimits,
    Reader,
    write_header,
)
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import CONFIRMED, Tracks
from strongsort_ros.types import FloatArray

_POSE_BYTES: Final = 8 * (7 + 36)
"""Size of a geometry_msgs/PoseWithCovariance: position, orientation, covariance."""
_LEAST_DETECTION: Final = 64
"""Smallest Detection2D, bytes: header, number of hypotheses, box and id, without any text."""
# geometry_msgs/PoseWithCovariance with the identity orientation, all other fields 0.
_POSE = struct.pack('<7d36d', *(0.0,) * 6, 1.0, *(0.0,) * 36)


def read_detections(message: bytes, limits: InputLimits = DEFAULT_LIMITS) -> Detections:
    """Read a vision_msgs/Detection2DArray.

    The class is that of the best hypothesis. A detection without hypotheses gets class '' and
    score 1. The angle of boxes is ignored.

    Raises
    ------
    MessageError
        The message is truncated or not CDR.
    LimitError
        The message has more detections, or a detection more hypotheses, than `limits` allow.

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
        rows = [read_detection(reader, limits.hypotheses) for _ in range(count)]
    except (struct.error, IndexError) as error:
        raise MessageError(f'detections message of {len(message)} bytes: {error}') from error
    if not rows:
        return Detections.empty()
    boxes, scores, class_ids, _ = zip(*rows, strict=True)
    # An object array: a fixed-width string array would be as wide as its longest name.
    names = np.array(class_ids, dtype=object)
    return Detections(boxes_to_tlwh(boxes), np.array(scores), names)


def read_detection(
    reader: Reader, most_hypotheses: int = sys.maxsize
) -> tuple[tuple[float, ...], float, str, memoryview]:
    """Return the box, the score, the class and the id (with its final zero) of a Detection2D."""
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
        reader.position += _POSE_BYTES
    box = reader.box()
    identity = reader.bytes()
    if count == 0:
        return box, 1.0, '', identity
    best = best_hypothesis(scores) if count > 1 else 0
    return box, scores[best], str(names[best][:-1], 'utf-8', 'replace'), identity


def best_hypothesis(scores: Sequence[float]) -> int:
    """Return the index of the first highest score; NaN is lower than every number."""
    best = 0
    for number, score in enumerate(scores):
        if score > scores[best] or (math.isnan(scores[best]) and not math.isnan(score)):
            best = number
    return best


def boxes_to_tlwh(boxes: object) -> FloatArray:
    """Return (N, 4) left, top, width, height of (N, 5) centre x and y, angle, width, height."""
    table = np.array(boxes, dtype=np.float64)
    tlwh = np.empty((len(table), 4))
    tlwh[:, 2:] = table[:, 3:]
    with np.errstate(invalid='ignore'):  # the tracker refuses infinite boxes
        tlwh[:, :2] = table[:, :2] - table[:, 3:] / 2
    return tlwh


def write_tracked_detections(header: Header, tracks: Tracks) -> bytes:
    """Return a Detection2DArray of the confirmed tracks that were matched in this frame.

    Boxes are filtered; `id` is the track id.
    """
    seen = tracks.select((tracks.states == CONFIRMED) & (tracks.detection_index >= 0))
    boxes = np.concatenate((seen.mean[:, :2], seen.tlwh[:, 2:]), axis=1)
    return write_detection_array(
        header, list(map(str, seen.ids.tolist())), seen.class_ids.tolist(), seen.scores.tolist(),
        boxes,
    )  # fmt: skip


def write_detection_array(
    header: Header,
    ids: Sequence[str],
    class_ids: Sequence[str],
    scores: Sequence[float],
    cxcywh: FloatArray,
) -> bytes:
    """Return a serialised Detection2DArray of N detections with one hypothesis each.

    Parameters
    ----------
    header
        Header of the array and of every detection.
    ids, class_ids, scores
        N values each.
    cxcywh
        (N, 4) boxes in pixels: centre x and y, width, height.

    """
    head = write_header(header, len(ids))
    own_header = head[HEADER_BYTES:-4]
    pieces, position = [head], len(head) - HEADER_BYTES
    rows = zip(ids, class_ids, scores, np.asarray(cxcywh).tolist(), strict=True)
    for number, class_id, score, (x, y, width, height) in rows:
        identity, kind = number.encode() + b'\0', class_id.encode() + b'\0'
        layout = _layout(position % 8, len(own_header), len(kind), len(identity))
        pieces.append(
            layout.pack(
                own_header, 1, len(kind), kind, score, _POSE, x, y, 0.0, width, height,
                len(identity), identity,
            )
        )  # fmt: skip
        position += layout.size
    return b''.join(pieces)


@lru_cache(4096)  # bounded: the input chooses the lengths
def _layout(position: int, header: int, class_id: int, identity: int) -> struct.Struct:
    """Return the layout of a Detection2D at a position modulo 8, given the lengths of its texts."""
    before = -position % 4
    after = -(position + before + header + 8 + class_id) % 8
    return struct.Struct(f'<{before}x{header}sII{class_id}s{after}xd{len(_POSE)}s5dI{identity}s')
