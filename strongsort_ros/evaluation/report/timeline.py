"""Timelines: a row for each person, a colour for each track that matches the person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from strongsort_ros.evaluation.matching import UNMATCHED, TrackMatches
from strongsort_ros.evaluation.report.model import Drawing
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.drawing import colour_of
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import BoolArray, IntArray

MOST_ROWS: Final = 30

_WIDTH, _LEFT, _RIGHT, _TOP = 1000, 84, 60, 24
_LANE, _ABOVE, _BETWEEN = 12, 7, 6
_DIGIT = 6.2  # width of a digit of the small type


@dataclass(frozen=True, slots=True)
class Timeline:
    """Drawing of a sequence's people, or of its tracks where there is no ground truth.

    Attributes
    ----------
    sequence
        Name of the sequence.
    drawing
        None if there is nothing to draw.
    shown, hidden
        Number of rows that are drawn and left out.
    switches, hidden_switches
        Identity switches of all people and of those left out, before and after refinement or one
        of them; empty without ground truth.

    """

    sequence: str
    drawing: Drawing | None
    shown: int
    hidden: int
    switches: Sequence[int] = ()
    hidden_switches: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive frames [first, end) with one track, or with none: `UNMATCHED`."""

    first: int
    end: int
    track: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One line: its pieces and the (frame, old track, new track) of each identity switch."""

    pieces: Sequence[Piece]
    switches: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Lanes one below the other, with a label on the left and a note on the right."""

    label: str
    lanes: Sequence[Lane]
    note: str = ''


def people_timeline(name: str, sides: Sequence[TrackMatches], frames: range) -> Timeline:
    """Return the timeline of a sequence's people, those with most switches first.

    Parameters
    ----------
    name
        Name of the sequence.
    sides
        Matches before and after refinement, or one of them.
    frames
        Frames of the sequence.

    """
    people = np.unique(np.concatenate([side.people for side in sides])).tolist()
    switches = {p: [int(side.of(p).switched.sum()) for side in sides] for p in people}
    order = sorted(people, key=lambda p: (-sum(switches[p]), -len(sides[0].of(p)), p))
    rows = [
        Row(
            f'person {person}',
            [person_lane(side.of(person)) for side in sides],
            ' → '.join(map(str, switches[person])),
        )
        for person in order[:MOST_ROWS]
    ]
    hidden = order[MOST_ROWS:]
    return Timeline(
        name,
        _draw(rows, frames, f'people of {name} and their tracks over time'),
        len(rows),
        len(hidden),
        [int(side.switched.sum()) for side in sides],
        [sum(counts) for counts in zip(*(switches[p] for p in hidden), strict=True)],
    )


def tracks_timeline(sides: Sequence[ScoredSequence]) -> Timeline:
    """Return the timeline of a sequence's tracks, the longest first, without ground truth."""
    ids, counts = np.unique(np.concatenate([s.tracks.ids for s in sides]), return_counts=True)
    order = ids[np.argsort(-counts, kind='stable')].tolist()
    rows = [
        Row(f'track {identity}', [track_lane(side.tracks, identity) for side in sides])
        for identity in order[:MOST_ROWS]
    ]
    name = sides[0].name
    drawing = _draw(rows, sides[0].frames, f'tracks of {name} over time')
    return Timeline(name, drawing, len(rows), len(order) - len(rows))


def person_lane(person: TrackMatches) -> Lane:
    """Return the lane of one person."""
    matched = person.tracks != UNMATCHED
    tracks, switched = person.tracks[matched], np.flatnonzero(person.switched[matched])
    frames = person.frames[matched][switched]
    switches = zip(
        frames.tolist(), tracks[switched - 1].tolist(), tracks[switched].tolist(), strict=True
    )
    return Lane(_pieces(person.frames, person.tracks), list(switches))


def track_lane(tracks: TrackRows, identity: int) -> Lane:
    """Return the lane of one track."""
    frames = tracks.frames[tracks.ids == identity]
    return Lane(_pieces(frames, np.full(len(frames), identity)))


def _pieces(frames: IntArray, tracks: IntArray) -> list[Piece]:
    if not len(frames):
        return []
    new: BoolArray = np.ones(len(frames), dtype=bool)
    new[1:] = (np.diff(frames) != 1) | (np.diff(tracks) != 0)
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(frames)) - 1
    return [
        Piece(int(frames[a]), int(frames[b]) + 1, int(tracks[a]))
        for a, b in zip(firsts, lasts, strict=True)
    ]


def _draw(rows: Sequence[Row], frames: range, description: str) -> Drawing | None:
    if not rows:
        return None
    heights = [len(row.lanes) * (_LANE + _ABOVE) + _BETWEEN for row in rows]
    bottom = _TOP + sum(heights)
    parts, top = list(_axis(frames, bottom)), _TOP
    for row, height in zip(rows, heights, strict=True):
        parts += _draw_row(row, top, height, frames)
        top += height
    return Drawing('timeline', _WIDTH, bottom + 2, description, '\n'.join(parts))


def _x(frame: float, frames: range) -> float:
    return _LEFT + (frame - frames.start) * (_WIDTH - _LEFT - _RIGHT) / max(len(frames), 1)


def _axis(frames: range, bottom: int) -> Iterator[str]:
    step = _step(len(frames))
    yield '<text x="0" y="12">frame</text>'
    for frame in range(math.ceil(frames.start / step) * step, frames.stop, step):
        x = _x(frame, frames)
        yield f'<path class="grid" d="M{x:.1f} 18V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="12" text-anchor="middle">{frame}</text>'


def _step(length: int) -> int:
    """Return a round number of frames that divides the length into at most ten."""
    tens: int = 10 ** max(int(math.log10(max(length / 10, 1))), 0)
    return next(n * tens for n in (1, 2, 5, 10) if n * tens >= length / 10)


def _draw_row(row: Row, top: int, height: int, frames: range) -> Iterator[str]:
    middle = top + height / 2 + 3
    yield f'<path class="grid" d="M0 {top}H{_WIDTH}"/>'
    yield f'<text x="0" y="{middle:.1f}">{row.label}</text>'
    yield f'<text x="{_WIDTH}" y="{middle:.1f}" text-anchor="end">{row.note}</text>'
    for number, lane in enumerate(row.lanes):
        y = top + _BETWEEN // 2 + number * (_LANE + _ABOVE) + _ABOVE
        for piece in _wide_enough(lane.pieces, frames):
            yield _draw_piece(piece, y, frames)
        # One mark for all switches within a pixel.
        for x, near in groupby(lane.switches, lambda switch: round(_x(switch[0], frames))):
            title = '; '.join(f'frame {f}: from track {old} to {new}' for f, old, new in near)
            yield (
                f'<path class="switch" d="M{x} {y}l-4 -6h8zv{_LANE}"><title>{title}</title></path>'
            )


def _wide_enough(pieces: Sequence[Piece], frames: range) -> Iterator[Piece]:
    """Yield the pieces except those that end within the same pixel as the one before."""
    drawn = None
    for piece in pieces:
        end = round(_x(piece.end, frames))
        if end != drawn:
            yield piece
        drawn = end


def _draw_piece(piece: Piece, y: int, frames: range) -> str:
    x, end = _x(piece.first, frames), _x(piece.end, frames)
    width = max(end - x, 0.5)
    until = (
        f'frame {piece.first}'
        if piece.end == piece.first + 1
        else f'frames {piece.first} to {piece.end - 1}'
    )
    if piece.track == UNMATCHED:
        return (
            f'<rect class="gap" x="{x:.1f}" y="{y + _LANE / 2 - 1.5}" width="{width:.1f}" '
            f'height="3"><title>{until}: no track</title></rect>'
        )
    blue, green, red = colour_of(piece.track)
    drawn = (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_LANE}" '
        f'fill="#{red:02x}{green:02x}{blue:02x}">'
        f'<title>{until}: track {piece.track}</title></rect>'
    )
    if width > _DIGIT * len(str(piece.track)) + 6:
        # Luminance as in Rec. 709: black on light colours, white on dark ones.
        ink = 'dark' if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else 'light'
        drawn += f'<text class="{ink}" x="{x + 4:.1f}" y="{y + 9.5}">{piece.track}</text>'
    return drawn
