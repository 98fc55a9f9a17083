"""replay.launch.py, run as by `ros2 launch`."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from strongsort_ros.bags.writer import write_sequence
from test.nodes.processes import start_launch_file
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

WHY = 'needs a ROS installation: launch and launch_ros are not on PyPI'
pytest.importorskip('launch', reason=WHY)
pytest.importorskip('launch_ros', reason=WHY)
pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'replay.launch.py'


def launch(folder: Path, log: Path, *arguments: str) -> tuple[int, str]:
    """Run the launch file to its end in a folder; return its exit status and its output."""
    process = start_launch_file(FILE, log, *arguments, folder=folder)
    try:
        status = process.wait(120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        pytest.fail(f'did not end by itself:\n{log.read_text()}')
    return status, log.read_text()


@pytest.mark.usefixtures('ros_context')
def test_a_replay_ends_by_itself_with_results(tmp_path: Path) -> None:
    log = tmp_path / 'launch.log'
    settings = SceneSettings(width=320, height=180, frames=20, people=4)
    write_mot_folder(Scene(settings), tmp_path / 'plaza')
    write_sequence(tmp_path / 'plaza', tmp_path / 'bag', compressed=True)
    status, output = launch(
        tmp_path, log, 'bag:=bag', 'ground_truth:=plaza', 'output:=deep/results',
        'namespace:=front', 'frame_rate:=30.0', 'camera_motion:=none',
    )  # fmt: skip
    assert status == 0, output
    assert '20 of 20 frames tracked' in output
    assert output.count('finished cleanly') == 3, output
    assert {path.name for path in (tmp_path / 'deep' / 'results').iterdir()} == {
        'tracks', 'tracks.txt', 'refined', 'refined.txt', 'scores.json', 'report.html',
        'replay.json',
    }  # fmt: skip


@pytest.mark.usefixtures('ros_context')
def test_a_failure_is_the_exit_status(tmp_path: Path) -> None:
    log = tmp_path / 'launch.log'
    status, output = launch(tmp_path, log, 'bag:=missing')
    assert status == 1
    assert 'missing: no such bag' in output
    assert list(tmp_path.iterdir()) == [log]
