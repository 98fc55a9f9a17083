"""Refiner node in a process, its client, and fixtures for both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from test.bags.track_bags import track, track_array, walk, write_messages
from test.nodes.processes import NodeClient, start_node
from tools.node_process import NodeProcess


class Refiner(NodeClient):
    """Client of a refiner whose `allowed_root` is the folder `root`."""

    def __init__(self, context: Any, namespace: str, process: NodeProcess, root: Path) -> None:
        super().__init__(context, namespace, 'refiner')
        self.process, self.root = process, root

    def request(self, input_uri: str, output_uri: str = '', **fields: Any) -> Any:
        """Request a refinement, and return the future response."""
        from strongsort_ros.srv import RefineTracks

        fields = {'aflink': True, 'gsi': True} | fields
        request = RefineTracks.Request(input_uri=input_uri, output_uri=output_uri, **fields)
        return self.call_later(RefineTracks, 'refine', request)

    def refine(self, input_uri: str, output_uri: str = '', **fields: Any) -> Any:
        """Refine a bag, and return the response."""
        future = self.request(input_uri, output_uri, **fields)
        self.wait(future.done, f'the response for {input_uri}')
        return future.result()

    def begin_long(self, output_uri: str = 'large_refined') -> Any:
        """Request the refinement of the large bag, and wait until its worker reads it."""
        future = self.request('large', output_uri)
        output = str(self.root / output_uri)

        def reads() -> bool:
            reported = self.reported()
            return reported.get('output') == output and reported['phase'] != 'start'

        self.wait(lambda: future.done() or reads(), 'progress')
        assert not future.done(), future.result().message
        return future

    def reported(self) -> dict[str, str]:
        """Return the values of the last diagnostics report."""
        statuses = [status for message in self.diagnostics[-1:] for status in message.status]
        return {value.key: value.value for status in statuses for value in status.values}

    def worker(self) -> int:
        """Return the process id of the worker."""
        children = Path(f'/proc/{self.process.process.pid}/task')
        found = [pid for task in children.iterdir() for pid in _children(task)]
        assert len(found) == 1
        return found[0]

    def close(self) -> None:
        """Stop the node and the client."""
        self.process.stop()
        super().close()

    def outputs(self) -> set[str]:
        """Return the names in the root, without the input bags."""
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
        # Each track has gaps.
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
        refiner.wait(lambda: refiner.state() == 'active', 'the active state')
    return refiner


@pytest.fixture
def start_refiner(
    ros_context: Any, tmp_path: Path, large_bag: Path
) -> Iterator[Callable[..., Refiner]]:
    """Start a node for one test; keyword arguments are its parameters."""
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
    """Return a node that the tests of a module share."""
    refiner = start_refiner_node(ros_context, tmp_path_factory.mktemp('shared'), large_bag)
    yield refiner
    refiner.close()


@pytest.fixture
def refiner(shared: Refiner) -> Iterator[Refiner]:
    """Return the shared node; the outputs of a test are removed after it."""
    shared.diagnostics.clear()
    yield shared
    assert shared.change_state('deactivate')
    assert shared.change_state('activate')
    for name in shared.outputs():
        path = shared.root / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
