"""`strongsort track` of videos, folders of images and cameras."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.detection.hog import MotionDetector
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import Image
from test.cli.command import Capture, run
from test.files.clips import picture, write_clip, write_detections, write_images

QUICK = ('--no-ecc', '--n-init', 1)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def images_in(path: Path) -> list[Image]:
    video = cv2.VideoCapture(str(path))
    found = []
    while (image := video.read()[1]) is not None:
        found.append(np.asarray(image, np.uint8))
    video.release()
    return found


def test_video_with_detections_of_a_file(tmp_path: Path, capsys: Capture) -> None:
    """Tracks have score and class; the video shows each frame with the box of its track."""
    clip = write_clip(tmp_path / 'clip.avi', frames=20)
    det = write_detections(tmp_path / 'det.txt', range(1, 21))
    out, video = tmp_path / 'out.txt', tmp_path / 'out.webm'
    options = ('--detections', det, *QUICK, '-o', out, '--video', video, '--trail', 3)
    assert run('track', clip, *options) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('1 track, 20 boxes in 20 frames (')
    assert printed.endswith(f': {out}, {video}\n')
    tracks = load_tracks(out)
    assert tracks.frames.tolist() == list(range(1, 21))
    assert set(tracks.ids.tolist()) == {1}
    rows = np.loadtxt(out, delimiter=',')
    assert {*rows[:, 6]} == {0.875}
    assert {*rows[:, 7]} == {1}
    shown = images_in(video)
    assert len(shown) == 20
    for step in (0, 10, 19):
        difference = np.abs(shown[step].astype(int) - picture(step).astype(int)).max(axis=2)
        left = 6 + 4 * step
        assert difference[40:70, left - 2 : left + 3].max(axis=1).min() > 60
        assert np.median(difference) < 12


def test_frames_equal_a_file_of_detections_with_images(drawn: Path, tmp_path: Path) -> None:
    """Boxes and ids are those of `track DETECTIONS --images`, also for the sequence's own file."""
    one, two, three = (tmp_path / f'{name}.txt' for name in ('one', 'two', 'three'))
    det = drawn / 'det' / 'det.txt'
    assert run('track', det, '--images', drawn, '--frame-rate', 25, '-o', one) == 0
    assert run('track', drawn / 'img1', '--frame-rate', 25, '--detections', det, '-o', two) == 0
    assert run('track', drawn, '--video', tmp_path / 'a.webm', '-o', three) == 0
    expected = np.loadtxt(one, delimiter=',')[:, :6]
    assert len(expected) > 20
    for path in (two, three):
        np.testing.assert_array_equal(np.loadtxt(path, delimiter=',')[:, :6], expected)


def test_a_video_without_detections_uses_a_detector(tmp_path: Path, capsys: Capture) -> None:
    clip = write_clip(tmp_path / 'clip.webm')
    out = tmp_path / 'out.csv'
    assert run('track', clip, '--detector', 'motion', *QUICK, '-o', out) == 0
    tracks = load_tracks(out)
    assert {*tracks.class_ids.tolist()} == {'moving'}
    assert len(tracks) >= 8
    assert 'no --detector' not in capsys.readouterr().err
    assert run('track', clip, '--detector', 'motion', *QUICK, '-o', tmp_path / 'out.txt') == 0
    assert 'class moving: written as -1' in capsys.readouterr().err
    assert run('track', clip, '-o', out) == 0
    assert 'no --detector: ' in capsys.readouterr().err


def test_kitti_counts_from_0(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / 'image_02' / '0004'
    write_images(folder, [f'{number:06}.png' for number in range(5)])
    out = tmp_path / 'out.txt'
    det = write_detections(tmp_path / 'det.txt', range(5))
    assert run('track', folder, '--detections', det, *QUICK, '-o', out) == 0
    assert 'count from 0' not in capsys.readouterr().err
    assert load_tracks(out).frames.tolist() == [0, 1, 2, 3, 4]
    det = write_detections(tmp_path / 'det.txt', range(1, 6))
    assert run('track', folder, '--detections', det, *QUICK, '-o', out) == 0
    line = 'images are numbered 0 to 4, detections 1 to 5: does one of them count from 0?'
    assert line in capsys.readouterr().err


def test_dropped_frames_count_by_their_time(tmp_path: Path) -> None:
    """A gap of four frames is predicted as four frames: the track goes on."""
    folder = tmp_path / 'images'
    kept = [*range(8), *range(12, 16)]
    folder.mkdir()
    for step in kept:
        assert cv2.imwrite(str(folder / f'{step:03}.png'), picture(step))
    rows = [write_detections(tmp_path / f'{n}', [n], first_step=n).read_text() for n in kept]
    (tmp_path / 'det.txt').write_text(''.join(rows))
    out = tmp_path / 'out.txt'
    assert run('track', folder, '--detections', tmp_path / 'det.txt', *QUICK, '-o', out) == 0
    tracks = load_tracks(out)
    assert tracks.frames.tolist() == kept
    assert set(tracks.ids.tolist()) == {1}


def test_images_that_cannot_be_read_are_counted(tmp_path: Path, capsys: Capture) -> None:
    folder = write_images(tmp_path / 'images', [f'{n}.png' for n in range(1, 6)])
    for name in ('2.png', '3.png'):
        (folder / name).write_bytes(b'damaged')
    det = write_detections(tmp_path / 'det.txt', range(1, 6))
    out, video = tmp_path / 'out.txt', tmp_path / 'out.webm'
    options = ('--detections', det, *QUICK, '-o', out, '--video', video)
    assert run('track', folder, *options) == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'{folder}/2.png: not an image that OpenCV can read; 2 frames in total without an image, '
        'tracked by motion only'
    )
    assert load_tracks(out).frames.tolist() == [1, 2, 3, 4, 5]
    assert len(images_in(video)) == 5


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_finished(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Tracks and video end with the frame of the signal; the status is 130."""
    clip = write_clip(tmp_path / 'clip.avi', frames=20)
    seen = []
    before = signal.getsignal(number)

    def detect(_self: MotionDetector, image: Image) -> Detections:
        seen.append(image)
        if len(seen) == 7:
            signal.raise_signal(number)
        return Detections.from_boxes([(10, 10, 40, 80, 0.9)])

    monkeypatch.setattr(MotionDetector, 'detect', detect)
    out, video = tmp_path / 'out.csv', tmp_path / 'out.webm'
    options = ('--detector', 'motion', *QUICK, '-o', out, '--video', video)
    assert run('track', clip, *options) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith('strongsort: interrupted; 1 track, 7 boxes in 7 of 20 frames')
    assert load_tracks(out).frames.tolist() == list(range(1, 8))
    assert len(images_in(video)) == 7
    assert signal.getsignal(number) == before
    assert names(tmp_path) == ['clip.avi', 'out.csv', 'out.csv.states', 'out.webm']


def test_several_videos(tmp_path: Path, capsys: Capture) -> None:
    one = write_clip(tmp_path / 'one.avi')
    two = write_images(tmp_path / 'two', [f'{n:03}.png' for n in range(20)])
    folder = tmp_path / 'out'
    options = ('--detector', 'motion', *QUICK, '--format', 'csv', '--jobs', 2)
    assert run('track', one, two, *options, '--video', '.webm', '-o', folder) == 0
    assert capsys.readouterr().out.splitlines()[-1] == '2 done, 0 skipped, 0 failed'
    expected = [f'{name}.{end}' for name in ('one', 'two') for end in ('csv', 'csv.states', 'webm')]
    assert names(folder) == expected
    assert len(load_tracks(folder / 'two.csv')) > 5
    assert run('track', one, two, *options, '-o', folder) == 0
    assert '0 done, 2 skipped' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['clip.avi'], 'nothing to write; add -o tracks.txt, --video out.mp4 or --display'),
        (['none.mp4', '-o', 'out'], r'none\.mp4: no such file or folder'),
        (['det.mp4', '-o', 'out'], r'det\.mp4: not a video'),
        (['det.txt', '--video', 'a.mp4', '-o', 'out'], r'use: track VIDEO --detections det\.txt'),
        (['clip.avi', 'det.txt', '-o', 'out'], r'use: track VIDEO --detections det\.txt'),
        (['det.txt'], 'required: -o'),
        (['clip.avi', '--images', '.', '-o', 'out'], '--images: is for a file of detections'),
        (['clip.avi', '--detector', 'hogg', '-o', 'out'], "--detector: 'hogg'; did you mean hog"),
        (
            ['clip.avi', '--detector', 'motion', '--classes', 'car', '-o', 'out'],
            "no class 'car'; it has moving",
        ),
        (
            ['clip.avi', '--detections', 'det.txt', '--classes', 'car', '-o', 'out'],
            "no class 'car'; it has person",
        ),
        (
            ['clip.avi', '--detections', 'det.txt', '--detector', 'motion', '-o', 'out'],
            'exclude each other',
        ),
        (['clip.avi', '--video', 'a.gif'], r'name it \.webm or \.mp4'),
        (['clip.avi', '--video', 'clip.avi'], r'clip\.avi: is an input of this command'),
        (['clip.avi', 'clip.avi', '-o', 'out'], 'is already the output of'),
        (['clip.avi', 'det.mp4', '--video', '.mp4'], 'several inputs: -o names the folder'),
        (['camera:97', '-o', 'out'], 'camera 97: cannot open it'),
        (['camera:97', 'camera:98', '-o', 'out'], 'must be files or folders'),
        (['rtsp://127.0.0.1:9/a', 'clip.avi', '-o', 'out'], 'must be files or folders'),
    ],
)
def test_errors_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / 'clip.avi', frames=3)
    for name in ('det.txt', 'det.mp4'):
        write_detections(tmp_path / name, range(1, 4))
    before = names(tmp_path)
    assert run('track', *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert re.search(message, err.splitlines()[-1]), err
    assert names(tmp_path) == before


def test_a_display_is_needed_for_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    clip = write_clip(tmp_path / 'clip.avi', frames=3)
    assert run('track', clip, '--detector', 'motion', '--display') == 2
    assert 'there is no display (DISPLAY is not set); use --video' in capsys.readouterr().err


def test_rounded_times_are_those_of_the_nominal_rate(tmp_path: Path) -> None:
    """WebM has milliseconds; the tracks are those of exact times."""
    clip = write_clip(tmp_path / 'clip.webm', rate=30)
    det = write_detections(tmp_path / 'det.txt', [*range(1, 8), *range(12, 21)])
    texts = []
    for options in ((), ('--frame-rate', 30)):
        out = tmp_path / 'out.txt'
        assert run('track', clip, '--detections', det, *options, '--no-ecc', '-o', out) == 0
        texts.append(out.read_text())
    assert texts[0] == texts[1] != ''
