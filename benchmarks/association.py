"""Speed of association, embeddings given: this tracker and others on the same people.

    python benchmarks/association.py                          this project's three presets
    python benchmarks/association.py --peers .peers           with other trackers from PyPI
    python benchmarks/association.py --peers .peers --published DIR     and the published program
    python benchmarks/association.py --soak 100000            memory over many frames

Every tracker runs in one thread. The input is generated from a seed: people who walk, cross and
occlude each other, missed detections and false alarms. The trackers run in turn, several times,
and ratios are those of medians, because the speed of a shared machine drifts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')
os.environ.update(ONE_THREAD)  # before NumPy is loaded

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track as progress  # noqa: E402
from rich.table import Table  # noqa: E402

from strongsort_ros.tracking.tracker import Tracker  # noqa: E402
from tools.simulation.walkers import Walkers, WalkerSettings  # noqa: E402

HERE = Path(__file__).resolve().parent
OURS = ('robust', 'strongsort', 'deepsort')
"""Presets of this project; `strongsort` does what the published program does."""
PEERS = (
    'boxmot_strongsort', 'boxmot_botsort', 'boxmot_bytetrack',
    'roboflow_sort', 'roboflow_bytetrack', 'deep_sort_realtime',
)  # fmt: skip
TARGETS = {
    (512, 20): 3000, (512, 60): 1800, (512, 200): 500,
    (2048, 20): 2000, (2048, 60): 800, (2048, 200): 220,
}  # fmt: skip


class Worker:
    """Process of `association_runners.py` in the environment of a tracker."""

    def __init__(self, python: str, path: Path = HERE.parent) -> None:
        self._process = subprocess.Popen(
            [python, HERE / 'association_runners.py'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | ONE_THREAD | {'PYTHONPATH': str(path)},
        )

    def run(self, name: str, path: Path) -> dict[str, object]:
        """Return `fps`, or `error`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, path, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else {'error': 'the process ended'}


def walkers(people: int, dimension: int, seed: int = 0) -> Walkers:
    """Return a crowd that covers about the same share of the image for any number of people."""
    size = min(1.0, (20 / people) ** 0.5)
    return Walkers(WalkerSettings(people=people, size=size, dimension=dimension, seed=seed))


def write_input(path: Path, people: int, dimension: int, frames: int) -> float:
    """Write the detections of a crowd; return their mean number per frame."""
    detections = [f.detections for f in itertools.islice(walkers(people, dimension), frames)]
    counts = np.array([len(d) for d in detections])
    np.savez(
        path,
        counts=counts,
        tlwh=np.concatenate([d.tlwh for d in detections]),
        scores=np.concatenate([d.scores for d in detections]),
        embeddings=np.concatenate([d.embeddings for d in detections]),
    )
    return float(counts.mean())


def make_peers(folder: Path) -> str:
    """Return the Python of the environment with the peers; create it if it is missing."""
    python = folder / 'bin' / 'python'
    if not python.exists():
        subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
        requirements = HERE / 'peers_requirements.txt'
        subprocess.run([python, '-m', 'pip', 'install', '-q', '-r', requirements], check=True)
    return str(python)


def compare(options: argparse.Namespace, console: Console) -> None:
    """Time all trackers on all crowds and print the table."""
    workers = dict.fromkeys(OURS, Worker(sys.executable))
    if options.peers:
        python = make_peers(options.peers)
        workers |= dict.fromkeys(PEERS, Worker(python))
        if options.published:
            workers['published'] = Worker(python, options.published.resolve())
    table = Table(
        'tracker', title='frames/s in one thread (how many times slower than our preset robust)'
    )
    columns: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for dimension, people in itertools.product(options.dimension, options.people):
            path = Path(folder) / f'{people}_{dimension}.npz'
            seen = write_input(path, people, dimension, options.frames)
            target = TARGETS.get((dimension, people))
            heading = f'{people} people, {dimension}-d\n{seen:.0f} detections'
            table.add_column(heading + (f'\ntarget {target}' if target else ''), justify='right')
            columns.append(time_all(workers, path, options.rounds))
    for name in workers:
        table.add_row(name, *(column[name] for column in columns))
    console.print(table)


def time_all(workers: dict[str, Worker], path: Path, rounds: int) -> dict[str, str]:
    """Return tracker name -> cell of the table, for one input."""
    speeds: dict[str, list[float]] = {name: [] for name in workers}
    errors: dict[str, str] = {}
    for _ in progress(range(rounds), path.stem, transient=True):
        for name, worker in workers.items():
            answer = worker.run(name, path)
            if 'fps' in answer:
                speeds[name].append(float(str(answer['fps'])))
            else:
                errors[name] = str(answer['error'])[:60]
    ours = statistics.median(speeds[OURS[0]])
    cells = {}
    for name, values in speeds.items():
        median = statistics.median(values) if values else 0.0
        cells[name] = f'{median:.0f} ({ours / median:.1f}x)' if median else errors[name]
    return cells


def soak(frames: int, console: Console) -> None:
    """Print the memory of a tracker over many frames in which people enter and leave."""
    tracker = Tracker()  # the preset robust
    table = Table('frame', 'ids so far', 'tracks', 'peak memory, MiB', title='memory')
    people = Walkers(WalkerSettings(people=20, dimension=128, miss_rate=0.1, false_alarms=3))
    for index, frame in enumerate(itertools.islice(people, frames), 1):
        tracks = tracker.update(frame.detections)
        if index in (1000, frames // 4, frames // 2, frames):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            newest = str(tracks.ids.max(initial=0))
            table.add_row(str(index), newest, str(len(tracker.tracks)), f'{peak:.1f}')
    console.print(table)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--people', type=int, nargs='+', default=[20, 60, 200])
    parser.add_argument('--dimension', type=int, nargs='+', default=[512, 2048])
    parser.add_argument('--frames', type=int, default=150)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--peers', type=Path, help='folder of an environment for the peers')
    parser.add_argument(
        '--published',
        type=Path,
        help='checkout of the published StrongSORT, run in the environment of the peers',
    )
    parser.add_argument('--soak', type=int, metavar='FRAMES', help='watch the memory instead')
    options = parser.parse_args()
    console = Console()
    if options.soak:
        soak(options.soak, console)
    else:
        compare(options, console)


if __name__ == '__main__':
    main()
