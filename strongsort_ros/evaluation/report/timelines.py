"""The timelines of a report: which people are shown, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strongsort_ros.evaluation.matching import TrackMatches
from strongsort_ros.evaluation.report.elements import note, text
from strongsort_ros.evaluation.report.timeline import Row, draw_timeline, person_lane, track_lane
from strongsort_ros.evaluation.scores import ScoredSequence

MOST_ROWS = 30

HOW_TO_READ = (
    'A row for each true person, a colour and a number for each track: one colour all along is '
    'right. Triangles mark identity switches as CLEAR counts them, thin lines are frames in which '
    'no track followed, and where there is nothing the person was not to be seen. '
    'The number at the right counts the switches.'
)
TWO_LINES = 'Of two lines the upper is before refinement, the lower after it.'


def people_timeline(name: str, sides: Sequence[TrackMatches], frames: range) -> str:
    """Return a sequence's people over time, those with most switches first.

    Parameters
    ----------
    name
        Of the sequence.
    sides
        Before and after refinement, or one of them.
    frames
        Of the sequence.

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
    words = [f'Switches: {_counted([int(side.switched.sum()) for side in sides])}.']
    if left := order[MOST_ROWS:]:
        hidden = _counted(np.sum([switches[p] for p in left], axis=0).tolist())
        words.append(
            f'Shown are the {MOST_ROWS} people with most switches, then those longest seen; left '
            f'out are {len(left)} people, switches: {hidden}.'
        )
    return _figure(rows, frames, f'people of {name} and their tracks over time', words)


def tracks_timeline(sides: Sequence[ScoredSequence]) -> str:
    """Return a sequence's tracks over time where the truth is not known, the longest first."""
    ids, counts = np.unique(np.concatenate([s.tracks.ids for s in sides]), return_counts=True)
    order = ids[np.argsort(-counts, kind='stable')].tolist()
    rows = [
        Row(f'track {identity}', [track_lane(side.tracks, identity) for side in sides])
        for identity in order[:MOST_ROWS]
    ]
    words = ['The truth is not known: a row for each track.']
    if left := order[MOST_ROWS:]:
        words.append(f'Shown are the {MOST_ROWS} longest tracks; left out are {len(left)}.')
    return _figure(rows, sides[0].frames, f'tracks of {sides[0].name} over time', words)


def _counted(numbers: Sequence[int]) -> str:
    return '{} before, {} after'.format(*numbers) if len(numbers) == 2 else str(numbers[0])


def _figure(rows: Sequence[Row], frames: range, description: str, words: Sequence[str]) -> str:
    if not rows:
        return note('There is nothing to show.')
    drawing = draw_timeline(rows, frames, description)
    return note(' '.join(words)) + (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(description)}">'
        f'{drawing}</div>\n'
    )
