"""The benchmark of accuracy runs, on a few frames of a simulated crowd."""

from __future__ import annotations

import csv
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.packages import require
from test.refinement.tracks import write_ground_truth

ROOT = Path(__file__).resolve().parents[2]


def accuracy(folder: Path, *arguments: str) -> str:
    """Return what the benchmark prints."""
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks' / 'accuracy.py', '--cache', folder / 'cache',
         '--data', folder / 'no data', '--frames', '20', '--seeds', '2', '--jobs', '2', *arguments],
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_distortion_is_scored_and_kept(tmp_path: Path) -> None:
    require('scoring', 'trackeval')
    table = tmp_path / 'scores.csv'
    arguments = '--only', 'crowds', '--trackers', 'strongsort'
    printed = accuracy(tmp_path, *arguments, '--csv', str(table))
    with table.open(encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    clean = [row for row in rows if row['distortion'] == 'clean']
    assert [row['sequence'] for row in clean] == ['30 Hz', '10 Hz', '5 Hz', 'combined']
    assert all(float(row['hota']) > 50 for row in clean)
    dropped = [float(row['hota']) for row in rows if row['distortion'] == '5 % dropped']
    assert len(set(dropped)) == len(dropped) == 2
    kept = {path.name for path in (tmp_path / 'cache').iterdir()}
    assert accuracy(tmp_path, *arguments) == printed
    assert {path.name for path in (tmp_path / 'cache').iterdir()} == kept


def test_tables_are_written_into_pages(tmp_path: Path) -> None:
    """Only those with scores; means over seeds; of two files the later one counts."""
    head = 'group,distortion,sequence,tracker,seed,hota,idf1,mota,idsw'
    rows = [
        'MOT17,clean,MOT17-02,strongsort,0,1,1,0,0',
        'MOT17,clean,combined,strongsort,0,70,80,0,0',
        'MOT17,clean,combined,deepsort,0,60,81,0,0',
        'MOT17,clean,combined,robust,0,72,83,0,0',
        'MOT17,5 % dropped,combined,strongsort,0,50,50,0,0',
        'MOT17,5 % dropped,combined,robust,0,50,49,0,0',
        'MOT17,5 % dropped,combined,robust,1,51,49,0,0',
    ]
    (tmp_path / 'one.csv').write_text('\n'.join([head, *rows]), encoding='utf-8')
    later = 'MOT17,clean,combined,robust,0,73,84,0,0'
    (tmp_path / 'two.csv').write_text(f'{head}\n{later}\n', encoding='utf-8')
    page = tmp_path / 'page.md'
    names = 'presets', 'distortions', 'ablation'
    page.write_text(''.join(f'<!-- {n} -->\nold\n<!-- end of {n} -->\n' for n in names))
    subprocess.run(
        [sys.executable, ROOT / 'benchmarks' / 'accuracy_tables.py', 'one.csv', 'two.csv',
         '--pages', 'page.md'],
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
        cwd=tmp_path, check=True, timeout=240,
    )  # fmt: skip
    text = page.read_text(encoding='utf-8')
    assert '| 70.00 / 80.00 | 60.00 / 81.00 | 73.00 / 84.00 |' in text
    assert '| clean | +3.00 / +3.00 |' in text
    assert '| 5 % dropped | +0.50 / -1.00 |' in text
    assert text.endswith('<!-- ablation -->\nold\n<!-- end of ablation -->\n')


@pytest.fixture
def mot17(tmp_path: Path) -> Path:
    """Ground truth of three scenes in which everybody is hidden for a while."""
    for number in range(3):
        write_ground_truth(
            tmp_path / 'data' / 'mot17' / f'MOT17-0{number}',
            people=4, length=300, seed=number, hidden=range(50, 100),
        )  # fmt: skip
    return tmp_path / 'data' / 'mot17'


def test_links_are_scored_by_linker(mot17: Path, tmp_path: Path) -> None:
    """Each row has the scores without links, and the change and the links by each linker."""
    require('scoring', 'trackeval')
    require('training', 'torch')
    arguments = '--links', '--only', 'crowds', '--trackers', 'strongsort', '--frames', '300'
    printed = accuracy(tmp_path, *arguments, '--data', str(mot17.parent))
    rows = {row[1]: row for line in printed.splitlines() if len(row := line.split(' | ')) == 7}
    assert rows['scene'][2:] == [
        'nothing', '`motion`, scene left out', '`motion`', '`published`', 'ground truth |'
    ]  # fmt: skip
    assert rows['crowds, 30 Hz'][5].endswith('(3)')
    assert rows['crowds, 10 Hz'][5].endswith('(2)')
    assert rows['**crowds, combined**'][5].endswith('(5)')
    assert 'strongsort, `published`: ' in printed
    assert 'in the mean of 3 scenes; HOTA falls in 2' in printed


def test_motion_is_trained_without_the_scene(mot17: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require('training', 'torch')
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    links = importlib.import_module('accuracy_links')
    features = np.random.default_rng(0).normal(size=(50, 8))
    without, all_scenes = (
        links.motion_without(name, mot17).score(features) for name in ('MOT17-01', '')
    )
    assert not np.allclose(without, all_scenes)
    shutil.rmtree(mot17 / 'MOT17-01')
    links.motion_without.cache_clear()
    assert np.array_equal(links.motion_without('', mot17).score(features), without)
