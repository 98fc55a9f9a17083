"""tracker.launch.py and refiner.launch.py, run as by `ros2 launch`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.tracking.detections import Detections
from test.nodes.processes import NodeClient, start_launch_file

WHY = 'needs a ROS installation: launch and launch_ros are not on PyPI'
pytest.importorskip('launch', reason=WHY)
pytest.importorskip('launch_ros', reason=WHY)
pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'tracker.launch.py'
Launch = Callable[..., tuple[subprocess.Popen[bytes], Path]]


@pytest.fixture
def launch(ros_context: Any, tmp_path: Path) -> Iterator[Launch]:
    """Run the launch file with arguments; return the process and its log."""
    del ros_context  # sets the domain
    started = []

    def start(*arguments: str, file: Path = FILE) -> tuple[subprocess.Popen[bytes], Path]:
        log = tmp_path / 'launch.log'
        process = start_launch_file(file, log, *arguments)
        started.append(process)
        return process, log

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def machine(ros_context: Any, machine_class: Any) -> Iterator[Callable[..., Any]]:
    """Create the camera and the detector of a namespace."""
    made = []

    def make(namespace: str, **topics: str) -> Any:
        made.append(machine_class(ros_context, namespace, topics=topics))
        return made[-1]

    yield make
    for one in made:
        one.close()


FAST = ('weights:=none', 'camera_motion:=none')


def test_the_tracker_is_started_configured_and_activated(launch: Launch, machine: Any) -> None:
    process, log = launch('namespace:=front', 'detections:=yolo/detections', *FAST)
    front = machine('/front', detections='yolo/detections')
    front.connected()
    assert front.state() == 'active'
    assert front.track(10**12, Detections.empty()).tracks == []
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert 'process has finished cleanly' in log.read_text()


def test_each_camera_has_its_own_tracker(launch: Launch, machine: Any) -> None:
    launch('cameras:=front, rear', 'namespace:=car', 'image:=image_raw', *FAST)
    seen = Detections(np.array([[10.0, 10, 40, 90]]), np.array([0.9]), np.array(['person']))
    for namespace in ('/car/front', '/car/rear'):
        camera = machine(namespace, image='image_raw')
        camera.connected()
        for number in range(4):
            found = camera.track(10**12 + number * 33_333_333, seen)
        assert [track.id for track in found.tracks] == [1]  # ids are those of one camera
        nodes = camera.node.get_node_names_and_namespaces_with_enclaves()
        assert ('tracker', namespace, f'{namespace}/tracker') in nodes


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('cameras:=front,front',), 'expected distinct names'),
        (('cameras:=front,,rear',), 'expected distinct names'),
        (('cameras:=front,rear', 'image:=/camera/image'), 'without the first slash'),
    ],
)
def test_invalid_cameras_are_refused(
    launch: Launch, arguments: tuple[str, ...], words: str
) -> None:
    process, log = launch(*arguments)
    assert process.wait(20) != 0
    assert words in log.read_text()


def test_a_killed_node_is_restarted(launch: Launch, machine: Any) -> None:
    _, log = launch('namespace:=front', *FAST)
    front = machine('/front')
    front.connected()
    (pid,) = re.findall(r'process started with pid \[(\d+)\]', log.read_text())
    os.kill(int(pid), signal.SIGKILL)
    front.wait(lambda: log.read_text().count('process started with pid') == 2, 'the respawn')
    front.wait(lambda: log.read_text().count('active: reads') == 2, 'the second activation')
    front.connected()

    def has_tracks() -> bool:
        front.send(10**12, Detections.empty())
        front.spin(0.1)
        return bool(front.tracks)

    front.wait(has_tracks, 'tracks')


@pytest.mark.parametrize(
    ('arguments', 'starts', 'status'),
    [
        (('respawn_max_retries:=1',), 2, 1),
        (('respawn:=false',), 1, 1),
        (('respawn:=false', 'required:=false'), 1, 0),
    ],
)
def test_a_node_that_cannot_start_ends_the_launch(
    launch: Launch, tmp_path: Path, arguments: tuple[str, ...], starts: int, status: int
) -> None:
    parameters = tmp_path / 'wrong.yaml'
    parameters.write_text('/**: {ros__parameters: {min_confidence: 7.0}}')
    process, log = launch(f'params_file:={parameters}', *arguments)
    assert process.wait(60) == status
    assert log.read_text().count('process started with pid') == starts
    assert log.read_text().count('min_confidence out of range') == starts
    assert ('last with exit status 1; see its log' in log.read_text()) == (status == 1)


def test_weights_that_are_missing_end_the_launch(launch: Launch) -> None:
    process, log = launch('weights:=/nowhere.pth', 'respawn:=false')
    assert process.wait(60) == 1
    assert 'configure failed: ' in log.read_text()


def test_the_refiner_is_launched(launch: Launch, ros_context: Any, tmp_path: Path) -> None:
    from strongsort_ros.srv import RefineTracks

    arguments = ('namespace:=desk', f'allowed_root:={tmp_path}')
    process, log = launch(*arguments, file=FILE.with_name('refiner.launch.py'))
    refiner = NodeClient(ros_context, '/desk', 'refiner')
    refiner.wait(lambda: refiner.state() == 'active', 'the active state')
    request = RefineTracks.Request(input_uri='../elsewhere', gsi=True)
    answer = refiner.call(RefineTracks, 'refine', request)
    assert str(tmp_path) in answer.message
    refiner.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert 'process has finished cleanly' in log.read_text()
