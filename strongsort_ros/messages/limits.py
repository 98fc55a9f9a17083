"""Limits of the size of messages, whose senders otherwise decide on memory and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strongsort_ros.settings import Settings, param

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
