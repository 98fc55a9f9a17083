"""The replayer as a process that plays a bag to running nodes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from strongsort_ros.bags.writer import BagWriter, write_sequence
from strongsort_ros.files.motchallenge import load_tracks
from test.bags.any_reader import open_any_reader
from test.nodes.processes import start_node
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PATIENCE = 60.0


@pytest.fixture(scope='module')
def sequence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a drawn sequence, and `bag` in it."""
    folder = tmp_path_factory.mktemp('drawn') / 'plaza'
    write_mot_folder(Scene(SceneSettings(width=320, height=180, frames=20, people=4)), folder)
    write_sequence(folder, folder / 'bag', compressed=True)
    return folder


def start(folder: Path, namespace: str, **parameters: object) -> subprocess.Popen[str]:
    command = [sys.executable, '-m', 'strongsort_ros.nodes.replayer_node']
    command += ['--ros-args', '-r', f'__ns:={namespace}']
    for name, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        command += ['-p', f'{name}:={text}']
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(folder: Path, namespace: str, **parameters: object) -> tuple[int, str]:
    """Run the replayer to its end; return its exit status and its output."""
    process = start(folder, namespace, **parameters)
    try:
        text, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert 'Traceback' not in text
    return process.returncode, text


def test_a_replay_is_tracked_refined_and_scored(
    start_tracker: Any, sequence: Path, tmp_path: Path
) -> None:
    machine, _ = start_tracker(autostart=False)
    parameters = {'allowed_root': str(tmp_path)}
    refiner = start_node('refiner', machine.namespace, tmp_path, parameters)
    output = tmp_path / 'deep' / 'results'
    try:
        status, text = run(
            tmp_path, machine.namespace, bag=sequence / 'bag', ground_truth=sequence,
            output=output, frame_rate=30.0,
        )  # fmt: skip
    finally:
        refiner.stop()
    assert status == 0, text
    assert '20 of 20 frames tracked' in text
    assert ' links, ' in text
    assert 'HOTA' in text
    assert str(output / 'report.html') in text
    assert {path.name for path in output.iterdir()} == {
        'tracks', 'tracks.txt', 'refined', 'refined.txt', 'scores.json', 'report.html',
        'replay.json',
    }  # fmt: skip
    before, after = (load_tracks(output / f'{name}.txt') for name in ('tracks', 'refined'))
    assert set(before.frames.tolist()) <= set(range(1, 21))
    assert len(after) >= len(before) > 20
    scores = json.loads((output / 'scores.json').read_text())
    assert scores['combined']['mota'] > 40
    assert scores['refined']['combined']['mota'] > 40
    page = (output / 'report.html').read_text()
    assert 'round trip' in page
    assert 'http' not in page.replace('http://www.w3.org', '')


def test_the_smoother_gets_the_tentative_tracks(
    start_tracker: Any, sequence: Path, tmp_path: Path
) -> None:
    """In place of GSI, which is on by default."""
    machine, _ = start_tracker(autostart=False)
    refiner = start_node('refiner', machine.namespace, tmp_path, {'allowed_root': str(tmp_path)})
    try:
        status, text = run(
            tmp_path, machine.namespace, bag=sequence / 'bag', output='out', smooth='rts'
        )
    finally:
        refiner.stop()
    assert status == 0, text
    before, after = (load_tracks(tmp_path / 'out' / f'{n}.txt') for n in ('tracks', 'refined'))
    assert after.frames.min() == before.frames.min() - 2
    assert set(after.ids.tolist()) == set(before.ids.tolist())


def test_tracks_are_kept_if_they_cannot_be_refined_or_scored(
    start_tracker: Any, sequence: Path, tmp_path: Path
) -> None:
    machine, _ = start_tracker(autostart=False)
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    parameters = {'allowed_root': str(elsewhere)}
    refiner = start_node('refiner', machine.namespace, tmp_path, parameters)
    try:
        status, text = run(tmp_path, machine.namespace, bag=sequence / 'bag')
    finally:
        refiner.stop()
    assert status == 1
    assert str(elsewhere) in text  # the refiner's refusal
    assert {path.name for path in (tmp_path / 'bag_replayed').iterdir()} == {
        'tracks', 'tracks.txt', 'report.html', 'replay.json',
    }  # fmt: skip
    with open_any_reader(sequence / 'bag') as played, BagWriter(tmp_path / 'unstamped') as bag:
        for connection, time, data in played.messages():
            message = bytes(data[:4]) + bytes(8) + bytes(data[12:])
            bag.write_serialized(connection.topic, connection.msgtype, time, message)
    status, text = run(
        tmp_path, machine.namespace, bag='unstamped', output='kept', aflink=False, gsi=False
    )
    assert (status, '20 of 20 frames tracked' in text) == (1, True)
    assert 'kept/tracks: ' in text
    assert 'messages 1 and 2 have the same stamp' in text
    assert {path.name for path in (tmp_path / 'kept').iterdir()} == {'tracks', 'replay.json'}


@pytest.mark.usefixtures('ros_context')
@pytest.mark.parametrize(
    ('parameters', 'status', 'reason'),
    [
        ({}, 2, 'set the parameter bag'),
        ({'bag': 'missing'}, 2, 'missing: no such bag'),
        ({'ground_truth': 'nowhere.txt'}, 2, 'nowhere.txt'),
        ({'image_topic': '/left'}, 2, 'no topic /left of images'),
        ({'output': 'mine'}, 2, 'mine: exists'),
        ({'rate': 0.0}, 2, 'rate'),
        ({'startup_timeout': 0.5}, 1, 'is the node running?'),
    ],
    ids=str,
)
def test_invalid_input_is_one_line_and_leaves_no_output(
    sequence: Path, tmp_path: Path,
    parameters: dict[str, object], status: int, reason: str,
) -> None:  # fmt: skip
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').touch()
    if parameters:
        parameters = {'bag': sequence / 'bag', **parameters}
    done, text = run(tmp_path, '/nowhere', **parameters)
    assert (done, text.count('\n')) == (status, 1), text
    assert reason in text
    assert list(tmp_path.iterdir()) == [tmp_path / 'mine']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_replayer_without_output(
    start_tracker: Any, sequence: Path, tmp_path: Path, number: signal.Signals
) -> None:
    machine, process = start_tracker(autostart=False)
    replayer = start(
        tmp_path, machine.namespace, bag=sequence / 'bag', realtime=True, rate=0.1
    )  # fmt: skip
    try:
        machine.wait(lambda: machine.tracks, 'tracks')
        replayer.send_signal(number)
        text, _ = replayer.communicate(timeout=PATIENCE)
    finally:
        replayer.kill()
        replayer.wait()
    assert (replayer.returncode, text.splitlines()[-1].split(': ')[-1]) == (
        130, 'interrupted; nothing was written',
    )  # fmt: skip
    assert not list(tmp_path.glob('*replayed*'))
    assert process.process.poll() is None
