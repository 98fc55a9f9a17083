"""End of a node's program: by a signal, by an error, or because ROS refuses a topic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from test.nodes.processes import PATIENCE, ROOT, NodeClient

Start = Callable[..., 'OddProcess']


class OddProcess:
    """Process of `odd_node`, and its log."""

    def __init__(self, log: Path, fault: str, *arguments: str) -> None:
        self._log = log
        command = [sys.executable, '-m', 'test.nodes.odd_node', fault, '--ros-args', *arguments]
        with log.open('wb') as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)

    def text(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.text():
            assert time.monotonic() < end, self.text()
            assert self.process.poll() is None, self.text()
            time.sleep(0.01)


@pytest.fixture
def start(ros_context: Any, tmp_path: Path) -> Iterator[Start]:
    del ros_context  # sets the domain
    started = []

    def start(fault: str, *arguments: str) -> OddProcess:
        started.append(OddProcess(tmp_path / 'odd.log', fault, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


AUTOSTART = ('-p', 'autostart:=true')


@pytest.mark.parametrize(
    ('how', 'fault', 'autostart'),
    [
        (signal.SIGINT, 'sleep', True),
        (signal.SIGTERM, 'sleep', False),
        (signal.SIGTERM, 'sleep_in_c', True),
        (signal.SIGINT, 'sleep_in_c', False),
    ],
)
def test_a_signal_ends_a_transition_that_never_returns(
    start: Start, ros_context: Any, how: signal.Signals, fault: str, autostart: bool
) -> None:
    odd = start(fault, *(AUTOSTART if autostart else ()))
    client = NodeClient(ros_context, '', 'odd')
    try:
        if not autostart:
            client.ask_for('configure')
        odd.wait_for('sleeps')
        odd.process.send_signal(how)
        status = odd.process.wait(PATIENCE)
    finally:
        client.close()
    # A callback that never returns to Python cannot be cleaned up; the status is that of a kill.
    assert status == (128 + how if fault == 'sleep_in_c' else 0), odd.text()
    assert ('exits without cleaning up' in odd.text()) == (fault == 'sleep_in_c')
    assert 'Traceback' not in odd.text()


def test_a_topic_that_ros_refuses_is_named_in_one_line_and_ends_the_program(start: Start) -> None:
    odd = start('use_a_bad_topic', *AUTOSTART)
    assert odd.process.wait(PATIENCE) == 1
    assert "configure failed: cannot subscribe to 'no topic': Invalid topic name" in odd.text()
    assert odd.text().count('\n') == 1, odd.text()


def test_a_topic_that_ros_refuses_ends_the_program_after_the_response(
    start: Start, ros_context: Any
) -> None:
    odd = start('use_a_bad_topic')
    client = NodeClient(ros_context, '', 'odd')
    try:
        client.state()
        client.ask_for('configure')
        assert odd.process.wait(PATIENCE) == 1
    finally:
        client.close()
    assert 'configure failed: cannot subscribe to' in odd.text()


def test_with_security_the_error_names_the_enclave() -> None:
    import rclpy

    from strongsort_ros.nodes.ros_errors import NamingNode, RCLError, RosError

    context = rclpy.Context()
    rclpy.init(context=context, args=['--ros-args', '--enclave', '/front/tracker'])
    node = NamingNode('tracker', namespace='/front', context=context)
    before = os.environ.get('ROS_SECURITY_ENABLE')
    os.environ['ROS_SECURITY_ENABLE'] = 'true'
    try:
        with pytest.raises(RosError) as caught, node.naming('subscribe to', 'image'):
            raise RCLError('invalid allocator, at /rcl/subscription.c:261')
    finally:
        del os.environ['ROS_SECURITY_ENABLE']
        if before is not None:
            os.environ['ROS_SECURITY_ENABLE'] = before
        node.destroy_node()
        rclpy.shutdown(context=context)
    assert str(caught.value) == (
        'cannot subscribe to /front/image: invalid allocator; check that the policy of enclave '
        '/front/tracker allows it (docs/security.md)'
    )


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ('import_what_is_not_installed', "No module named 'not_installed'"),
        ('make_a_mistake', "KeyError: 'mistake'"),
        ('import_what_this_package_lacks', "No module named 'strongsort_ros.not_there'"),
    ],
)
def test_only_bugs_have_a_traceback(start: Start, fault: str, words: str) -> None:
    odd = start(fault, *AUTOSTART)
    assert odd.process.wait(PATIENCE) == 1
    assert words in odd.text()
    assert ('Traceback' in odd.text()) == (fault != 'import_what_is_not_installed')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('-p', 'frame_rate:=true'), "parameter 'frame_rate' to 'True' of type 'BOOL'"),
        (('-p', 'frame_rate:=-1.0'), 'frame_rate out of range'),
        (('--params-file', '/nowhere.yaml'), '/nowhere.yaml'),
        (('--log-level', 'loud'), 'log level'),
        (('--no-such-option',), '--no-such-option'),
        (('--enclave', 'relative'), 'must be absolute'),
        (('-r', '__node:=bad-name'), 'bad-name'),
    ],
)
def test_an_invalid_argument_is_one_line(
    start: Start, arguments: tuple[str, ...], words: str
) -> None:
    odd = start('sleep', *arguments)
    assert odd.process.wait(PATIENCE) == 1
    (line,) = (line for line in odd.text().splitlines() if '[FATAL]' in line)
    assert '[odd]: ' in line
    assert words in line
    assert '.c:' not in line  # a position in ROS's source files
    assert 'Traceback' not in odd.text()
