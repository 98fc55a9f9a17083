"""Each command on a drawn sequence, in a row as a user would."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.cli.main import main
from strongsort_ros.files.deepsort_npy import load_deepsort
from strongsort_ros.files.motchallenge import load_detections, load_tracks
from strongsort_ros.reid.factory import load_extractor
from test.bags.any_reader import open_any_reader

Capture = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    """Return the exit status of a command."""
    return main([str(argument) for argument in arguments])


def last_line(capsys: Capture) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_embed_then_track(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """Embeddings from a file give the tracks that images give."""
    npy, one, two = (tmp_path / name for name in ('plaza.npy', 'one.txt', 'two.txt'))
    assert run('embed', drawn, '--reid', 'colour', '-o', npy) == 0
    assert last_line(capsys).endswith(f': {npy}')
    seen, embedded = load_detections(drawn / 'det' / 'det.txt'), load_deepsort(npy)
    assert embedded.embeddings is not None
    np.testing.assert_allclose(embedded.tlwh, seen.tlwh, atol=1e-4)
    image = cv2.imread(str(drawn / 'img1' / '000003.jpg'))
    expected = load_extractor('colour').extract(image, seen.at(3).tlwh)
    np.testing.assert_array_equal(embedded.at(3).embeddings, expected)

    distance = ('--max-cosine-distance', '0.2')
    motion = ('--ecc', drawn / 'camera_motion.json')
    assert run('track', npy, *distance, *motion, '-o', one) == 0
    assert last_line(capsys).endswith(f'boxes in 12 frames: {one}')
    images = ('--images', drawn, '--sequence', 'plaza')
    det = drawn / 'det' / 'det.txt'
    assert run('track', det, *images, *distance, *motion, '-o', two) == 0
    a, b = load_tracks(one), load_tracks(two)
    assert len(a) > 20
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_allclose(a.tlwh, b.tlwh, atol=0.02)


def test_track_without_appearance(drawn: Path, tmp_path: Path) -> None:
    """A det.txt alone is tracked by motion, and estimates of camera motion can join."""
    det, out = drawn / 'det' / 'det.txt', tmp_path / 'out.txt'
    assert run('track', det, '-o', out) == 0
    still = load_tracks(out)
    assert len(still) > 20
    assert run('track', det, '--images', drawn / 'img1', '--ecc', '-o', out) == 0
    assert not np.array_equal(load_tracks(out).tlwh[:20], still.tlwh[:20])
    assert run('track', det, '--preset', 'deepsort', '--n-init', 1, '-o', out) == 0
    assert load_tracks(out).frames[0] == 1


def test_frames_without_images(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """They are tracked by motion, which is said."""
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


def test_sequence_in_the_file_of_motions(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """It is the detections' stem or what --sequence says; a wrong one is told what there is."""
    det, motion = drawn / 'det' / 'det.txt', drawn / 'camera_motion.json'
    assert run('track', det, '--ecc', motion, '-o', tmp_path / 'out.txt') == 2
    message = capsys.readouterr().err
    assert "'det'" in message
    assert 'plaza' in message
    assert '--sequence' in message
    named = ('--ecc', motion, '--sequence', 'plaza')
    assert run('track', det, *named, '-o', tmp_path / 'out.txt') == 0


def test_evaluate(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """A table, all numbers as JSON, and a page that needs nothing from a network."""
    pytest.importorskip('trackeval')
    truth = drawn / 'gt' / 'gt.txt'
    scores, page = tmp_path / 'scores.json', tmp_path / 'page.html'
    pair = ('--ground-truth', drawn, '--results', truth)
    assert run('evaluate', *pair, '--json', scores, '--html', page) == 0
    out = capsys.readouterr().out
    assert '100.00' in out
    assert out.splitlines()[-1] == f'report: {page}'
    read = json.loads(scores.read_text())
    assert read['combined']['hota'] == pytest.approx(100)
    assert [s['name'] for s in read['sequences']] == ['plaza']
    text = page.read_text()
    assert '<svg' in text
    assert '100.00' in text
    assert '<script' not in text
    for attribute in ('://', 'url(', '@import'):
        assert attribute not in text
    before = page.read_bytes()
    assert run('evaluate', *pair, '--html', page) == 0
    assert page.read_bytes() == before


def test_evaluate_before_and_after(drawn: Path, tmp_path: Path) -> None:
    """Refined tracks are scored beside the others, in the report and in the JSON."""
    pytest.importorskip('trackeval')
    truth = drawn / 'gt' / 'gt.txt'
    part = tmp_path / 'plaza.txt'
    part.write_text(''.join(f'{line}\n' for line in truth.read_text().splitlines()[::2]))
    scores, page = tmp_path / 'scores.json', tmp_path / 'page.html'
    pair = ('--ground-truth', drawn, '--results', part, '--refined', truth)
    assert run('evaluate', *pair, '--json', scores, '--html', page) == 0
    read = json.loads(scores.read_text())
    before, after = read['combined'], read['refined']['combined']
    assert before['misses'] > 0
    assert after['misses'] == 0
    text = page.read_text()
    for found in (before, after):
        assert f'{found["hota"]:.2f}' in text


def test_sequences_without_results_are_named(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """What is left out of the combined score is said."""
    pytest.importorskip('trackeval')
    for name in ('plaza', 'street'):
        shutil.copytree(drawn / 'gt', tmp_path / 'truth' / name / 'gt')
    (tmp_path / 'plaza.txt').write_bytes((drawn / 'gt' / 'gt.txt').read_bytes())
    pair = ('--ground-truth', tmp_path / 'truth', '--results', tmp_path / 'plaza.txt')
    assert run('evaluate', *pair) == 0
    assert capsys.readouterr().err == 'not scored, no results: street\n'


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_bag(drawn: Path, tmp_path: Path, capsys: Capture, storage: str) -> None:
    out = tmp_path / 'bag'
    assert run('bag', drawn, '--compressed', '--storage', storage, '-o', out) == 0
    assert last_line(capsys).endswith(f': {out}')
    with open_any_reader(out) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts == {'/image/compressed': 12, '/detections': 12}
    assert run('bag', drawn, '-o', out) == 2


def test_folders_without_seqinfo(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """Images are enough, if the frame rate is said."""
    images, tracks = drawn / 'img1', drawn / 'gt' / 'gt.txt'
    out, bag = tmp_path / 'out.webm', tmp_path / 'bag'
    assert run('render', images, '--results', tracks, '--frame-rate', 12.5, '-o', out) == 0
    assert last_line(capsys) == f'12 images at 12.5 frames/s: {out}'
    narrow = ('--frame-rate', 12.5, '--width', 160, '-o', out)
    assert run('render', images, '--results', tracks, *narrow) == 0
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 160
    video.release()
    det = ('--detections', drawn / 'det' / 'det.txt')
    assert run('bag', images, *det, '--frame-rate', 12.5, '--compressed', '-o', bag) == 0
    with open_any_reader(bag) as reader:
        assert reader.duration > 11 * 80_000_000


@pytest.mark.parametrize('suffix', ['.webm', '.mp4'])
def test_render(drawn: Path, tmp_path: Path, capsys: Capture, suffix: str) -> None:
    """The video has an image for each of the sequence's, with boxes in it."""
    out = tmp_path / f'out{suffix}'
    tracks = drawn / 'gt' / 'gt.txt'
    assert run('render', drawn, '--results', tracks, '-o', out) == 0
    assert last_line(capsys) == f'12 images at 25 frames/s: {out}'
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert video.get(cv2.CAP_PROP_FPS) == 25
    _, drawn_on = video.read()
    video.release()
    plain = cv2.imread(str(drawn / 'img1' / '000001.jpg'))
    assert (np.abs(drawn_on.astype(int) - plain).max(axis=2) > 80).sum() > 200
