"""The states beside a file of tracks: written, read back exactly, and refused if out of date."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import save_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.track_states import (
    load_recorded_tracks,
    save_track_states,
    states_beside,
)
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE

STATES = [TENTATIVE, TENTATIVE, CONFIRMED, LOST, CONFIRMED, TENTATIVE]
"""Of track 1 in frames 1 to 5, and of track 2, which is never confirmed, in frame 6."""


def recording(left: float = 10.0, class_id: str = 'person') -> TrackRows:
    frames = np.arange(1, 7)
    tlwh = np.column_stack([left + frames / 3, np.full(6, 20.0), np.full(6, 30), np.full(6, 60)])
    ids, scores = np.array([1, 1, 1, 1, 1, 2]), frames / 7
    return TrackRows(frames, ids, tlwh, scores, np.full(6, class_id), np.array(STATES))


def save(path: Path, rows: TrackRows) -> Path:
    save_tracks(path, rows.select(rows.reported))
    save_track_states(path, rows)
    return path


numbers = st.floats(-1e6, 1e6).map(lambda number: number + 0.0)  # -0.0 is written as 0.0


@settings(max_examples=30, deadline=None)
@given(numbers, st.text('ab ,"é', min_size=1, max_size=5).map(str.strip))
def test_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, left: float, class_id: str
) -> None:
    """All digits, unlike the text; tracks that were never confirmed are left out."""
    rows = recording(left, class_id)
    read = load_recorded_tracks(save(tmp_path_factory.mktemp('x') / 'a.txt', rows))
    kept = rows.select(slice(0, 5))
    for name in ('frames', 'ids', 'tlwh', 'scores', 'class_ids', 'states'):
        np.testing.assert_array_equal(getattr(read, name), getattr(kept, name))


def test_tracks_without_states_are_read_as_they_are(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.txt', recording())
    save_track_states(path, None)
    assert [file.name for file in tmp_path.iterdir()] == ['a.txt']
    read = load_recorded_tracks(path)
    assert read.states is None
    assert read.frames.tolist() == [3, 4, 5]
    assert read.measured.all()
    assert read.reported.all()


def test_states_of_other_tracks_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.txt', recording())
    changed = recording(11.0)
    save_tracks(path, changed.select(changed.reported))
    with pytest.raises(InputError, match=r'a\.txt\.states: has other boxes than .*a\.txt, which'):
        load_recorded_tracks(path)
    save_tracks(path, recording().select(slice(2, 4)))
    with pytest.raises(InputError, match='has other boxes'):
        load_recorded_tracks(path)


def test_an_unknown_state_is_refused_with_its_line(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.txt', recording())
    beside = states_beside(path)
    beside.write_text(beside.read_text().replace('lost', 'gone'))
    with pytest.raises(InputError, match=r"states, line 5: state is 'gone', expected one of tent"):
        load_recorded_tracks(path)
    beside.write_text('1,1,2,3,4,5,1\n')
    with pytest.raises(InputError, match=r"states: no header with a column 'state'"):
        load_recorded_tracks(path)


def test_nothing_is_written_beside_a_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    reader = threading.Thread(target=fifo.read_text)
    reader.start()
    save_tracks(fifo, recording())
    reader.join()
    save_track_states(fifo, recording())
    assert [file.name for file in tmp_path.iterdir()] == ['fifo']
