"""Lifecycle transitions of the tracker node: success, failure, signals, and the bond."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from test.nodes.processes import stale_segments
from tools.simulation.walkers import Walkers, WalkerSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
ROUNDS = 50
HAS_BONDPY = importlib.util.find_spec('bondpy') is not None
Start = Callable[..., tuple[Any, Any]]


def test_tracks_come_only_while_active(start_tracker: Start) -> None:
    machine, _ = start_tracker(autostart=False)
    walkers = Walkers(WalkerSettings(people=4, dimension=0))
    frames = [frame.detections for frame in itertools.islice(walkers, 12)]
    assert machine.state() == 'unconfigured'
    assert machine.change_state('configure')
    machine.send(START, frames[0])
    machine.spin(0.2)
    assert machine.activate()
    for n in range(1, 6):
        machine.track(START + n * PERIOD, frames[n])
    assert machine.change_state('deactivate')
    machine.send(START + 6 * PERIOD, frames[6])
    machine.spin(0.2)
    assert machine.activate()
    assert machine.track(START + 7 * PERIOD, frames[7]).tracks == []
    assert machine.stamps() == [START + n * PERIOD for n in (1, 2, 3, 4, 5, 7)]
    assert machine.change_state('deactivate')
    assert machine.change_state('cleanup')
    assert machine.state() == 'unconfigured'
    assert machine.change_state('configure')
    assert machine.activate()
    assert machine.track(START, frames[8]).tracks == []


def test_activating_many_times_leaves_nothing_behind(start_tracker: Start) -> None:
    machine, process = start_tracker()
    walkers = Walkers(WalkerSettings(people=4, dimension=0))
    frames = iter(enumerate(frame.detections for frame in walkers))
    pid = process.process.pid

    def cycle() -> None:
        assert machine.change_state('deactivate')
        assert machine.change_state('activate')
        before = len(machine.tracks)
        for number, detections in frames:
            # The first messages precede discovery.
            machine.send(START + number * PERIOD, detections)
            machine.spin(0.01)
            if len(machine.tracks) >= before + 2:
                break

    def used() -> tuple[int, int, int]:
        files = sum(1 for _ in Path(f'/proc/{pid}/fd').iterdir())
        threads = sum(1 for _ in Path(f'/proc/{pid}/task').iterdir())
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
        return files, threads, pages * os.sysconf('SC_PAGE_SIZE')

    for _ in range(5):
        cycle()
    files, threads, memory = used()
    names = _topics(machine)
    for _ in range(ROUNDS):
        cycle()
    assert used()[0] <= files
    assert used()[1] <= threads
    assert used()[2] - memory < 4_000_000
    assert _topics(machine) == names


def _topics(machine: Any) -> list[tuple[str, int, int]]:
    node = machine.node
    return [
        (name, node.count_publishers(name), node.count_subscribers(name))
        for name, _ in sorted(node.get_topic_names_and_types())
        if name.startswith(machine.namespace)
    ]


class Program:
    """Object that makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_invalid_weights_are_named_and_can_be_corrected(
    start_tracker: Start, tmp_path: Path
) -> None:
    folder, pipe, program = (tmp_path / f'{name}.pth' for name in ('folder', 'pipe', 'program'))
    folder.mkdir()
    os.mkfifo(pipe)
    program.write_bytes(pickle.dumps(Program(tmp_path / 'run')))
    machine, process = start_tracker(autostart=False, weights='nowhere.pth')
    for weights in ('nowhere.pth', folder, pipe, program):
        assert machine.set_parameters(weights=str(weights)) == []
        assert not machine.change_state('configure')
        assert str(weights) in process.text().splitlines()[-1]
    assert machine.state() == 'unconfigured'
    assert not (tmp_path / 'run').exists()
    assert 'Traceback' not in process.text()
    assert machine.set_parameters(weights='none') == []
    assert machine.change_state('configure')
    assert machine.activate()


def test_an_invalid_transition_is_refused(start_tracker: Start) -> None:
    from lifecycle_msgs.msg import Transition

    machine, process = start_tracker(autostart=False)
    for transition in ('activate', 'cleanup', 'no_such_thing'):
        assert not machine.change_state(transition)
    assert machine.change_state('configure')
    assert not machine.change_state('configure')
    assert machine.state() == 'inactive'
    for number in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_DEACTIVATE, 77):
        assert not machine.change_state(number)
    assert machine.state() == 'inactive'
    assert process.process.poll() is None


def test_transitions_by_number_reach_their_state_at_once(start_tracker: Start) -> None:
    """As nav2's lifecycle manager requests and checks them."""
    from lifecycle_msgs.msg import Transition

    machine, _ = start_tracker(autostart=False)
    start_up = [
        (Transition.TRANSITION_CONFIGURE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
    ]
    reset = [
        (Transition.TRANSITION_DEACTIVATE, 'inactive'),
        (Transition.TRANSITION_CLEANUP, 'unconfigured'),
    ]
    end = [(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN, 'finalized')]
    for transition, state in [*start_up, *reset, *start_up, *reset, *end]:
        assert machine.change_state(transition)
        assert machine.state() == state


@pytest.mark.parametrize(
    ('how', 'state'),
    [
        (signal.SIGTERM, 'unconfigured'),
        (signal.SIGINT, 'inactive'),
        (signal.SIGINT, 'active'),
        (signal.SIGTERM, 'active'),
        (signal.SIGTERM, 'finalized'),
    ],
)
def test_signals_end_the_node_cleanly_in_every_state(
    start_tracker: Start, how: signal.Signals, state: str
) -> None:
    machine, process = start_tracker(autostart=False)
    if state in ('inactive', 'active'):
        assert machine.change_state('configure')
    if state == 'active':
        assert machine.activate()
    if state == 'finalized':
        assert machine.change_state('shutdown')
    assert machine.state() == state
    maps = Path(f'/proc/{process.process.pid}/maps').read_text()
    assert process.stop(how) == 0
    assert 'Traceback' not in process.text()
    # It leaves no shared memory, 64 MB, behind.
    assert [segment for segment in stale_segments() if str(segment) in maps] == []


@pytest.fixture
def manager_of() -> Iterator[Callable[[Any], Any]]:
    """Make the manager's end of a bond to a machine's tracker."""
    bondpy = pytest.importorskip('bondpy.bondpy', reason='bondpy is not on PyPI')
    made = []

    def make(machine: Any) -> Any:
        bond = bondpy.Bond(machine.node, 'bond', 'tracker')
        bond.heartbeat_period, bond.heartbeat_timeout = 0.1, 1.0
        bond.start()
        made.append(bond)
        return bond

    yield make
    for bond in made:
        end(bond)


def end(bond: Any) -> None:
    if not bond.is_shutdown:
        bond.shutdown()
        bond.node.destroy_subscription(bond.sub)
        bond.node.destroy_publisher(bond.pub)


def is_formed(bond: Any) -> bool:
    return bool(bond.sm.getState().getName() == 'SM.Alive')


def test_the_manager_sees_the_bond_broken(
    start_tracker: Any, manager_of: Callable[[Any], Any]
) -> None:
    machine, process = start_tracker(bond=True)
    bond = manager_of(machine)
    machine.wait(lambda: is_formed(bond), 'the bond')
    assert machine.change_state('deactivate')
    machine.wait(bond.is_broken, 'the end of the bond')
    assert machine.change_state('activate')
    assert process.stop() == 0
    assert 'Traceback' not in process.text()


def test_the_manager_sees_that_the_node_died(
    start_tracker: Any, manager_of: Callable[[Any], Any]
) -> None:
    machine, process = start_tracker(bond=True)
    bond = manager_of(machine)
    machine.wait(lambda: is_formed(bond), 'the bond')
    # The first heartbeat forms the bond, the second starts the timeout.
    machine.wait(lambda: bond.heartbeat_timer.timer.is_alive(), 'the second heartbeat')
    process.process.kill()
    machine.wait(bond.is_broken, 'the timeout')


@pytest.mark.skipif(HAS_BONDPY, reason='bondpy is installed')
def test_without_bondpy_the_node_ends_with_one_line(start_tracker: Any) -> None:
    _, process = start_tracker(autostart=False, bond=True)
    assert process.process.wait(20) == 1
    assert 'parameter bond: No module named' in process.text()
    assert 'Traceback' not in process.text()
