"""Misses and false positives over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from strongsort_ros.evaluation.matching import TrackMatches
from strongsort_ros.evaluation.report.model import Drawing
from strongsort_ros.evaluation.report.time_axis import NAMES_WIDTH, TOP, TimeAxis
from strongsort_ros.types import FloatArray, IntArray

_HEIGHT: Final = 104  # both halves, pixels
_LEAST: Final = 22  # either half
_MOST_STEPS: Final = 480
_KINDS: Final = (('misses', -1), ('false positives', 1))  # above and below the middle


def errors_chart(name: str, sides: Sequence[TrackMatches], frames: range) -> Drawing:
    """Return the chart of a sequence: misses upwards, false positives downwards.

    Parameters
    ----------
    name
        Name of the sequence.
    sides
        Matches before and after refinement, or one of them. The last is filled; one before it is
        a dashed line.
    frames
        Frames of the sequence.

    """
    axis = TimeAxis(frames)
    means = [[_means(counts) for counts in side.errors(frames)] for side in sides]
    tops = [max(math.ceil(max(side[kind].max() for side in means)), 1) for kind in (0, 1)]
    scale = _HEIGHT / sum(tops)
    above, below = (max(round(scale * top), _LEAST) for top in tops)
    middle, bottom = TOP + above, TOP + above + below
    parts, names = [*axis.grid(bottom)], []
    for number, curves in enumerate(means):
        style = 'area' if number == len(means) - 1 else 'line broken'
        for (kind, sign), curve in zip(_KINDS, curves, strict=True):
            path = _steps(middle + sign * scale * curve, middle, axis.width)
            parts.append(f'<path class="{style} {kind.split()[0]}" d="{path}"/>')
    parts.append(f'<path class="zero" d="M0 {middle}H{axis.width}"/>')
    heights = (TOP + above / 2, TOP + 8), (middle + below / 2, bottom)
    for (kind, _), top, (y, edge) in zip(_KINDS, tops, heights, strict=True):
        names.append(f'<text x="0" y="{y + 4}">{kind}</text>')
        names.append(f'<text x="{NAMES_WIDTH - 8}" y="{edge}" text-anchor="end">{top}</text>')
    text = f'misses and false positives of {name} over time'
    return Drawing(
        'timeline', axis.width, bottom + 2, text, '\n'.join(parts), '\n'.join(names), frames
    )


def _means(counts: IntArray) -> FloatArray:
    """Return the means of consecutive frames, at most `_MOST_STEPS` of them."""
    starts = np.arange(0, len(counts), max(math.ceil(len(counts) / _MOST_STEPS), 1))
    means: FloatArray = np.add.reduceat(counts, starts) / np.diff(np.append(starts, len(counts)))
    return means


def _steps(heights: FloatArray, middle: float, width: int) -> str:
    edges = np.linspace(0, width, len(heights) + 1)[1:]
    steps = zip(heights.tolist(), edges.tolist(), strict=True)
    return f'M0 {middle}' + ''.join(f'V{y:.1f}H{x:.1f}' for y, x in steps) + f'V{middle}'
