"""Number frames by their stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import SettingError
from strongsort_ros.types import SECOND, IntArray

# Stamps that start below this many frames count from the start of a sequence; the time of day
# is far above.
_SEQUENCE_FRAMES: Final = 1e6


@dataclass(frozen=True, slots=True)
class FrameNumbers:
    """Frame numbers of N stamps.

    Attributes
    ----------
    frames
        (N,) int64, at least 0; equal stamps have equal numbers, later ones higher numbers.
    frame_rate
        Nominal frames per second; 0 if it was not given and there are fewer than two stamps.

    """

    frames: IntArray
    frame_rate: float


def frame_numbers(stamps: npt.ArrayLike, frame_rate: float = 0.0) -> FrameNumbers:
    """Return the frame number of each stamp of a recording.

    As in the tracker, a number is the previous one plus the difference of stamps in nominal
    frames, rounded, at least 1; a camera clock that runs a little fast or slow does no harm.
    Where stamps count from the start of a sequence (frame n at n / frame rate, as
    `strongsort bag` writes them), the numbers are the sequence's own; otherwise the first is 1.

    Parameters
    ----------
    stamps
        (N,) nanoseconds, in any order.
    frame_rate
        Nominal frames per second; 0 takes one over the median difference of stamps, which stays
        right until every second frame is dropped.

    Raises
    ------
    SettingError
        The frame rate is negative or not finite.

    """
    if not (np.isfinite(frame_rate) and frame_rate >= 0):
        raise SettingError(f'frame_rate: {frame_rate}, expected a finite number from 0')
    times, place = np.unique(np.asarray(stamps, dtype=np.int64), return_inverse=True)
    differences = np.diff(times)
    rate = float(frame_rate)
    if not rate and len(differences):
        # The lower median, as in the tracker's clock: a difference that occurs.
        middle = (len(differences) - 1) // 2
        rate = SECOND / float(np.partition(differences, middle)[middle])
    steps = np.maximum(np.rint(differences * (rate / SECOND)), 1).astype(np.int64)
    numbers = np.cumsum(np.concatenate([[_first_frame(times, rate)], steps]))
    return FrameNumbers(numbers[place], rate)


def _first_frame(times: IntArray, rate: float) -> int:
    if not len(times) or not rate:
        return 1
    first = float(times[0]) * (rate / SECOND)
    return round(first) if 0 <= first < _SEQUENCE_FRAMES else 1
