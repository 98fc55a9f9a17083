"""`strongsort track`: inputs, warnings, and parity with the published program."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.cli.track import frames_to_step
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import DetectionRows, TrackRows
from strongsort_ros.files.sequence import ImageFolder
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker
from test.cli.command import Capture, last_line, run
from test.tracking.test_parity import SEQUENCES, SWITCHES, assert_same_tracks


def write_detections(folder: Path, *rows: str) -> Path:
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
    tracker = Tracker(TrackerSettings(max_age=max_age, n_init=1, max_lost_time=0.0))
    return TrackRows.collect((frame, tracker.update(rows.at(frame))) for frame in frames)


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True).map(sorted),
    st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_skipped_frames_change_no_track(frames: list[int], max_age: int) -> None:
    rows = rows_of(frames)
    chosen = frames_to_step(rows, None, max_age).tolist()
    assert set(frames) <= set(chosen) <= set(rows.frame_range)
    every, part = tracked(rows, list(rows.frame_range), max_age), tracked(rows, chosen, max_age)
    np.testing.assert_array_equal(every.frames, part.frames)
    np.testing.assert_array_equal(every.ids, part.ids)
    np.testing.assert_array_equal(every.tlwh, part.tlwh)


def test_frames_with_images_are_stepped(drawn: Path) -> None:
    """Camera motion is estimated between consecutive images."""
    chosen = frames_to_step(rows_of([2, 11]), ImageFolder(drawn), 1)
    assert chosen.tolist() == list(range(2, 12))


def test_a_wrong_frame_number_costs_no_time(tmp_path: Path, capsys: Capture) -> None:
    det = write_detections(tmp_path, *boxes([1, 2, 3, 9_999_999]))
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
def test_likely_mistakes_in_detections_are_warned_of(
    tmp_path: Path, capsys: Capture, rows: list[str], options: list[str], line: str
) -> None:
    assert (
        run('track', write_detections(tmp_path, *rows), *options, '-o', tmp_path / 'out.txt') == 0
    )
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
def test_likely_mistakes_in_images_are_warned_of(
    tmp_path: Path, capsys: Capture, numbers: list[int], line: str
) -> None:
    det = write_detections(tmp_path, *boxes([1, 2, 3, 4, 5]))
    folder = images(tmp_path / 'images', list(numbers))
    assert run('track', det, '--images', folder, '-o', tmp_path / 'out.txt') == 0
    err = capsys.readouterr().err
    assert line in err
    assert bool(line) == bool(err)


def test_images_that_cannot_be_read_are_counted(tmp_path: Path, capsys: Capture) -> None:
    """Their frames are tracked by motion only, as in a replay."""
    det, folder = (
        write_detections(tmp_path, *boxes([1, 2, 3, 4])),
        images(tmp_path / 'images', [1, 2, 3, 4]),
    )
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
def test_image_formats(tmp_path: Path, capsys: Capture, suffix: str) -> None:
    det, folder = (
        write_detections(tmp_path, *boxes([1, 2])),
        images(tmp_path / 'images', [1, 2], suffix),
    )
    assert run('track', det, '--images', folder, '-o', tmp_path / 'out.txt') == 0
    assert capsys.readouterr().err == ''


def test_sequence_folder(drawn: Path, tmp_path: Path) -> None:
    """Detections, images and name come from the folder, with and without seqinfo.ini."""
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


def test_csv_keeps_classes_and_scores(tmp_path: Path) -> None:
    """Classes are tracked separately; class and score survive refinement."""
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


def test_track_without_appearance(drawn: Path, tmp_path: Path) -> None:
    """A det.txt is tracked by motion only, with images also with camera motion."""
    det, out = drawn / 'det' / 'det.txt', tmp_path / 'out.txt'
    assert run('track', det, '-o', out) == 0
    still = load_tracks(out)
    assert len(still) > 20
    assert run('track', det, '--images', drawn / 'img1', '--ecc', '-o', out) == 0
    assert not np.array_equal(load_tracks(out).tlwh[:20], still.tlwh[:20])
    assert run('track', det, '--preset', 'deepsort', '--n-init', 1, '-o', out) == 0
    assert load_tracks(out).frames[0] == 1


def test_frames_without_images(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """They are tracked by motion only, and a warning counts them."""
    images = tmp_path / 'images'
    images.mkdir()
    for path in sorted((drawn / 'img1').iterdir())[3:]:
        (images / path.name).write_bytes(path.read_bytes())
    det, out = drawn / 'det' / 'det.txt', tmp_path / 'out.txt'
    assert run('track', det, '--images', images, '-o', out) == 0
    assert '3 of 12 frames without an image' in capsys.readouterr().err
    assert len(load_tracks(out)) > 20


def test_empty_detections_are_no_tracks(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / 'det.txt').touch()
    assert run('track', tmp_path / 'det.txt', '-o', tmp_path / 'out.txt') == 0
    assert last_line(capsys).startswith('0 tracks, 0 boxes in 0 frames')
    assert (tmp_path / 'out.txt').read_text() == ''


def test_sequence_name_in_the_file_of_camera_motion(
    drawn: Path, tmp_path: Path, capsys: Capture
) -> None:
    """The name is the detections' stem or --sequence; the error lists the known names."""
    det, motion = drawn / 'det' / 'det.txt', drawn / 'camera_motion.json'
    assert run('track', det, '--ecc', motion, '-o', tmp_path / 'out.txt') == 2
    message = capsys.readouterr().err
    assert "'det'" in message
    assert 'plaza' in message
    assert '--sequence' in message
    named = ('--ecc', motion, '--sequence', 'plaza')
    assert run('track', det, *named, '-o', tmp_path / 'out.txt') == 0


@pytest.mark.parametrize('sequence', SEQUENCES)
@pytest.mark.parametrize('name', SWITCHES)
def test_published_tracks(data_dir: Path, tmp_path: Path, name: str, sequence: str) -> None:
    features = next((data_dir / 'deepsort_features').glob(f'{sequence}_*.npy'))
    options = ['--sequence', sequence]
    motion = str(data_dir / 'mot17' / 'ecc_val.json')
    if name == 'strongsort':
        options += ['--preset', 'strongsort', '--ecc', motion]
    else:
        options += ['--preset', 'deepsort']
        for switch in SWITCHES[name]:
            options += ['--ecc', motion] if switch == 'ecc' else [f'--{switch}']
    output = tmp_path / 'tracks.txt'
    assert run('track', features, *options, '-o', output) == 0
    golden = np.loadtxt(data_dir / 'golden' / name / f'{sequence}.txt', delimiter=',')
    ours = np.loadtxt(output, delimiter=',')
    np.testing.assert_array_equal(ours[:, 6:], golden[:, 6:])
    # Both are written with two digits.
    assert_same_tracks(ours[:, :6], golden[:, :6], 0.02 + 1e-9)
