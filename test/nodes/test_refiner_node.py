"""The refiner as a client meets it: a node in its own process, real bags, over DDS."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backports import zstd

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import Storage
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.messages.track2d_array import TrackArray, read_track_array
from test.bags.track_bags import digests, stamp, track, track_array, walk, write_messages
from test.nodes.processes import NodeClient, start_node
from tools.node_process import NodeProcess

ANSWERS_WITHIN = 0.2
"""Seconds; asked of the node whatever it is doing."""
ENDS_WITHIN = 2.0
"""Seconds in which what is being done is stopped."""
GOAL_SUCCEEDED, GOAL_CANCELED, GOAL_ABORTED = 4, 5, 6


class Refiner(NodeClient):
    """The client's side of a refiner whose `allowed_root` is the folder `root`."""

    def __init__(self, context: Any, namespace: str, process: NodeProcess, root: Path) -> None:
        super().__init__(context, namespace, 'refiner')
        self.process, self.root = process, root

    def ask(self, input_uri: str, output_uri: str = '', **fields: Any) -> Any:
        """Ask for a refinement, and return the future answer."""
        from strongsort_ros.srv import RefineTracks

        fields = {'aflink': True, 'gsi': True} | fields
        request = RefineTracks.Request(input_uri=input_uri, output_uri=output_uri, **fields)
        return self.call_later(RefineTracks, 'refine', request)

    def refine(self, input_uri: str, output_uri: str = '', **fields: Any) -> Any:
        """Have a bag refined, and return the answer."""
        future = self.ask(input_uri, output_uri, **fields)
        self.wait(future.done, f'the answer for {input_uri}')
        return future.result()

    def begin_long(self, output_uri: str = 'large_refined') -> Any:
        """Ask for the refinement of the large bag, and wait until its worker reads it."""
        future = self.ask('large', output_uri)
        output = str(self.root / output_uri)

        def reads() -> bool:
            reported = self.reported()
            return reported.get('output') == output and reported['phase'] != 'start'

        self.wait(lambda: future.done() or reads(), 'progress')
        assert not future.done(), future.result().message
        return future

    def reported(self) -> dict[str, str]:
        """Return what was reported last."""
        statuses = [status for message in self.diagnostics[-1:] for status in message.status]
        return {value.key: value.value for status in statuses for value in status.values}

    def worker(self) -> int:
        """Return the number of the worker's process."""
        children = Path(f'/proc/{self.process.process.pid}/task')
        found = [pid for task in children.iterdir() for pid in _children(task)]
        assert len(found) == 1
        return found[0]

    def close(self) -> None:
        """End the node and the client."""
        self.process.stop()
        super().close()

    def outputs(self) -> set[str]:
        """Return the names of all but the bags that tests put in the root."""
        return {path.name for path in self.root.iterdir()} - {'bag', 'large'}


def _children(task: Path) -> list[int]:
    return [int(pid) for pid in (task / 'children').read_text().split()]


@pytest.fixture(scope='module')
def large_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bag whose refinement takes many seconds: 200 tracks in 1500 frames."""
    rows = np.repeat(track(1, 0.0)[None], 200)
    rows['id'] = np.arange(1, 201)
    messages = {}
    for frame in range(1500):
        rows['center'][:, 0] = 30.0 * np.arange(200) + np.sin(frame / 9 + np.arange(200)) * 9
        # Each is missed now and then.
        messages[frame] = track_array(frame, rows[(frame + np.arange(200)) % 40 > 5])
    return write_messages(tmp_path_factory.mktemp('large') / 'large', messages)


def make_root(root: Path, large_bag: Path) -> Path:
    """Make a folder with the bags `bag` and `large`."""
    root.mkdir()
    messages = walk([1, 2, 3, 8, 9], 7) | {frame: track_array(frame, []) for frame in (4, 5, 6, 7)}
    write_messages(root / 'bag', dict(sorted(messages.items())))
    shutil.copytree(large_bag, root / 'large', copy_function=os.link)
    return root


def start_refiner_node(context: Any, folder: Path, large_bag: Path, **parameters: Any) -> Refiner:
    """Start a node in `folder`, and return its client."""
    root = make_root(folder / 'root', large_bag)
    namespace = f'/{folder.name.lower()}'
    parameters = {'allowed_root': str(root), 'autostart': True} | parameters
    process = start_node('refiner', namespace, folder, parameters)
    refiner = Refiner(context, namespace, process, root)
    if parameters['autostart']:
        refiner.wait(lambda: refiner.state() == 'active', 'activity')
    return refiner


@pytest.fixture
def start_refiner(
    ros_context: Any, tmp_path: Path, large_bag: Path
) -> Iterator[Callable[..., Refiner]]:
    """Start a node of the test's own; keyword arguments are parameters of it."""
    started: list[Refiner] = []

    def start(**parameters: Any) -> Refiner:
        started.append(start_refiner_node(ros_context, tmp_path, large_bag, **parameters))
        return started[-1]

    yield start
    for refiner in started:
        refiner.close()


@pytest.fixture(scope='module')
def shared(
    ros_context: Any, tmp_path_factory: pytest.TempPathFactory, large_bag: Path
) -> Iterator[Refiner]:
    """Return a node that many tests ask."""
    refiner = start_refiner_node(ros_context, tmp_path_factory.mktemp('shared'), large_bag)
    yield refiner
    refiner.close()


@pytest.fixture
def refiner(shared: Refiner) -> Iterator[Refiner]:
    """Return the shared node; what tests had it write is removed."""
    shared.diagnostics.clear()
    yield shared
    assert shared.change_state('deactivate')
    assert shared.change_state('activate')
    for name in shared.outputs():
        path = shared.root / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


Start = Callable[..., Refiner]


def arrays(bag: Path) -> list[TrackArray]:
    """Return the messages of a bag of tracks."""
    with open_bag(bag) as opened:
        return [read_track_array(data) for _, _, data in opened.messages()]


def test_a_bag_is_refined_beside_itself(refiner: Refiner) -> None:
    before = digests(refiner.root / 'bag')
    answer = refiner.refine('bag')
    assert answer.success, answer.message
    output = refiner.root / 'bag_refined'
    assert Path(answer.output_uri) == output
    assert (answer.tracks_in, answer.tracks_out, answer.links) == (1, 1, 0)
    assert (answer.boxes_in, answer.boxes_out) == (5, 9)
    assert 0 < answer.duration < 60
    stamps = [message.header.stamp for message in arrays(output)]
    assert stamps == [stamp(frame) for frame in range(1, 10)]
    assert len(load_tracks(output.with_name('bag_refined.txt'))) == 9
    assert digests(refiner.root / 'bag') == before
    # There it is now, and stays as it is.
    before = digests(output)
    again = refiner.refine('bag')
    assert not again.success
    assert str(output) in again.message
    assert digests(output) == before
    report = refiner.report()
    assert report['message'] == 'active'
    assert report['last_answer'] == again.message
    assert (int(report['done']), int(report['failed'])) >= (1, 1)


def test_a_step_alone_with_other_settings(refiner: Refiner) -> None:
    assert refiner.set_parameters(**{'gsi.interval': 3}) == []
    answer = refiner.refine('bag', 'made/here', aflink=False)
    assert answer.success, answer.message
    assert (answer.output_uri, answer.boxes_out) == (str(refiner.root / 'made' / 'here'), 5)
    assert refiner.set_parameters(**{'gsi.interval': 20}) == []
    assert refiner.set_parameters(**{'aflink.max_gap': 50}) == []
    (reason,) = refiner.set_parameters(**{'aflink.min_gap': 50})
    assert 'max_gap' in reason


def test_nothing_outside_the_allowed_root_is_read_or_written(
    refiner: Refiner, tmp_path: Path
) -> None:
    outside = tmp_path / 'outside'
    outside.mkdir()
    write_messages(outside / 'bag', walk([1, 2, 3], 1))
    (refiner.root / 'link').symlink_to(outside)
    # A bag of which a file is a link.
    (storage,) = (outside / 'bag').glob('*.mcap')
    shutil.copytree(outside / 'bag', refiner.root / 'hollow')
    (refiner.root / 'hollow' / storage.name).unlink()
    (refiner.root / 'hollow' / storage.name).symlink_to(storage)
    before, there = digests(outside), refiner.outputs()
    for uri in ('bag/../../outside/bag', str(outside / 'bag'), 'link/bag', 'hollow'):
        answer = refiner.refine(uri, 'made')
        assert not answer.success
        assert 'leads out of the allowed root' in answer.message
    for uri in ('../outside/made', str(outside / 'made'), 'link/made', 'bag/../link/made'):
        answer = refiner.refine('bag', uri)
        assert not answer.success
        assert 'leads out of the allowed root' in answer.message
    assert digests(outside) == before
    assert refiner.outputs() == there


def test_what_cannot_be_used_is_told_and_survived(refiner: Refiner) -> None:
    (refiner.root / 'empty').mkdir()
    (refiner.root / 'text').write_text('no bag')
    for uri in ('nowhere', 'empty', 'text', '\0'):
        answer = refiner.refine(uri, 'made')
        assert not answer.success
        assert answer.message
        assert '\n' not in answer.message
        assert 'Traceback' not in answer.message
    assert not refiner.refine('bag', tracks_topic='/other').success
    answer = refiner.refine('bag', aflink=False, gsi=False)
    assert answer.message == 'refused: nothing to do; ask for aflink, gsi or both'
    assert refiner.refine('bag').success
    assert 'Traceback' not in refiner.process.text()


def test_it_answers_everything_else_at_once_meanwhile(refiner: Refiner) -> None:
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
            answer = refiner.call(kind, name, request)
            slowest = max(slowest, time.monotonic() - start)
        assert not answer.success
        assert answer.message.startswith(f'refused: {refiner.root / "large"} is being refined (')
    assert slowest < ANSWERS_WITHIN
    assert refiner.report()['message'] == 'refining'
    refiner.change_state('deactivate')
    refiner.wait(long.done)
    assert refiner.refine('bag').message.startswith('refused: the node is inactive')
    refiner.change_state('activate')


@pytest.mark.parametrize('transition', ['deactivate', 'shutdown'])
def test_leaving_activity_stops_it_and_leaves_nothing(
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
def test_signals_stop_it_and_its_client_is_told(start_refiner: Start, how: signal.Signals) -> None:
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


def test_a_worker_that_dies_is_told_and_replaced(refiner: Refiner) -> None:
    long = refiner.begin_long()
    os.kill(refiner.worker(), signal.SIGKILL)
    refiner.wait(long.done)
    assert not long.result().success
    assert 'the worker was ended by signal 9' in long.result().message
    assert refiner.outputs() == set()
    assert refiner.refine('bag').success


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_no_text_of_a_request_leads_out_once_it_is_decoded(
    refiner: Refiner, storage: Storage
) -> None:
    """rosbags opens SQLite files as URIs."""
    write_messages(refiner.root / 'source', walk([1, 2, 3], 1), storage)
    before = set(refiner.root.parent.iterdir())
    name = 'x%2F..%2F..%2Fescaped'
    answer = refiner.refine('source', name, aflink=False)
    assert answer.success, answer.message
    assert set(refiner.root.parent.iterdir()) == before
    assert len(arrays(refiner.root / name)) == 3


@pytest.mark.parametrize('uri', ['bag/in', 'bag/deep/in', 'line\nbreak', 'deep/line\rbreak/x'])
def test_outputs_that_are_refused(refiner: Refiner, uri: str) -> None:
    before = digests(refiner.root / 'bag')
    answer = refiner.refine('bag', uri)
    assert not answer.success
    assert 'lies in the bag' in answer.message or 'control character' in answer.message
    assert '\n' not in answer.message
    assert digests(refiner.root / 'bag') == before
    assert refiner.outputs() == set()


def test_answers_are_of_bounded_length(refiner: Refiner) -> None:
    for answer in (
        refiner.refine('bag', tracks_topic='/' + 'x' * 100_000),
        refiner.refine('x' * 100_000),
        refiner.refine('bag', 'x/' * 2000),
    ):
        assert not answer.success
        assert len(answer.message) < 1000


def test_requests_at_once_are_all_answered(refiner: Refiner) -> None:
    """Of ROS's own queue of 10, most of them never were."""
    long = refiner.begin_long()
    futures = [refiner.ask('bag', f'out{number}') for number in range(60)]
    refiner.wait(lambda: all(future.done() for future in futures), 'all answers')
    assert not long.done()
    assert {future.result().message.split(' (')[0] for future in futures} == {
        f'refused: {refiner.root / "large"} is being refined'
    }
    assert refiner.change_state('deactivate')
    refiner.wait(long.done)
    assert refiner.change_state('activate')


def test_a_request_that_takes_too_long_is_stopped(refiner: Refiner) -> None:
    assert refiner.set_parameters(max_duration=0.5) == []
    answer = refiner.refine('large')
    assert answer.message == (
        'stopped: it took longer than the 0.5 s that max_duration allows; no output is left'
    )
    assert refiner.outputs() == set()
    assert refiner.set_parameters(max_duration=60.0) == []
    assert refiner.refine('bag').success


def test_a_worker_that_is_killed_leaves_nothing_in_any_folder(refiner: Refiner) -> None:
    """What it unpacks lies in its own folder, not in the machine's temporary one."""
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
    future = refiner.ask('packed', 'deep/out')
    refiner.wait(lambda: future.done() or any(refiner.root.glob('.refiner_*/strongsort_*/*')))
    assert not future.done(), future.result().message
    os.kill(refiner.worker(), signal.SIGKILL)
    refiner.wait(future.done)
    assert 'the worker was ended by signal 9' in future.result().message
    assert refiner.outputs() == {'packed'}
    assert set(Path(tempfile.gettempdir()).glob('strongsort_*')) == temporary


def test_a_worker_does_not_outlive_its_node(start_refiner: Start) -> None:
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

    # The result may overtake the last feedback: they come on topics of their own.
    refiner.wait(lambda: phases()[-1:] == ['write'], 'the last feedback')
    assert phases() == ['read', 'link', 'interpolate', 'write']
    assert all(0 <= f.share <= 1 for f in feedback)
    assert (refiner.root / 'bag_refined').is_dir()


def test_a_goal_is_cancelled_and_another_refused_meanwhile(refiner: Refiner) -> None:
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
    refiner.wait(future.done, 'the answer to the cancellation')
    status, result = result_of(refiner, goal)
    assert time.monotonic() - start < ENDS_WITHIN
    assert (status, result.success) == (GOAL_CANCELED, False)
    assert result.message.startswith('stopped: cancelled')
    assert refiner.outputs() == set()
    assert refiner.refine('bag').success


def test_a_wrong_checkpoint_is_named_and_can_be_corrected(
    start_refiner: Start, tmp_path: Path
) -> None:
    wrong = tmp_path / 'wrong.pth'
    wrong.write_bytes(b'no checkpoint')
    refiner = start_refiner(autostart=False, weights=str(wrong))
    assert not refiner.change_state('configure')
    assert str(wrong) in refiner.process.text()
    assert 'Traceback' not in refiner.process.text()
    assert refiner.state() == 'unconfigured'
    assert refiner.refine('bag').message.startswith('refused: the node is unconfigured')
    assert refiner.set_parameters(weights='') == []
    assert refiner.change_state('configure')
    assert refiner.change_state('activate')
    assert refiner.refine('bag').success


def test_what_a_worker_tells_is_taken_in_its_order_by_a_node_that_is_late(refiner: Refiner) -> None:
    feedback: list[Any] = []
    node = refiner.process.process
    goal = send_goal(refiner, feedback, input_uri='bag', output_uri='made', aflink=True, gsi=True)
    made = refiner.root / 'made'
    # Of this request: the last report may be that of the one before.
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


def test_the_allowed_root_is_checked_and_is_not_widened_from_outside(
    start_refiner: Start,
) -> None:
    refiner = start_refiner(autostart=False, allowed_root='nowhere')
    assert not refiner.change_state('configure')
    assert "'nowhere': no folder to allow" in refiner.process.text()
    (reason,) = refiner.set_parameters(allowed_root='/')
    assert 'read-only' in reason


def send_goal(refiner: Refiner, feedback: list[Any], **fields: Any) -> Any:
    """Send a goal of the action, and return its handle."""
    from rclpy.action import ActionClient
    from strongsort_ros.action import RefineTracks

    client = ActionClient(refiner.node, RefineTracks, 'refiner/refine_tracks')
    refiner.wait(client.server_is_ready, 'the action')
    future = client.send_goal_async(
        RefineTracks.Goal(**fields), lambda message: feedback.append(message.feedback)
    )
    refiner.wait(future.done, 'the answer to a goal')
    assert future.result().accepted
    return future.result()


def result_of(refiner: Refiner, goal: Any) -> tuple[int, Any]:
    """Wait for the end of a goal, and return its status and result."""
    future = goal.get_result_async()
    refiner.wait(future.done, 'the result of a goal')
    return future.result().status, future.result().result
