"""The demonstration, run as a process on tiny sequences with the real nodes."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.files.motchallenge import load_ground_truth, load_tracks
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

ROOT = Path(__file__).resolve().parents[2]
DEMO = (sys.executable, '-m', 'tools.demo')
TINY = ('--width', '320', '--height', '180', '--people', '4', '--frames', '20')
PATIENCE = 90.0
# tools/ is not installed, so the root of the project is on the path.
ENVIRONMENT = {
    **os.environ,
    'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])),
}


@pytest.fixture
def ros() -> None:
    for name in ('rclpy', 'strongsort_ros.msg'):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f'no {name}: ROS is not installed or its messages are not sourced')


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


@pytest.mark.usefixtures('ros')
def test_a_drawn_scene_end_to_end(tmp_path: Path) -> None:
    old = tmp_path / 'demo_output'
    old.mkdir()
    (old / 'demo.json').write_text('{}')
    (old / 'stale.txt').write_text('of an earlier run')
    done = run(*TINY, '--readme-picture', 'moving.webp', folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ('20 of 20 frames tracked', ' links, ', 'HOTA', 'before', 'after', 'difference'):
        assert said in done.stdout
    scores = json.loads((old / 'scores.json').read_text())
    for combined in (scores['combined'], scores['refined']['combined']):
        assert combined['true_boxes'] > 20
        assert combined['mota'] > 40
    tracks, refined = (load_tracks(old / f'{name}.txt') for name in ('tracks', 'refined'))
    assert (tracks.frames <= 20).all()
    assert len(refined) >= len(tracks) > 20
    page = (old / 'index.html').read_text()
    assert 'http' not in page.replace('http://www.w3.org', '')  # nothing is fetched
    for part in (
        'src="refined.webm"',
        'data:image/jpeg',
        '<svg',
        'round trip',
        'href="refined.webm"',
    ):
        assert part in page
    assert {path.name for path in old.iterdir()} == {
        'sequence', 'input', 'tracks', 'tracks.txt', 'refined', 'refined.txt', 'refined.webm',
        'scores.json', 'pictures', 'index.html', 'tracker.log', 'refiner.log', 'demo.json',
    }  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ['demo_output', 'moving.webp']


@pytest.mark.usefixtures('ros')
def test_results_of_two_runs_are_equal(tmp_path: Path) -> None:
    settings = SceneSettings(width=320, height=180, frames=24, people=4, seed=5)
    sequence = tmp_path / 'some'
    write_mot_folder(Scene(settings), sequence, 'some')
    (sequence / 'det' / 'det.txt').rename(sequence / 'det' / 'frcnn.txt')
    for frame in range(1, 9):
        (sequence / 'img1' / f'{frame:06}.jpg').unlink()
    for name in ('one', 'other'):
        options = ('--sequence', 'some', '--output', name, '--weights', 'none', '--raw-images')
        done = run(*options, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'frcnn.txt' in done.stdout
    truth = load_ground_truth(sequence / 'gt' / 'gt.txt')
    scores = json.loads((tmp_path / 'one' / 'scores.json').read_text())
    assert scores['combined']['true_boxes'] == np.count_nonzero(truth.frames >= 9)
    for name in ('tracks.txt', 'refined.txt'):
        rows = (tmp_path / 'one' / name).read_text()
        assert rows == (tmp_path / 'other' / name).read_text()
        assert rows


@pytest.mark.usefixtures('ros')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        [*DEMO, *TINY], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + PATIENCE
        while len(nodes := _children(demo.pid)) < 2 and time.monotonic() < end:
            assert demo.poll() is None
            time.sleep(0.05)
        demo.send_signal(number)
        assert demo.wait(PATIENCE) == 128 + number
    finally:
        demo.kill()
        demo.wait()
    assert len(nodes) == 2
    assert not any(Path(f'/proc/{node}').exists() for node in nodes)
    assert not list(tmp_path.iterdir())


def _children(process: int) -> list[int]:
    """Return the child processes of a process."""
    lists = Path(f'/proc/{process}/task').glob('*/children')
    return [int(child) for each in lists for child in each.read_text().split()]


@pytest.mark.usefixtures('ros')
def test_missing_weights_are_reported(tmp_path: Path) -> None:
    done = run(*TINY, '--weights', 'missing.pth', folder=tmp_path)
    assert done.returncode == 2
    assert 'missing.pth' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures('ros')
def test_other_folders_are_not_replaced(tmp_path: Path) -> None:
    mine = tmp_path / 'mine'
    mine.mkdir()
    (mine / 'thesis.txt').write_text('years of work')
    done = run(*TINY, '--output', 'mine', folder=tmp_path)
    assert done.returncode == 2
    assert 'mine: exists' in done.stderr
    assert (mine / 'thesis.txt').read_text() == 'years of work'
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.usefixtures('ros')
def test_folder_without_detections_is_rejected(tmp_path: Path) -> None:
    write_mot_folder(Scene(SceneSettings(width=96, height=64, frames=2)), tmp_path / 'some')
    (tmp_path / 'some' / 'det' / 'det.txt').unlink()
    done = run('--sequence', 'some', folder=tmp_path)
    assert done.returncode == 2
    assert '--detections' in done.stderr


def test_missing_ros_is_reported(tmp_path: Path) -> None:
    code = (
        'import importlib.util, runpy, sys\n'
        'find = importlib.util.find_spec\n'
        "importlib.util.find_spec = lambda name: None if name == 'rclpy' else find(name)\n"
        "sys.argv = ['demo']\nrunpy.run_module('tools.demo', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env=ENVIRONMENT,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert 'make demo' in done.stderr
