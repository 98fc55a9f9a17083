"""MOTChallenge's text files are read, written and checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import (
    load_detections,
    load_ground_truth,
    load_tracks,
    save_csv,
    save_tracks,
)
from strongsort_ros.files.rows import TrackRows

GOOD = '1,-1,10,20,30,40,0.9,-1,-1,-1\n'


def write(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    path = folder / 'rows.txt'
    path.write_text(text)
    return path


def test_detections_are_sorted_by_frame_only(tmp_path: Path) -> None:
    """Frames are ascending; the detections of a frame keep the order of the file."""
    path = write(tmp_path, '7,-1,1,1,1,1,0.5\n3,-1,2,2,2,2,0.6\n\n7,-1,3,3,3,3,0.7\n')
    rows = load_detections(path)
    assert rows.frames.tolist() == [3, 7, 7]
    assert rows.scores.tolist() == [0.6, 0.5, 0.7]
    assert rows.frame_range == range(3, 8)
    assert len(rows.at(5)) == 0
    assert rows.at(7).tlwh.tolist() == [[1, 1, 1, 1], [3, 3, 3, 3]]
    assert rows.at(3).class_ids.tolist() == ['person']


def test_blanks_separate_columns_too(tmp_path: Path) -> None:
    """A table separated by blanks, with Windows line ends, is read."""
    rows = load_detections(write(tmp_path, '1 -1 10 20 30 40 0.9\r\n2 -1 10 20 30 40 0.8\r\n'))
    assert rows.frames.tolist() == [1, 2]


def test_no_rows_are_no_detections(tmp_path: Path) -> None:
    """An empty file is a recording without detections."""
    rows = load_detections(write(tmp_path, '\n'))
    assert len(rows) == 0
    assert rows.frame_range == range(0)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (GOOD + '2,-1,10,20,30\n', 'line 2: 5 columns, expected at least 7'),
        (GOOD + '2,-1,10,20,30,40,0.9,1\n', 'line 2: 8 columns, the lines before have 10'),
        (GOOD + '\n2,-1,10,20,30,x,0.9,-1,-1,-1\n', "line 3: column 6 is not a number: 'x'"),
        (GOOD + '\n2,-1,10,20,30,nan,0.9,-1,-1,-1\n', 'line 3: a number that is not finite'),
        (GOOD + '2,-1,10,20,30,inf,0.9,-1,-1,-1\n', 'line 2: a number that is not finite'),
        (GOOD + '2,-1,10,20,-3,40,0.9,-1,-1,-1\n', 'line 2: negative width or height'),
        (GOOD + '1.5,-1,10,20,3,40,0.9,-1,-1,-1\n', 'line 2: the frame is not an integer'),
        (GOOD + '-1,-1,10,20,3,40,0.9,-1,-1,-1\n', 'line 2: the frame is not in 0'),
        (GOOD + '1e300,-1,10,20,3,40,0.9,-1,-1,-1\n', 'line 2: the frame is not in 0'),
        ('# frame,id\n' + GOOD, 'line 1: column 1 is not a number'),
        (GOOD + '1_0,-1,10,20,3,40,0.9,-1,-1,-1\n', 'not a table of numbers'),
    ],
)
def test_wrong_detections_are_named(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the line and the fault."""
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as raised:
        load_detections(path)
    assert str(path) in str(raised.value)
    assert '\n' not in str(raised.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """Missing files, folders and images are not tables."""
    (tmp_path / 'binary').write_bytes(b'\xff\xd8\xff\xe0' * 10)
    for name in ('missing', '.', 'binary'):
        with pytest.raises(InputError):
            load_detections(tmp_path / name)


def test_an_id_that_occurs_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    """The second row of an id in a frame is named, wherever it stands."""
    path = write(tmp_path, '1,5,1,1,1,1,1\n2,5,1,1,1,1,1\n2,6,1,1,1,1,1\n1,5,2,2,2,2,1\n')
    for load in (load_tracks, load_ground_truth):
        with pytest.raises(InputError, match='line 4: the id occurs twice in this frame'):
            load(path)


@given(
    st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 99999)), unique=True, max_size=30),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=30, deadline=None)
def test_tracks_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, keys: list[tuple[int, int]], seed: int
) -> None:
    """Frames and ids are unchanged, boxes are rounded to the two digits of the format."""
    n = len(keys)
    tlwh = np.random.default_rng(seed).uniform(0, 2000, (n, 4))
    frames, ids = np.array(sorted(keys), dtype=np.int64).reshape(n, 2).T
    rows = TrackRows(frames, ids, tlwh, np.ones(n), np.full(n, 'person'))
    path = tmp_path_factory.mktemp('tracks') / 'tracks.txt'
    save_tracks(path, rows)
    again = load_tracks(path)
    np.testing.assert_array_equal(again.frames, frames)
    np.testing.assert_array_equal(again.ids, ids)
    np.testing.assert_allclose(again.tlwh, tlwh, atol=0.005001)


def test_published_rows(tmp_path: Path, data_dir: Path) -> None:
    """A file of the published program is written back byte for byte."""
    path = data_dir / 'golden' / 'strongsort' / 'MOT17-04-FRCNN.txt'
    save_tracks(tmp_path / 'again.txt', load_tracks(path))
    assert (tmp_path / 'again.txt').read_bytes() == path.read_bytes()


def test_ground_truth_of_every_year(tmp_path: Path) -> None:
    """Nine columns include a class, ten include world coordinates, fewer include neither."""
    truth = load_ground_truth(write(tmp_path, '1,1,1,1,2,2,1,7,0.25\n1,2,1,1,2,2,0,1,1\n'))
    assert truth.classes.tolist() == [7, 1]
    assert truth.considered.tolist() == [True, False]
    assert truth.visibility.tolist() == [0.25, 1]
    truth = load_ground_truth(write(tmp_path, '1,1,1,1,2,2,1,-4.5,7.1,0\n'))
    assert truth.classes.tolist() == [1]
    truth = load_ground_truth(write(tmp_path, '2,1,1,1,2,2\n1,3,1,1,2,2\n'))
    assert truth.classes.tolist() == [1, 1]
    assert truth.considered.all()
    assert truth.frames.tolist() == [1, 2]
    with pytest.raises(InputError, match='class'):
        load_ground_truth(write(tmp_path, '1,1,1,1,2,2,1,14,1\n'))


def test_named_columns_in_any_order(tmp_path: Path) -> None:
    """A header names the columns; classes are text, and unknown columns are ignored."""
    head = 'class,score,frame,left,top,width,height,colour\n'
    text = f'{head}"a, b",0.5,3,1,2,3,4,red\ncar,1,2,5,6,7,8,\n'
    rows = load_detections(write(tmp_path, text))
    assert rows.frames.tolist() == [2, 3]
    assert rows.class_ids.tolist() == ['car', 'a, b']
    assert rows.scores.tolist() == [1, 0.5]
    assert rows.at(3).tlwh.tolist() == [[1, 2, 3, 4]]
    plain = load_detections(write(tmp_path, 'Frame, left, top, width, height\r\n1,1,2,3,4\r\n'))
    assert (plain.class_ids.tolist(), plain.scores.tolist()) == (['person'], [1])
    assert len(load_detections(write(tmp_path, 'frame,left,top,width,height\n'))) == 0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('frame,left,top,width,score\n1,1,1,1,1\n', "line 1: 0 columns 'height', expected one"),
        ('frame,frame,left,top,width,height\n', "line 1: 2 columns 'frame'"),
        ('frame,left,top,width,height\n1,1,1,1\n', 'line 2: 4 columns, the header has 5'),
        ('frame,left,top,width,height\n\n1,1,1,x,1\n', "line 3: width is not a number: 'x'"),
        ('frame,left,top,width,height\n1,1,1,-1,1\n', 'line 2: negative width'),
        ('frame,left,top,width,height,class\n1,1,1,1,1,"a\n', 'line 2: unexpected end'),
        ('frame,left,top,width,height,class\n1,1,1,1,1,' + 'a' * 999, 'class of 999 characters'),
        ('frame,left,top,width,height\n1,1,1,1_0,1\n', 'not a table of numbers'),
        ('frame,left,top,width,height\n1,"1,5",1,1,1\n', "left is not a number: '1,5'"),
    ],
)
def test_wrong_named_columns_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as raised:
        load_detections(path)
    assert str(path) in str(raised.value)


def test_ground_truth_has_no_header(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='line 1: column 1 is not a number'):
        load_ground_truth(write(tmp_path, 'frame,id,left,top,width,height\n1,1,1,1,1,1\n'))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 99), st.integers(1, 99), st.floats(0, 1),
            st.text(st.characters(exclude_categories=('Cs', 'Cc', 'Zl', 'Zp')), max_size=20),
        ),
        unique_by=lambda row: row[:2], max_size=12,
    )
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_classes_and_scores_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, int, float, str]]
) -> None:
    found = sorted((frame, i, score, name.strip()) for frame, i, score, name in found)
    frames, ids, scores, names = (list(c) for c in zip(*found, strict=True)) if found else [[]] * 4
    tlwh = np.arange(4.0 * len(found)).reshape(-1, 4)
    rows = TrackRows(
        np.array(frames, dtype=np.int64), np.array(ids, dtype=np.int64), tlwh,
        np.array(scores, dtype=float), np.array(names, dtype=np.str_),
    )  # fmt: skip
    path = tmp_path_factory.mktemp('tracks') / 'tracks.csv'
    save_csv(path, rows)
    again = load_tracks(path)
    assert again.class_ids.tolist() == rows.class_ids.tolist()
    np.testing.assert_array_equal(again.ids, rows.ids)
    np.testing.assert_array_equal(again.tlwh, rows.tlwh)
    np.testing.assert_allclose(again.scores, rows.scores, rtol=1e-5)
