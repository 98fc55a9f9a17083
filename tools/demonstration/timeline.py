"""Which track followed which person when: a row for each person, a colour for each track."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.optimize import linear_sum_assignment

from strongsort_ros.recording.drawing import colour_of
from strongsort_ros.recording.rows import GroundTruth, TrackRows
from strongsort_ros.tracking.detections import FloatArray

_WIDTH, _ROW, _LEFT = 900, 16, 60
_LEAST_OVERLAP = 0.5
_MOST_PEOPLE = 40

Span = tuple[int, int, int]
"""First frame, frame after the last, id of the track; 0: no track."""


def spans(truth: GroundTruth, tracks: TrackRows) -> dict[int, list[Span]]:
    """Return, for each true id, its time in pieces with one track each.

    Boxes belong together when they overlap (IoU) by half at least; of a frame's possible
    pairings that with the largest overlap counts.
    """
    found: dict[int, list[Span]] = defaultdict(list)
    for frame in np.unique(truth.frames).tolist():
        people = truth.select(truth.frames == frame)
        here = tracks.at(frame)
        overlap = _iou(people.tlwh, here.tlwh)
        followed = dict.fromkeys(people.ids.tolist(), 0)
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, column] >= _LEAST_OVERLAP:
                followed[int(people.ids[row])] = int(here.ids[column])
        for person, track in followed.items():
            pieces = found[person]
            if pieces and pieces[-1][1:] == (frame, track):
                pieces[-1] = (pieces[-1][0], frame + 1, track)
            else:
                pieces.append((frame, frame + 1, track))
    return dict(found)


def _iou(one: FloatArray, other: FloatArray) -> FloatArray:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum((one[:, :2] + one[:, 2:])[:, None], (other[:, :2] + other[:, 2:])[None])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(one[:, 2:], axis=1)[:, None] + np.prod(other[:, 2:], axis=1)[None]
    share: FloatArray = common / np.maximum(areas - common, 1e-9)
    return share


def draw_timeline(truth: GroundTruth, tracks: TrackRows) -> str:
    """Return an SVG; people beyond the forty longest seen are left out."""
    people = spans(truth, tracks)
    longest = sorted(people, key=lambda person: -sum(b - a for a, b, _ in people[person]))
    rows = sorted(longest[:_MOST_PEOPLE])
    first, last = int(truth.frames.min()), int(truth.frames.max()) + 1
    scale = (_WIDTH - _LEFT) / (last - first)
    head = f'<svg viewBox="0 0 {_WIDTH} {_ROW * len(rows) + 4}" role="img"'
    parts = [f'{head} aria-label="track ids over time, by person">']
    for number, person in enumerate(rows):
        y = number * _ROW
        parts.append(f'<text x="0" y="{y + 12}">person {person}</text>')
        for begin, end, track in people[person]:
            x, width = _LEFT + (begin - first) * scale, (end - begin) * scale
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{_ROW - 4}" '
                f'fill="{_fill(track)}"><title>frames {begin} to {end - 1}: '
                f'{f"track {track}" if track else "no track"}</title></rect>'
            )
    return '\n'.join([*parts, '</svg>'])


def _fill(track: int) -> str:
    if not track:
        return '#8884'
    blue, green, red = colour_of(track)
    return f'#{red:02x}{green:02x}{blue:02x}'
