"""The identity switches of a report: pictures of the worst, and a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from strongsort_ros.evaluation.matching import Switch, TrackMatches, find_switches, worst_first
from strongsort_ros.evaluation.report.elements import details, image, note, table, text
from strongsort_ros.evaluation.report.model import Report
from strongsort_ros.evaluation.report.switch_pictures import draw_switch
from strongsort_ros.evaluation.scores import EvaluatedTracks

MOST_PICTURES = 6
MOST_PICTURES_OF_TWO = 4  # of each side
MOST_LISTED = 200

_WORST = (
    'The worst switches are those that leave the identity wrong in most frames: the fewer of the '
    'frames for which the old track had followed the person, and the frames for which others '
    'then follow, until it is back or to the end. '
)
_COLOURS = 'Boxes have the colour and number of their track; the thin white box is the person.'


def switch_sections(
    report: Report, found: Sequence[dict[str, TrackMatches]]
) -> Iterator[tuple[str, str]]:
    """Yield heading and content for each side; `found` tells whom its tracks followed."""
    for (side, recorded), following in zip(report.sides, found, strict=True):
        if following:
            heading = 'Identity switches' + (f' {side} refinement' if side else '')
            switches = worst_first(
                switch for name, each in following.items() for switch in find_switches(name, each)
            )
            yield heading, ''.join(_parts(report, recorded, switches))


def _parts(report: Report, recorded: EvaluatedTracks, switches: list[Switch]) -> Iterator[str]:
    if not switches:
        yield note('There are none.')
        return
    most = MOST_PICTURES if len(report.sides) == 1 else MOST_PICTURES_OF_TWO
    drawn = []
    for switch in switches:
        if figure := _figure(report, recorded, switch):
            drawn.append(figure)
        if len(drawn) == most:
            break
    yield note(_WORST + (_COLOURS if drawn else 'There are no images to draw them on.'))
    yield from drawn
    yield details(f'List of switches ({len(switches)})', _list(switches))


def _figure(report: Report, recorded: EvaluatedTracks, switch: Switch) -> str:
    if report.image is None:
        return ''
    sequence = next(s for s in recorded.sequences if s.name == switch.sequence)
    pictures = draw_switch(switch, sequence, partial(report.image, switch.sequence))
    if not pictures:
        return ''
    name = f'{switch.sequence}: ' if len(recorded.sequences) > 1 else ''
    caption = (
        f'{name}person {switch.person}, track {switch.old} until frame {switch.last_frame}, '
        f'track {switch.new} from frame {switch.frame}; followed for {switch.frames_kept} frames '
        f'by the old track, for {switch.frames_lost} without it'
    )
    strip = ''.join(map(image, pictures))
    return (
        f'<figure><figcaption>{text(caption)}</figcaption>\n'
        f'<div class="strip">{strip}</div></figure>\n'
    )


def _list(switches: Sequence[Switch]) -> str:
    head = (
        'sequence', 'person', 'old track', 'until frame', 'new track', 'from frame',
        'frames with it', 'frames without it',
    )  # fmt: skip
    rows = (
        [
            s.sequence,
            *map(str, (s.person, s.old, s.last_frame, s.new, s.frame, s.frames_kept)),
            str(s.frames_lost),
        ]
        for s in switches[:MOST_LISTED]
    )
    left = len(switches) - MOST_LISTED
    words = f'The worst first; {left} more are left out.' if left > 0 else 'The worst first.'
    return table(head, rows, words)
