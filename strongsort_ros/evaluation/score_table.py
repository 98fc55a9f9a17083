"""Scores before and after refinement as a table for the terminal, the log and the report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from strongsort_ros.evaluation.scores import Evaluation, Scores

_NUMBER = re.compile(r'[-+]?[\d.,]*')
_GAP: Final = '  '


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of a table and its caption.

    Attributes
    ----------
    name
        Caption.
    head
        Names of the columns.
    rows
        One text for each column.
    grouped
        Show a first cell only once where consecutive rows have the same.

    """

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    grouped: bool = False

    @property
    def numeric(self) -> list[bool]:
        """Columns that hold numbers only, which are aligned to the right."""
        columns = range(len(self.head))
        return [all(_NUMBER.fullmatch(row[i]) for row in self.rows) for i in columns]

    @property
    def groups(self) -> list[tuple[str, list[Sequence[str]]]]:
        """First cell and rows of each group; without `grouped`, every row is a group."""
        if not self.grouped:
            return [(row[0], [row]) for row in self.rows]
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=itemgetter(0))]

    def lines(self) -> list[str]:
        """Return the table as lines of text of equal width, with a rule below the head."""
        rows = [
            ['' if number else name, *row[1:]]
            for name, group in self.groups
            for number, row in enumerate(group)
        ]
        widths = [max(map(len, column)) for column in zip(self.head, *rows, strict=True)]
        rule = ['-' * width for width in widths]
        aligns = ['>' if number else '<' for number in self.numeric]
        return [
            _GAP.join(
                f'{cell:{align}{width}}'
                for cell, align, width in zip(row, aligns, widths, strict=True)
            )
            for row in (self.head, rule, *rows)
        ]


class Measure(NamedTuple):
    """One score: its attribute of `Scores`, its usual name, and whether more of it is better.

    `direction` is 1 where more is better, -1 where less is, and 0 for plain counts.
    """

    attribute: str
    name: str
    direction: int


HEADLINES: Final = (
    Measure('hota', 'HOTA', 1),
    Measure('assa', 'AssA', 1),
    Measure('deta', 'DetA', 1),
    Measure('idf1', 'IDF1', 1),
    Measure('mota', 'MOTA', 1),
    Measure('idsw', 'IDSW', -1),
)
"""The scores that papers report."""
_TRACKS: Final = Measure('ids', 'tracks', 0)
SUMMARY: Final = (*HEADLINES, _TRACKS)
ALL_MEASURES: Final = (
    *HEADLINES,
    Measure('false_positives', 'FP', -1),
    Measure('misses', 'FN', -1),
    Measure('fragments', 'Frag', -1),
    _TRACKS,
    Measure('true_ids', 'true ids', 0),
    Measure('boxes', 'boxes', 0),
    Measure('true_boxes', 'true boxes', 0),
)


def score_table(
    before: Evaluation, after: Evaluation | None = None, measures: Sequence[Measure] = SUMMARY
) -> Table:
    """Return the scores of each sequence and, where there are several, of all combined.

    Parameters
    ----------
    before
        Scores of the tracks.
    after
        Scores after refinement; adds rows 'after' and 'difference' to each sequence.
    measures
        Columns.

    """
    names = [scores.name for scores in before.sequences]
    old, new = ({s.name: s for s in e.sequences} if e else {} for e in (before, after))
    pairs = [(name, old[name], new.get(name)) for name in names]
    if len(names) > 1:
        pairs.append(('combined', before.combined, after.combined if after else None))
    head = ['sequence', *(['refinement'] if after else []), *(m.name for m in measures)]
    rows = [row for pair in pairs for row in _rows(*pair, measures)]
    return Table('Scores by sequence', head, rows, grouped=True)


def class_table(before: Evaluation, after: Evaluation | None = None) -> Table:
    """Return the scores of each class, and of all tracks as if they had one class."""
    table = score_table(before, after)
    rows = [['all as one', *row[1:]] if row[0] == 'combined' else row for row in table.rows]
    return Table('Scores by class', ['class', *table.head[1:]], rows, grouped=True)


def _rows(
    name: str, before: Scores, after: Scores | None, measures: Sequence[Measure]
) -> Iterator[list[str]]:
    old = [getattr(before, measure.attribute) for measure in measures]
    if after is None:
        yield [name, *map(format_score, old)]
        return
    new = [getattr(after, measure.attribute) for measure in measures]
    yield [name, 'before', *map(format_score, old)]
    yield [name, 'after', *map(format_score, new)]
    yield [name, 'difference', *map(format_difference, old, new)]


def format_score(value: float) -> str:
    """Return a percentage with two decimals, or a count."""
    return f'{value:,}' if isinstance(value, int) else f'{value:.2f}'


def format_difference(before: float, after: float) -> str:
    """Return the signed difference of two scores as they are displayed."""
    if isinstance(before, int):
        return f'{after - before:+d}'
    return f'{round(after, 2) - round(before, 2):+.2f}'
