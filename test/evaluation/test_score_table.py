"""The score table: rows, differences and its text."""

from __future__ import annotations

import pytest

from strongsort_ros.evaluation.score_table import ALL_MEASURES, Table, score_table
from strongsort_ros.evaluation.scores import ScoredSequence, score
from test.evaluation.walks import as_tracks, exchanged, walk


def perfect(name: str) -> ScoredSequence:
    """Return two walkers with tracks that are the ground truth."""
    return ScoredSequence(name, walk(2), as_tracks(walk(2)), range(1, 21))


def test_one_sequence_has_one_row() -> None:
    pytest.importorskip('trackeval')
    table = score_table(score([perfect('walk')]))
    assert table.head == ['sequence', 'HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW', 'tracks']
    assert table.rows == [['walk', *['100.00'] * 5, '0', '2']]


def test_before_after_and_difference_of_each_sequence_and_combined() -> None:
    pytest.importorskip('trackeval')
    before, after = score([exchanged('a'), exchanged('b')]), score([perfect('b'), perfect('a')])
    table = score_table(before, after, ALL_MEASURES)
    assert [row[:2] for row in table.rows] == [
        [name, side]
        for name in ('a', 'b', 'combined')
        for side in ('before', 'after', 'difference')
    ]
    idsw = table.head.index('IDSW')
    assert [row[idsw] for row in table.rows] == ['2', '0', '-2', '2', '0', '-2', '4', '0', '-4']
    assert all(len(row) == len(table.head) for row in table.rows)


def test_lines_are_aligned_and_groups_named_once() -> None:
    rows = [
        ['one', 'before', '9.50', '1,024'],
        ['one', 'after', '10.00', '7'],
        ['two', 'x', '-', '0'],
    ]
    table = Table('Scores', ('sequence', 'side', 'HOTA', 'IDSW'), rows, grouped=True)
    assert table.numeric == [False, False, True, True]
    assert table.lines() == [
        'sequence  side     HOTA   IDSW',
        '--------  ------  -----  -----',
        'one       before   9.50  1,024',
        '          after   10.00      7',
        'two       x           -      0',
    ]
