"""The launch file, run as `ros2 launch` runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongsort_ros.tracking.detections import Detections

WHY = 'needs a ROS installation: launch and launch_ros are not on PyPI'
pytest.importorskip('launch', reason=WHY)
pytest.importorskip('launch_ros', reason=WHY)
pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'tracker.launch.py'
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


@pytest.fixture
def launched(ros_context: Any, machine_class: Any, tmp_path: Path) -> Iterator[Any]:
    """A tracker that was launched, in namespace `front`, and a machine that feeds it."""
    arguments = [
        'namespace:=front', 'weights:=none', 'camera_motion:=none', 'detections:=yolo/detections',
    ]  # fmt: skip
    log = tmp_path / 'launch.log'
    with log.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM, str(FILE), *arguments],
            stdout=output,
            stderr=output,
            cwd=FILE.parents[1],
        )
    machine = machine_class(ros_context, '/front', topics={'detections': 'yolo/detections'})
    yield machine, process, log
    machine.close()
    process.kill()
    process.wait()


def test_it_starts_configures_activates_and_ends(launched: Any) -> None:
    machine, process, log = launched
    machine.connected()
    assert machine.state() == 'active'
    assert machine.track(10**12, Detections.empty()).tracks == []
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert 'process has finished cleanly' in log.read_text()
