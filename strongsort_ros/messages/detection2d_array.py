"""Tracks as a serialised vision_msgs/Detection2DArray, the `id` of each detection its track's."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from strongsort_ros.messages.cdr import HEADER_BYTES, Header, write_header
from strongsort_ros.types import FloatArray

# geometry_msgs/PoseWithCovariance of an unknown place: upright, all else 0.
_POSE = struct.pack('<7d36d', *(0.0,) * 6, 1.0, *(0.0,) * 36)


def write_detection_array(
    header: Header,
    ids: Sequence[str],
    class_ids: Sequence[str],
    scores: Sequence[float],
    cxcywh: FloatArray,
) -> bytes:
    """Return a serialised Detection2DArray: N detections of one hypothesis each.

    Parameters
    ----------
    header
        Of the array and of every detection.
    ids, class_ids, scores
        N of each.
    cxcywh
        (N, 4) boxes in pixels: centre x and y, width, height.

    """
    head = write_header(header, len(ids))
    own_header = head[HEADER_BYTES:-4]
    pieces, position = [head], len(head) - HEADER_BYTES
    rows = zip(ids, class_ids, scores, np.asarray(cxcywh).tolist(), strict=True)
    for number, class_id, score, (x, y, width, height) in rows:
        identity, kind = number.encode() + b'\0', class_id.encode() + b'\0'
        form = _form(position % 8, len(own_header), len(kind), len(identity))
        pieces.append(
            form.pack(
                own_header, 1, len(kind), kind, score, _POSE, x, y, 0.0, width, height,
                len(identity), identity,
            )
        )  # fmt: skip
        position += form.size
    return b''.join(pieces)


@lru_cache(4096)  # messages choose the lengths
def _form(position: int, header: int, class_id: int, identity: int) -> struct.Struct:
    """Return a Detection2D as it lies at a position, modulo 8, by the lengths of what it holds."""
    before = -position % 4
    after = -(position + before + header + 8 + class_id) % 8
    return struct.Struct(f'<{before}x{header}sII{class_id}s{after}xd{len(_POSE)}s5dI{identity}s')
