"""Rows written frame by frame equal those written at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import TrackTextWriter, save_tracks
from strongsort_ros.files.rows import TrackRows

IDS = np.array([1, 2, 1, 3])
BOXES = np.array([[1.005, 2, 3, 4], [-5.5, 6, 7, 8], [1e6, 0, 1, 1], [0.004, 0, 9, 9]])


def test_same_bytes_as_at_once(tmp_path: Path) -> None:
    with TrackTextWriter(tmp_path / 'a.txt') as text:
        for rows in (slice(0, 2), slice(0, 0), slice(2, 4)):
            text.add(IDS[rows], BOXES[rows])
        text.finish(np.array([7, 8, 12]))
    frames, classes = np.array([7, 7, 12, 12]), np.full(4, 'person')
    save_tracks(tmp_path / 'b.txt', TrackRows(frames, IDS, BOXES, np.ones(4), classes))
    assert (tmp_path / 'a.txt').read_bytes() == (tmp_path / 'b.txt').read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.txt', 'b.txt']


def test_all_or_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with TrackTextWriter(tmp_path / 'a.txt') as text:
            text.add(IDS, BOXES)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())
    (tmp_path / 'a.txt').write_text('mine')
    with pytest.raises(InputError, match='exists'), TrackTextWriter(tmp_path / 'a.txt'):
        pass
    assert (tmp_path / 'a.txt').read_text() == 'mine'
