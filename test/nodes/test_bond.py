"""The bond to a lifecycle manager, with its other end in this process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

HAS_BONDPY = importlib.util.find_spec('bondpy') is not None


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


def test_a_manager_hears_of_the_end(start_tracker: Any, manager_of: Callable[[Any], Any]) -> None:
    machine, process = start_tracker(bond=True)
    bond = manager_of(machine)
    machine.wait(lambda: is_formed(bond), 'the bond')
    assert machine.change_state('deactivate')
    machine.wait(bond.is_broken, 'its end')
    assert machine.change_state('activate')
    assert process.stop() == 0
    assert 'Traceback' not in process.text()


def test_a_manager_notices_the_silence(
    start_tracker: Any, manager_of: Callable[[Any], Any]
) -> None:
    machine, process = start_tracker(bond=True)
    bond = manager_of(machine)
    machine.wait(lambda: is_formed(bond), 'the bond')
    # The first beat forms a bond, the second begins the watch.
    machine.wait(lambda: bond.heartbeat_timer.timer.is_alive(), 'the second beat')
    process.process.kill()
    machine.wait(bond.is_broken, 'the silence')


@pytest.mark.skipif(HAS_BONDPY, reason='bondpy is here')
def test_without_bondpy_it_says_so_and_ends(start_tracker: Any) -> None:
    _, process = start_tracker(autostart=False, bond=True)
    assert process.process.wait(20) == 1
    assert 'bond: No module named' in process.text()
    assert 'Traceback' not in process.text()
