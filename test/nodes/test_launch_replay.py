"""replay.launch.py, run as `ros2 launch` runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strongsort_ros.recording.sequence_bag import write_sequence
from strongsort_ros.simulation.mot_folder import write_mot_folder
from strongsort_ros.simulation.scene import Scene, SceneSettings

WHY = 'needs a ROS installation: launch and launch_ros are not on PyPI'
pytest.importorskip('launch', reason=WHY)
pytest.importorskip('launch_ros', reason=WHY)
pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'replay.launch.py'
PROGRAM = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = [tuple(argument.split(':=')) for argument in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


def launch(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run it in a folder to its end; return its exit status and what it said."""
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, str(FILE), *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
        pytest.fail(f'did not end by itself:\n{said}')
    return process.returncode, said


@pytest.mark.usefixtures('ros_context')
def test_it_ends_by_itself(tmp_path: Path) -> None:
    settings = SceneSettings(width=320, height=180, frames=20, people=4)
    write_mot_folder(Scene(settings), tmp_path / 'plaza')
    write_sequence(tmp_path / 'plaza', tmp_path / 'bag', compressed=True)
    status, said = launch(
        tmp_path, 'bag:=bag', 'ground_truth:=plaza', 'output:=deep/results', 'namespace:=front',
        'frame_rate:=30.0', 'camera_motion:=none',
    )  # fmt: skip
    assert status == 0, said
    assert '20 of 20 frames answered' in said
    assert said.count('finished cleanly') == 3, said
    assert {path.name for path in (tmp_path / 'deep' / 'results').iterdir()} == {
        'tracks', 'tracks.txt', 'refined', 'refined.txt', 'scores.json', 'report.html',
        'replay.json',
    }  # fmt: skip


@pytest.mark.usefixtures('ros_context')
def test_a_failure_is_its_exit_status(tmp_path: Path) -> None:
    status, said = launch(tmp_path, 'bag:=missing')
    assert status == 1
    assert 'missing: there is no such bag' in said
    assert not list(tmp_path.iterdir())
