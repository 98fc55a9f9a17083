"""Who was followed by which track when: a row for each person, a colour for each track."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from strongsort_ros.evaluation.matching import UNMATCHED, TrackMatches
from strongsort_ros.evaluation.report.elements import open_drawing, text
from strongsort_ros.files.drawing import colour_of
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import BoolArray, IntArray

_WIDTH, _LEFT, _RIGHT, _TOP = 1000, 84, 60, 24
_LANE, _ABOVE, _BETWEEN = 12, 7, 6
_LETTER = 6.2  # width of a figure of the small type


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
    """A person's lanes, one below the other, with words at the left and at the right."""

    label: str
    lanes: Sequence[Lane]
    note: str = ''


def person_lane(person: TrackMatches) -> Lane:
    """Return the line of one person."""
    followed = person.tracks != UNMATCHED
    tracks, switched = person.tracks[followed], np.flatnonzero(person.switched[followed])
    frames = person.frames[followed][switched]
    switches = zip(
        frames.tolist(), tracks[switched - 1].tolist(), tracks[switched].tolist(), strict=True
    )
    return Lane(_pieces(person.frames, person.tracks), list(switches))


def track_lane(tracks: TrackRows, identity: int) -> Lane:
    """Return the line of one track, where it is not known whom it followed."""
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


def draw_timeline(rows: Sequence[Row], frames: range, description: str) -> str:
    """Return the rows over the frames as an SVG element."""
    heights = [_height(row) for row in rows]
    bottom = _TOP + sum(heights)
    parts = [open_drawing('timeline', _WIDTH, bottom + 2, description), *_axis(frames, bottom)]
    top = _TOP
    for row, height in zip(rows, heights, strict=True):
        parts += _draw_row(row, top, height, frames)
        top += height
    return '\n'.join([*parts, '</svg>\n'])


def _height(row: Row) -> int:
    return len(row.lanes) * (_LANE + _ABOVE) + _BETWEEN


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
    """Return a round number of frames, of which about ten make the length."""
    tens: int = 10 ** max(int(math.log10(max(length / 10, 1))), 0)
    return next(n * tens for n in (1, 2, 5, 10) if n * tens >= length / 10)


def _draw_row(row: Row, top: int, height: int, frames: range) -> Iterator[str]:
    middle = top + height / 2 + 3
    yield f'<path class="grid" d="M0 {top}H{_WIDTH}"/>'
    yield f'<text x="0" y="{middle:.1f}">{text(row.label)}</text>'
    yield f'<text x="{_WIDTH}" y="{middle:.1f}" text-anchor="end">{text(row.note)}</text>'
    for number, lane in enumerate(row.lanes):
        y = top + _BETWEEN // 2 + number * (_LANE + _ABOVE) + _ABOVE
        for piece in _wide_enough(lane.pieces, frames):
            yield _draw_piece(piece, y, frames)
        # As one where they cannot be told apart.
        for x, near in groupby(lane.switches, lambda switch: round(_x(switch[0], frames))):
            words = '; '.join(f'frame {f}: from track {old} to {new}' for f, old, new in near)
            yield (
                f'<path class="switch" d="M{x} {y}l-4 -6h8zv{_LANE}"><title>{words}</title></path>'
            )


def _wide_enough(pieces: Sequence[Piece], frames: range) -> Iterator[Piece]:
    """Yield pieces but those that end within the same pixel as the one before."""
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
        else (f'frames {piece.first} to {piece.end - 1}')
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
    if width > _LETTER * len(str(piece.track)) + 6:
        # Luminance as in Rec. 709: black on light colours, white on dark ones.
        ink = 'dark' if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else 'light'
        drawn += f'<text class="{ink}" x="{x + 4:.1f}" y="{y + 9.5}">{piece.track}</text>'
    return drawn
