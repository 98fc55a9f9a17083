"""Frame numbers from stamps: a dropped frame is a gap in the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import SettingError
from strongsort_ros.tracking.detections import IntArray

_SECOND: Final = 1e9
# The first stamp of a sequence's own clock is less many frames; the time of day is more.
_SEQUENCE_FRAMES: Final = 1e6


@dataclass(frozen=True, slots=True)
class FrameNumbers:
    """Which frame each stamp is.

    Attributes
    ----------
    frames
        (N,) int64, at least 0; equal stamps have the same, later ones a higher number.
    frame_rate
        Nominal frames a second; 0 where it was not given and there are no two stamps to tell it.

    """

    frames: IntArray
    frame_rate: float


def frame_numbers(stamps: npt.ArrayLike, frame_rate: float = 0.0) -> FrameNumbers:
    """Return the frame number of each stamp of a recording.

    From one frame to the next, numbers grow as the tracker counts: by the difference of stamps in
    nominal frames, rounded, at least 1. So the clock of a camera may run a little fast or slow.
    Where stamps count from the start of a sequence (frame n at n / frame rate, as
    `strongsort bag` writes them), the numbers are the sequence's own; otherwise the first is 1.

    Parameters
    ----------
    stamps
        (N,) nanoseconds, in any order.
    frame_rate
        Nominal frames a second; 0: one over the median difference of stamps, which dropped
        frames do not move until every second one is.

    Returns
    -------
    numbers
        In the order of `stamps`.

    Raises
    ------
    SettingError
        The frame rate is not a number from 0.

    """
    if not (np.isfinite(frame_rate) and frame_rate >= 0):
        raise SettingError(f'frame_rate: {frame_rate} is not a number of frames a second')
    times, place = np.unique(np.asarray(stamps, dtype=np.int64), return_inverse=True)
    differences = np.diff(times)
    rate = float(frame_rate)
    if not rate and len(differences):
        # The lower median, as the tracker's clock takes it: a difference that was there.
        middle = (len(differences) - 1) // 2
        rate = _SECOND / float(np.partition(differences, middle)[middle])
    steps = np.maximum(np.rint(differences * (rate / _SECOND)), 1).astype(np.int64)
    numbers = np.cumsum(np.concatenate([[_first(times, rate)], steps]))
    return FrameNumbers(numbers[place], rate)


def _first(times: IntArray, rate: float) -> int:
    if not len(times) or not rate:
        return 1
    first = float(times[0]) * (rate / _SECOND)
    return round(first) if 0 <= first < _SEQUENCE_FRAMES else 1
