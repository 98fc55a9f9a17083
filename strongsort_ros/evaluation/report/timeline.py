"""Timelines: a row for each person, a colour for each track that matches the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from strongsort_ros.evaluation.matching import UNMATCHED, TrackMatches
from strongsort_ros.evaluation.report.model import Drawing
from strongsort_ros.evaluation.report.time_axis import CHART_WIDTH, NAMES_WIDTH, TOP, TimeAxis
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.drawing import colour_of
from strongsort_ros.files.labels import BLACK, ink_on
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import BoolArray, IntArray

MOST_ROWS: Final = 30

_LANE, _ABOVE, _BETWEEN = 12, 7, 6
_DIGIT = 6.2  # width of a digit of the small type
_NOTE = NAMES_WIDTH - 10
_MARK = 9.0  # pixels between the middles of two triangles that do not touch
_MOST_ENLARGED: Final = 10
_MARGIN: Final = 10  # frames before the first and after the last switch of enlarged rows
_WIDEST: Final = 24_000  # pixels


@dataclass(frozen=True, slots=True)
class Timeline:
    """Drawing of a sequence's people, or of its tracks where there is no ground truth.

    Attributes
    ----------
    sequence
        Name of the sequence.
    drawing
        None if there is nothing to draw.
    enlarged
        The rows in which marks of switches overlap; None: there are none.
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
    enlarged: Drawing | None = None


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
    """Lanes one below the other, with a label and a note in the column of names."""

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
    axis = TimeAxis(frames)
    text = f'people of {name} and their tracks over time'
    return Timeline(
        name,
        _draw(rows, axis, text),
        len(rows),
        len(hidden),
        [int(side.switched.sum()) for side in sides],
        [sum(counts) for counts in zip(*(switches[p] for p in hidden), strict=True)],
        _draw_enlarged(rows, axis, text),
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
    drawing = _draw(rows, TimeAxis(sides[0].frames), f'tracks of {name} over time')
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


def _draw_enlarged(rows: Sequence[Row], axis: TimeAxis, description: str) -> Drawing | None:
    """Draw the rows in which marks of switches overlap, in the frames of their switches."""
    chosen, nearest = [], len(axis.frames)
    for row in rows:
        gaps = [b[0] - a[0] for lane in row.lanes for a, b in pairwise(lane.switches)]
        if gaps and min(gaps) * axis.x(axis.frames.start + 1) < _MARK:
            chosen.append(row)
            nearest = min(nearest, *gaps)
    chosen = chosen[:_MOST_ENLARGED]
    switches = [switch[0] for row in chosen for lane in row.lanes for switch in lane.switches]
    if not switches:
        return None
    frames = range(
        max(min(switches) - _MARGIN, axis.frames.start),
        min(max(switches) + _MARGIN, axis.frames.stop),
    )
    width = round(min(_MARK / nearest * len(frames), _WIDEST))
    enlarged = TimeAxis(frames, max(width, CHART_WIDTH))
    return _draw([_cut(row, frames) for row in chosen], enlarged, f'{description}, enlarged')


def _cut(row: Row, frames: range) -> Row:
    """Return the part of a row that lies in some frames, with all switches."""
    lanes = [
        Lane(
            [
                Piece(max(piece.first, frames.start), min(piece.end, frames.stop), piece.track)
                for piece in lane.pieces
                if piece.first < frames.stop and piece.end > frames.start
            ],
            lane.switches,
        )
        for lane in row.lanes
    ]
    return Row(row.label, lanes, row.note)


def _draw(rows: Sequence[Row], axis: TimeAxis, description: str) -> Drawing | None:
    if not rows:
        return None
    heights = [len(row.lanes) * (_LANE + _ABOVE) + _BETWEEN for row in rows]
    bottom = TOP + sum(heights)
    parts, top = list(axis.grid(bottom)), TOP
    noted = any(row.note for row in rows)
    names = [f'<text x="{_NOTE}" y="12" text-anchor="end">switches</text>'] if noted else []
    for row, height in zip(rows, heights, strict=True):
        middle = top + height / 2 + 5
        names += [
            f'<path class="grid" d="M0 {top}H{NAMES_WIDTH}"/>',
            f'<text x="0" y="{middle:.1f}">{row.label}</text>',
            f'<text x="{_NOTE}" y="{middle:.1f}" text-anchor="end">{row.note}</text>',
        ]
        parts.append(f'<path class="grid" d="M0 {top}H{axis.width}"/>')
        parts += _draw_row(row, top, axis)
        top += height
    return Drawing(
        'timeline', axis.width, bottom + 2, description, '\n'.join(parts), '\n'.join(names),
        axis.frames,
    )  # fmt: skip


def _draw_row(row: Row, top: int, axis: TimeAxis) -> Iterator[str]:
    for number, lane in enumerate(row.lanes):
        y = top + _BETWEEN // 2 + number * (_LANE + _ABOVE) + _ABOVE
        for piece in _wide_enough(lane.pieces, axis):
            yield _draw_piece(piece, y, axis)
        # One mark for all switches within a pixel.
        for x, near in groupby(lane.switches, lambda switch: round(axis.x(switch[0]))):
            switches = list(near)
            title = '; '.join(f'frame {f}: from track {old} to {new}' for f, old, new in switches)
            yield (
                f'<path class="switch" data-frame="{switches[0][0]}" '
                f'd="M{x} {y}l-4 -6h8zv{_LANE}"><title>{title}</title></path>'
            )


def _wide_enough(pieces: Sequence[Piece], axis: TimeAxis) -> Iterator[Piece]:
    """Yield the pieces except those that end within the same pixel as the one before."""
    drawn = None
    for piece in pieces:
        end = round(axis.x(piece.end))
        if end != drawn:
            yield piece
        drawn = end


def _draw_piece(piece: Piece, y: int, axis: TimeAxis) -> str:
    x, end = axis.x(piece.first), axis.x(piece.end)
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
        ink = 'dark' if ink_on((blue, green, red)) == BLACK else 'light'
        drawn += f'<text class="{ink}" x="{x + 4:.1f}" y="{y + 9.5}">{piece.track}</text>'
    return drawn
