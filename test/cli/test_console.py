"""What the commands print."""

from __future__ import annotations

import pytest

from strongsort_ros.cli.console import count, tracks_and_boxes


@pytest.mark.parametrize(
    ('number', 'text'), [(0, '0 boxes'), (1, '1 box'), (2, '2 boxes'), (1000, '1000 boxes')]
)
def test_counts_agree_with_their_noun(number: int, text: str) -> None:
    assert count(number, 'box', 'boxes') == text


def test_tracks_and_boxes() -> None:
    assert tracks_and_boxes(1, 1) == '1 track, 1 box'
    assert tracks_and_boxes(2, 0) == '2 tracks, 0 boxes'
