"""Time axis of the charts: frames from left to right, names in a column beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CHART_WIDTH: Final = 960
NAMES_WIDTH: Final = 116
TOP: Final = 24
"""Height of the numbers of the frames, pixels."""
_STEP: Final = 90.0  # smallest distance of two numbers, pixels
_NUMBER: Final = 40.0  # width of a number


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Horizontal axis of frames.

    Attributes
    ----------
    frames
        Frames of the sequence.
    width
        Width of the chart, pixels.

    """

    frames: range
    width: int = CHART_WIDTH

    def x(self, frame: float) -> float:
        """Return the left edge of a frame, pixels."""
        return (frame - self.frames.start) * self.width / max(len(self.frames), 1)

    def grid(self, bottom: int) -> Iterator[str]:
        """Yield lines down to `bottom` at round frames, with their numbers."""
        step = _round_step(len(self.frames) * _STEP / self.width)
        for frame in range(math.ceil(self.frames.start / step) * step, self.frames.stop, step):
            x = self.x(frame)
            yield f'<path class="grid" d="M{x:.1f} 0V{bottom}"/>'
            if x < self.width - _NUMBER:
                yield f'<text x="{x + 4:.1f}" y="12">{frame}</text>'


def _round_step(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... that is not below `least`."""
    tens: int = 10 ** max(math.floor(math.log10(max(least, 1))), 0)
    return next(n * tens for n in (1, 2, 5, 10) if n * tens >= least)
