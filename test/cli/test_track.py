"""What `track` takes: folders, tables with classes, odd images, and what it warns of."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.cli.main import main
from strongsort_ros.cli.track import frames_to_step
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import DetectionRows, TrackRows
from strongsort_ros.files.sequence import ImageFolder
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker

Capture = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def lines(folder: Path, *rows: str) -> Path:
    path = folder / 'det.txt'
    path.write_text(''.join(f'{row}\n' for row in rows))
    return path


def boxes(frames: list[int], score: float = 0.9) -> list[str]:
    return [f'{frame},-1,{10 + i},20,30,60,{score}' for i, frame in enumerate(frames)]


def rows_of(frames: list[int]) -> DetectionRows:
    n = len(frames)
    tlwh = np.column_stack([10.0 + np.arange(n), np.full(n, 20.0), np.full(n, 30), np.full(n, 60)])
    return DetectionRows(np.array(frames), tlwh, np.full(n, 0.9), np.full(n, 'person'))


def tracked(rows: DetectionRows, frames: list[int], max_age: int) -> TrackRows:
    tracker = Tracker(TrackerSettings(max_age=max_age, n_init=1, max_cosine_distance=0.2))
    return TrackRows.collect((frame, tracker.update(rows.at(frame))) for frame in frames)


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True).map(sorted),
    st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_frames_that_are_left_out_change_no_track(frames: list[int], max_age: int) -> None:
    rows = rows_of(frames)
    chosen = frames_to_step(rows, None, max_age).tolist()
    assert set(frames) <= set(chosen) <= set(rows.frame_range)
    whole, part = tracked(rows, list(rows.frame_range), max_age), tracked(rows, chosen, max_age)
    np.testing.assert_array_equal(whole.frames, part.frames)
    np.testing.assert_array_equal(whole.ids, part.ids)
    np.testing.assert_array_equal(whole.tlwh, part.tlwh)


def test_frames_with_images_are_stepped(drawn: Path) -> None:
    """The next motion of the camera is between consecutive images."""
    chosen = frames_to_step(rows_of([2, 11]), ImageFolder(drawn), 1)
    assert chosen.tolist() == list(range(2, 12))


def test_a_wrong_frame_number_costs_no_time(tmp_path: Path, capsys: Capture) -> None:
    det = lines(tmp_path, *boxes([1, 2, 3, 9_999_999]))
    assert run('track', det, '-o', tmp_path / 'out.txt') == 0
    err = capsys.readouterr().err
    assert err == 'no detections in frames 4 to 9999998: is frame 9999999 right?\n'


@pytest.mark.parametrize(
    ('rows', 'options', 'line'),
    [
        ([], [], 'no detections in the file'),
        (boxes([1, 2], 80), [], 'scores are 80 to 80, expected 0 to 1: scale them'),
        (boxes([1, 2], -0.5), [], 'all detections are ignored: the highest score, -0.5, is below'),
        (boxes([1, 2], 0.5), [], 'all detections are ignored: .* below --min-confidence 0.6'),
        (boxes([1, 2], 0.5), ['--min-confidence', '0.5'], ''),
        (boxes([1, 2]), [], ''),
    ],
)
def test_odd_detections_are_warned_of(
    tmp_path: Path, capsys: Capture, rows: list[str], options: list[str], line: str
) -> None:
    assert run('track', lines(tmp_path, *rows), *options, '-o', tmp_path / 'out.txt') == 0
    err = capsys.readouterr().err
    if not line:
        assert err == ''
        return
    found = [text for text in err.splitlines() if re.match(line, text)]
    assert len(found) == 1


def images(folder: Path, frames: list[int], suffix: str = '.png') -> Path:
    folder.mkdir()
    for frame in frames:
        picture = np.full((120, 160, 3), 90, np.uint8)
        assert cv2.imwrite(str(folder / f'{frame:06}{suffix}'), picture)
    return folder


@pytest.mark.parametrize(
    ('numbers', 'line'),
    [
        (range(1, 6), ''),
        (range(5), 'images are numbered 0 to 4, detections 1 to 5: does one of them count from 0?'),
        (range(2, 7), 'images are numbered 2 to 6, detections 1 to 5: does one of them count'),
        ([3], '4 of 5 frames without an image: tracked by motion only; are these the images of'),
        ([1, 2, 3, 4], '1 of 5 frames without an image: tracked by motion only\n'),
    ],
)
def test_odd_images_are_warned_of(
    tmp_path: Path, capsys: Capture, numbers: list[int], line: str
) -> None:
    det = lines(tmp_path, *boxes([1, 2, 3, 4, 5]))
    folder = images(tmp_path / 'images', list(numbers))
    assert run('track', det, '--images', folder, '-o', tmp_path / 'out.txt') == 0
    err = capsys.readouterr().err
    assert line in err
    assert bool(line) == bool(err)


def test_images_that_cannot_be_read_are_counted(tmp_path: Path, capsys: Capture) -> None:
    """Those frames are tracked by motion, as in a replay."""
    det, folder = lines(tmp_path, *boxes([1, 2, 3, 4])), images(tmp_path / 'images', [1, 2, 3, 4])
    for name in ('000002.png', '000003.png'):
        (folder / name).write_bytes(b'no picture')
    assert run('track', det, '--images', folder, '--n-init', 1, '-o', tmp_path / 'out.txt') == 0
    err = capsys.readouterr().err.splitlines()
    assert err[-1] == (
        f'{folder}/000002.png: not an image that OpenCV can read; 2 unreadable images in '
        'total, tracked by motion only'
    )
    assert load_tracks(tmp_path / 'out.txt').frames.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize('suffix', ['.webp', '.tif', '.TIFF', '.bmp'])
def test_images_of_every_kind(tmp_path: Path, capsys: Capture, suffix: str) -> None:
    det, folder = lines(tmp_path, *boxes([1, 2])), images(tmp_path / 'images', [1, 2], suffix)
    assert run('track', det, '--images', folder, '-o', tmp_path / 'out.txt') == 0
    assert capsys.readouterr().err == ''


def test_the_folder_of_a_sequence(drawn: Path, tmp_path: Path) -> None:
    """Its detections and images, its name in a file of motions; with and without seqinfo.ini."""
    det, motion = drawn / 'det' / 'det.txt', ('--ecc', drawn / 'camera_motion.json')
    named = ('--images', drawn, '--sequence', 'plaza')
    assert run('track', det, *named, *motion, '-o', tmp_path / 'one.txt') == 0
    assert run('track', drawn, *motion, '-o', tmp_path / 'two.txt') == 0
    bare = tmp_path / 'plaza'
    shutil.copytree(drawn, bare)
    (bare / 'seqinfo.ini').unlink()
    assert run('track', bare, *motion, '-o', tmp_path / 'three.txt') == 0
    texts = {(tmp_path / f'{name}.txt').read_text() for name in ('one', 'two', 'three')}
    assert len(texts) == 1
    shutil.rmtree(bare / 'img1')
    assert run('track', bare, '-o', tmp_path / 'four.txt') == 0
    assert run('track', bare, '-o', bare / 'det' / 'det.txt') == 2


def test_classes_and_scores_come_out(tmp_path: Path) -> None:
    """Classes are tracked apart, and a .csv carries them and the scores through refinement."""
    det = tmp_path / 'det.csv'
    rows = [
        f'{frame},{10 + frame},20,30,60,{score},{name}'
        for frame in (1, 2, 3, 5)
        for score, name in ((0.75, 'car'), (0.875, 'dog, brown'))
    ]
    text = '\n'.join(rows).replace('dog, brown', '"dog, brown"')
    det.write_text(f'frame,left,top,width,height,score,class\n{text}\n')
    out, refined = tmp_path / 'out.csv', tmp_path / 'refined.csv'
    assert run('track', det, '--n-init', 1, '-o', out) == 0
    assert out.read_text().splitlines()[0] == 'frame,id,left,top,width,height,score,class'
    assert run('refine', out, '--gsi', '-o', refined) == 0
    for path in (out, refined):
        tracks = load_tracks(path)
        assert len(set(tracks.ids.tolist())) == 2
        found = set(zip(tracks.class_ids.tolist(), tracks.scores.tolist(), strict=True))
        assert found == {('car', 0.75), ('dog, brown', 0.875)}
    assert run('refine', out, '--gsi', '--format', 'txt', '-o', tmp_path / 'a.csv') == 0
    assert run('refine', out, '--gsi', '-o', tmp_path / 'b.txt') == 0
    assert (tmp_path / 'a.csv').read_text() == (tmp_path / 'b.txt').read_text()
