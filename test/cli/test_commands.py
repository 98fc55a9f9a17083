"""`strongsort embed`, `bag` and `render` on a simulated sequence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.files.deepsort_npy import load_deepsort
from strongsort_ros.files.motchallenge import load_detections, load_tracks
from strongsort_ros.reid.factory import load_extractor
from test.bags.any_reader import open_any_reader
from test.cli.command import Capture, last_line, run


def test_embed_then_track(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """Embeddings from a file give the same tracks as embeddings computed from the images."""
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


def test_embed_a_folder_of_sequences(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """As DeepSORT's generate_detections: a file for each sequence, detections of another folder."""
    one, out, others = (tmp_path / name for name in ('one.npy', 'out', 'others'))
    assert run('embed', drawn, '--reid', 'colour', '-o', one) == 0
    assert run('embed', drawn.parent, '--reid', 'colour', '-o', out) == 0
    assert last_line(capsys).endswith(f': {out / "plaza.npy"}')
    assert (out / 'plaza.npy').read_bytes() == one.read_bytes()

    det = others / 'plaza' / 'det' / 'det.txt'
    det.parent.mkdir(parents=True)
    det.write_text('3,-1,10,20,40,80,0.9\n')
    folder = ('embed', drawn.parent, '--detections', others, '--reid', 'colour', '-o', out)
    assert run(*folder) == 0
    assert last_line(capsys).startswith('1 embedding of length 256')
    assert np.load(out / 'plaza.npy').shape == (1, 266)
    det.unlink()
    assert run(*folder) == 2
    assert str(det.parent) in capsys.readouterr().err
    assert run('embed', drawn.parent, '--detections', one, '--reid', 'colour', '-o', out) == 2
    assert 'expected a folder' in capsys.readouterr().err


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
    """A folder of images is enough if the frame rate is given."""
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
    """The video has as many frames as the sequence, with boxes drawn on them."""
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


def test_render_a_part_with_ground_truth(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """--start and --end select frames; boxes of others are not reported as skipped."""
    out, plain = tmp_path / 'out.webm', tmp_path / 'plain.webm'
    part = ('render', drawn, '--results', drawn / 'gt' / 'gt.txt', '--start', 3, '--end', 5)
    assert run(*part, '--no-labels', '--trail', 0, '-o', plain) == 0
    assert run(*part, '--ground-truth', drawn, '-o', out) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == f'3 images at 25 frames/s: {out}'
    assert 'skipped' not in printed.err
    images = []
    for file in (out, plain):
        video = cv2.VideoCapture(str(file))
        images.append(video.read()[1].astype(int))
        video.release()
    # The frame number on black, dashes and labels are the difference.
    assert images[0][:8, :8].mean() + 20 < images[1][:8, :8].mean()
    assert (np.abs(images[0] - images[1]).max(axis=2) > 80).sum() > 200
    assert run(*part, '--end', 2, '-o', tmp_path / 'none.webm') == 2
    assert 'has frames 1 to 12' in capsys.readouterr().err
    assert not (tmp_path / 'none.webm').exists()
