"""Trackers of other libraries run in processes of their own, and their failures are named."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.experiments import peer_worker
from strongsort_ros.experiments.comparison import (
    OURS,
    Contender,
    choose,
    compare,
    find_trackers,
    save_csv,
    save_picture,
    table,
)
from strongsort_ros.experiments.recordings import Recording
from strongsort_ros.packages import is_installed, require


def test_presets_are_always_there() -> None:
    assert set(OURS) <= {tracker.name for tracker in find_trackers([])}


def test_an_interpreter_that_cannot_be_run_is_named() -> None:
    with pytest.raises(InputError, match='--python: /no/python: cannot run it'):
        find_trackers(['/no/python'])


def test_unknown_trackers_are_named() -> None:
    with pytest.raises(InputError, match="'boxmot' is not one of strongsort_ros:robust"):
        choose(find_trackers([]), ['boxmot'])


def test_presets_are_scored_and_failures_kept(crowds: list[Recording], tmp_path: Path) -> None:
    require('scoring', 'trackeval')
    broken = Contender('roboflow:none', '0', sys.executable)
    done = list(compare(crowds, [*choose(find_trackers([]), ['strongsort_ros:robust']), broken]))
    assert done[0].scores is not None
    assert done[0].scores.hota > 60
    assert done[0].frames_per_second > 0
    assert done[1].scores is None
    assert 'crowd 1' in done[1].error
    assert [row[0] for row in table(done).rows] == ['strongsort_ros:robust', 'roboflow:none']
    save_csv(tmp_path / 'scores.csv', done)
    with (tmp_path / 'scores.csv').open(newline='') as file:
        assert 'crowd 1' in list(csv.DictReader(file))[1]['error']
    save_picture(tmp_path / 'scores.svg', done)
    assert (tmp_path / 'scores.svg').stat().st_size > 1000


def test_the_worker_needs_nothing_of_this_package(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-I', peer_worker.__file__, 'list'], cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert isinstance(json.loads(done.stdout), dict)
    assert 'strongsort_ros' not in Path(peer_worker.__file__).read_text(encoding='utf-8')


def test_a_frame_has_its_detections() -> None:
    recording = {
        'frames': np.array([3, 4, 5]), 'matrices': np.stack([np.eye(3)] * 3),
        'detection_frames': np.array([3, 3, 5]), 'scores': np.array([0.5, 1.5, 0.7]),
        'xyxy': np.arange(12.0).reshape(3, 4),
    }  # fmt: skip
    sizes = [len(peer_worker.Frame(recording, index, None).scores) for index in range(3)]
    assert sizes == [2, 0, 1]
    assert peer_worker.Frame(recording, 0, None).scores.tolist() == [0.5, 1.0]


@pytest.mark.parametrize('library', peer_worker.LIBRARIES)
def test_trackers_of_installed_libraries_run(library: str, crowds: list[Recording]) -> None:
    distribution = peer_worker.LIBRARIES[library][0]
    if not is_installed(distribution):
        pytest.skip(f'needs {distribution}, which has other dependencies; see docs/experiments.md')
    require('scoring', 'trackeval')
    found = [t for t in find_trackers([sys.executable]) if t.name.startswith(f'{library}:')]
    for one in compare(crowds, found):
        assert one.scores is not None, one.error
        assert one.scores.hota > 30, one.tracker.name
