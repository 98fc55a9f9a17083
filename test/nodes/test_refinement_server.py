"""The refiner during a refinement: progress, cancellation, signals, and the end of the worker."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from test.nodes.refiner import Refiner

RESPONDS_WITHIN = 0.2
"""Seconds; largest response time of other services during a refinement."""
ENDS_WITHIN = 2.0
"""Seconds; largest time until a request is stopped."""
GOAL_SUCCEEDED, GOAL_CANCELED, GOAL_ABORTED = 4, 5, 6
Start = Callable[..., Refiner]


def test_other_services_respond_at_once_during_a_refinement(refiner: Refiner) -> None:
    from lifecycle_msgs.srv import GetState
    from rcl_interfaces.srv import GetParameters
    from strongsort_ros.srv import RefineTracks

    names = GetParameters.Request(names=['gsi.tau'])
    refiner.call(GetParameters, 'get_parameters', names)
    long = refiner.begin_long()
    slowest = 0.0
    while not long.done() and refiner.reported().get('phase') != 'write':
        for kind, name, request in (
            (GetState, 'get_state', GetState.Request()),
            (GetParameters, 'get_parameters', names),
            (RefineTracks, 'refine', RefineTracks.Request(input_uri='bag', gsi=True)),
        ):
            start = time.monotonic()
            response = refiner.call(kind, name, request)
            slowest = max(slowest, time.monotonic() - start)
        assert not response.success
        assert response.message.startswith(f'refused: {refiner.root / "large"} is being refined (')
    assert slowest < RESPONDS_WITHIN
    assert refiner.report()['message'] == 'refining'
    refiner.change_state('deactivate')
    refiner.wait(long.done)
    assert refiner.refine('bag').message.startswith('refused: the node is inactive')
    refiner.change_state('activate')


@pytest.mark.parametrize('transition', ['deactivate', 'shutdown'])
def test_leaving_the_active_state_stops_the_request_without_output(
    start_refiner: Start, transition: str
) -> None:
    refiner = start_refiner()
    long = refiner.begin_long('deep/made')
    worker, start = refiner.worker(), time.monotonic()
    assert refiner.change_state(transition)
    refiner.wait(long.done)
    assert time.monotonic() - start < ENDS_WITHIN
    assert not long.result().success
    assert long.result().message.startswith('stopped: ')
    assert refiner.outputs() == set()
    assert not Path(f'/proc/{worker}').exists()
    if transition == 'deactivate':
        assert refiner.change_state('activate')
        assert refiner.refine('bag').success


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_the_request_and_its_client_gets_a_response(
    start_refiner: Start, how: signal.Signals
) -> None:
    refiner = start_refiner()
    long = refiner.begin_long()
    start = time.monotonic()
    refiner.process.process.send_signal(how)
    refiner.wait(long.done)
    assert long.result().message.startswith('stopped: ')
    assert refiner.process.process.wait(ENDS_WITHIN) == 0
    assert time.monotonic() - start < ENDS_WITHIN
    assert refiner.outputs() == set()
    assert 'Traceback' not in refiner.process.text()


def test_a_worker_that_dies_is_reported_and_replaced(refiner: Refiner) -> None:
    long = refiner.begin_long()
    os.kill(refiner.worker(), signal.SIGKILL)
    refiner.wait(long.done)
    assert not long.result().success
    assert 'the worker process was killed by signal 9' in long.result().message
    assert refiner.outputs() == set()
    assert refiner.refine('bag').success


def test_simultaneous_requests_all_get_a_response(refiner: Refiner) -> None:
    """With ROS's default queue of 10 most of them would get none."""
    long = refiner.begin_long()
    futures = [refiner.request('bag', f'out{number}') for number in range(60)]
    refiner.wait(lambda: all(future.done() for future in futures), 'all responses')
    assert not long.done()
    assert {future.result().message.split(' (')[0] for future in futures} == {
        f'refused: {refiner.root / "large"} is being refined'
    }
    assert refiner.change_state('deactivate')
    refiner.wait(long.done)
    assert refiner.change_state('activate')


def test_a_request_beyond_max_duration_is_stopped(refiner: Refiner) -> None:
    assert refiner.set_parameters(max_duration=0.5) == []
    response = refiner.refine('large')
    assert response.message == ('stopped: max_duration of 0.5 s exceeded; no output was written')
    assert refiner.outputs() == set()
    assert refiner.set_parameters(max_duration=60.0) == []
    assert refiner.refine('bag').success


def test_a_killed_worker_leaves_no_files(refiner: Refiner) -> None:
    """It unpacks into its work folder, not into the machine's temporary folder."""
    source = refiner.root / 'packed'
    shutil.copytree(refiner.root / 'large', source)
    (file,) = source.glob('*.mcap')
    with zstd.open(f'{file}.zstd', 'wb') as packed:
        packed.write(file.read_bytes())
    file.unlink()
    metadata = source / 'metadata.yaml'
    metadata.write_text(
        metadata.read_text()
        .replace(file.name, f'{file.name}.zstd')
        .replace("compression_mode: ''", 'compression_mode: FILE')
        .replace("compression_format: ''", 'compression_format: zstd')
    )
    temporary = set(Path(tempfile.gettempdir()).glob('strongsort_*'))
    future = refiner.request('packed', 'deep/out')
    refiner.wait(lambda: future.done() or any(refiner.root.glob('.refiner_*/strongsort_*/*')))
    assert not future.done(), future.result().message
    os.kill(refiner.worker(), signal.SIGKILL)
    refiner.wait(future.done)
    assert 'the worker process was killed by signal 9' in future.result().message
    assert refiner.outputs() == {'packed'}
    assert set(Path(tempfile.gettempdir()).glob('strongsort_*')) == temporary


def test_a_worker_ends_with_its_node(start_refiner: Start) -> None:
    refiner = start_refiner()
    refiner.begin_long()
    worker = refiner.worker()
    assert refiner.process.stop(signal.SIGKILL) == -signal.SIGKILL
    refiner.wait(lambda: not Path(f'/proc/{worker}').exists(), 'the end of the worker')
    assert refiner.outputs() == set()


def test_the_action_gives_feedback_and_the_result(refiner: Refiner) -> None:
    feedback: list[Any] = []
    goal = send_goal(refiner, feedback, input_uri='bag', aflink=True, gsi=True)
    status, result = result_of(refiner, goal)
    assert (status, result.success) == (GOAL_SUCCEEDED, True), result.message
    assert (result.boxes_in, result.boxes_out) == (5, 9)

    def phases() -> list[str]:
        return list(dict.fromkeys(f.phase for f in feedback))

    # The result may overtake the last feedback, which comes on another topic.
    refiner.wait(lambda: phases()[-1:] == ['write'], 'the last feedback')
    assert phases() == ['read', 'link', 'interpolate', 'write']
    assert all(0 <= f.share <= 1 for f in feedback)
    assert (refiner.root / 'bag_refined').is_dir()


def test_a_goal_is_cancelled_and_another_one_refused_meanwhile(refiner: Refiner) -> None:
    feedback: list[Any] = []
    goal = send_goal(refiner, feedback, input_uri='large', gsi=True)
    refiner.wait(lambda: feedback, 'feedback')
    assert refiner.refine('bag').message.startswith(
        f'refused: {refiner.root / "large"} is being refined ('
    )
    second = send_goal(refiner, [], input_uri='bag', gsi=True)
    status, result = result_of(refiner, second)
    assert status == GOAL_ABORTED
    assert result.message.startswith(f'refused: {refiner.root / "large"} is being refined (')
    start = time.monotonic()
    future = goal.cancel_goal_async()
    refiner.wait(future.done, 'the response to the cancellation')
    status, result = result_of(refiner, goal)
    assert time.monotonic() - start < ENDS_WITHIN
    assert (status, result.success) == (GOAL_CANCELED, False)
    assert result.message.startswith('stopped: cancelled')
    assert refiner.outputs() == set()
    assert refiner.refine('bag').success


def test_a_suspended_node_processes_the_worker_messages_in_order(refiner: Refiner) -> None:
    feedback: list[Any] = []
    node = refiner.process.process
    goal = send_goal(refiner, feedback, input_uri='bag', output_uri='made', aflink=True, gsi=True)
    made = refiner.root / 'made'
    # The last report may be of the previous request.
    refiner.wait(lambda: refiner.reported().get('output') == str(made), 'the worker')
    node.send_signal(signal.SIGSTOP)
    try:
        refiner.wait(made.exists, 'the output')
    finally:
        node.send_signal(signal.SIGCONT)
    status, result = result_of(refiner, goal)
    assert status == GOAL_SUCCEEDED, result.message
    phases = [message.phase for message in feedback]
    order = ['read', 'link', 'interpolate', 'write']
    assert phases == sorted(phases, key=order.index)


def send_goal(refiner: Refiner, feedback: list[Any], **fields: Any) -> Any:
    """Send a goal, and return its handle."""
    from rclpy.action import ActionClient
    from strongsort_ros.action import RefineTracks

    client = ActionClient(refiner.node, RefineTracks, 'refiner/refine_tracks')
    refiner.wait(client.server_is_ready, 'the action')
    future = client.send_goal_async(
        RefineTracks.Goal(**fields), lambda message: feedback.append(message.feedback)
    )
    refiner.wait(future.done, 'the response to a goal')
    assert future.result().accepted
    return future.result()


def result_of(refiner: Refiner, goal: Any) -> tuple[int, Any]:
    """Wait for the end of a goal, and return its status and result."""
    future = goal.get_result_async()
    refiner.wait(future.done, 'the result of a goal')
    return future.result().status, future.result().result
