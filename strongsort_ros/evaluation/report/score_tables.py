"""Scores before and after refinement, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strongsort_ros.evaluation.report.elements import note, table, text
from strongsort_ros.evaluation.scores import Evaluation, Scores

Sides = Sequence[tuple[str, Evaluation]]
"""Name ('before', 'after' or none) and scores."""

# Attribute, how it is called, and whether more is better (+1), worse (-1) or neither.
_SHARES = (
    ('hota', 'HOTA', 1), ('assa', 'AssA', 1), ('deta', 'DetA', 1),
    ('idf1', 'IDF1', 1), ('mota', 'MOTA', 1),
)  # fmt: skip
_COUNTS = (
    ('idsw', 'IDSW', -1), ('false_positives', 'FP', -1), ('misses', 'FN', -1),
    ('fragments', 'Frag', -1), ('ids', 'tracks', 0), ('true_ids', 'true ids', 0),
    ('boxes', 'boxes', 0), ('true_boxes', 'true boxes', 0),
)  # fmt: skip
_HEADLINES = (*_SHARES, _COUNTS[0])


def headlines(sides: Sides) -> str:
    """Return the scores that papers tell, of all sequences together, in large type."""
    cards = []
    for attribute, name, better in _HEADLINES:
        values = [getattr(evaluation.combined, attribute) for _, evaluation in sides]
        change = ''
        if len(values) == 2:
            change = f'<dd class="change">{_change(values[0], values[1], better)}</dd>'
        cards.append(f'<div><dt>{name}</dt><dd>{_value(values[-1])}</dd>{change}</div>')
    return f'<dl class="cards">{"".join(cards)}</dl>\n'


def _change(before: float, after: float, better: int) -> str:
    difference = _difference(before, after)
    if float(difference) == 0:
        return f'as before ({_value(before)})'
    good = (after > before) == (better > 0)
    word, kind = ('better', 'good') if good else ('worse', 'bad')
    return f'<span class="{kind}">{text(difference)} {word}</span> before: {_value(before)}'


def score_table(sides: Sides) -> str:
    """Return the scores by sequence, and combined where there are several."""
    both = len(sides) == 2
    head = ['sequence', *(['tracks'] if both else [])]
    head += [name for _, name, _ in (*_SHARES, *_COUNTS)]
    if both:
        head[1] = 'refinement'
    words = 'HOTA to MOTA in percent; IDSW: identity switches, FP: false positives, FN: misses, '
    words += 'Frag: fragments. Computed by TrackEval.'
    return table(head, _rows(sides), 'Scores by sequence', grouped=True) + note(words)


def _rows(sides: Sides) -> Iterator[list[str]]:
    names = dict.fromkeys(s.name for _, evaluation in sides for s in evaluation.sequences)
    for name in names:
        found = [
            (side, scores)
            for side, evaluation in sides
            for scores in evaluation.sequences
            if scores.name == name
        ]
        yield from _rows_of(name, found, len(sides) == 2)
    if len(names) > 1:
        combined = [(side, evaluation.combined) for side, evaluation in sides]
        yield from _rows_of('combined', combined, len(sides) == 2)


def _rows_of(name: str, found: Sequence[tuple[str, Scores]], both: bool) -> Iterator[list[str]]:
    attributes = [attribute for attribute, _, _ in (*_SHARES, *_COUNTS)]
    for side, scores in found:
        cells = [_value(getattr(scores, attribute)) for attribute in attributes]
        yield [name, *([side] if both else []), *cells]
    if len(found) == 2:
        (_, before), (_, after) = found
        pairs = ((getattr(before, a), getattr(after, a)) for a in attributes)
        yield [name, 'difference', *(_difference(*pair) for pair in pairs)]


def _value(value: float) -> str:
    return f'{value:,}' if isinstance(value, int) else f'{value:.2f}'


def _difference(before: float, after: float) -> str:
    if isinstance(before, int):
        return f'{after - before:+d}'
    # Of the figures that are shown, so that they add up.
    return f'{round(after, 2) - round(before, 2):+.2f}'
