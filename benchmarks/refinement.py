"""Speed of GSI, of this project and as published, and of the RTS smoother.

    python benchmarks/refinement.py                               a simulated crowd, no peers
    python benchmarks/refinement.py --peers .peers                with the published method
    python benchmarks/refinement.py --peers .peers TRACKS.txt …   on recorded tracks

Everything runs in one thread on rows in memory. The published method fills gap by gap and runs four
scikit-learn regressions for each track, in the environment of the peers. All alternate, and the
ratios are of medians, since the speed of a shared machine drifts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')
os.environ.update(ONE_THREAD)  # before NumPy is loaded

import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from strongsort_ros.files.motchallenge import load_tracks  # noqa: E402
from strongsort_ros.files.rows import TrackRows  # noqa: E402
from strongsort_ros.refinement.gsi import gsi  # noqa: E402
from strongsort_ros.refinement.rts import rts  # noqa: E402
from strongsort_ros.refinement.settings import GsiSettings, RtsSettings  # noqa: E402

RUNNER = Path(__file__).resolve().with_name('refinement_published.py')


def walk(count: int, people: int, seed: int = 0) -> TrackRows:
    """Return tracks of people in `count` frames; a tenth of the boxes is missing at random."""
    random = np.random.default_rng(seed)
    frames, ids = (a.ravel() for a in np.mgrid[:count, :people])
    steps = random.normal(size=(count, people, 4)) * 2
    tlwh = np.array([900, 500, 60, 150]) + np.cumsum(steps, axis=0) * [1, 0.3, 0.02, 0.04]
    detected = random.random(count * people) > 0.1
    rows = TrackRows(
        frames, ids, tlwh.reshape(-1, 4), np.ones(len(ids)), np.full(len(ids), 'person')
    )
    return rows.select(detected)


def published(python: str, tracks: TrackRows) -> tuple[float, np.ndarray]:
    """Return the duration of the published method in seconds, and its boxes by frame and id."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / 'given.npy', Path(folder) / 'made.npy'
        np.save(given, np.column_stack([tracks.frames, tracks.ids, tracks.tlwh]))
        done = subprocess.run(
            [python, RUNNER, given, made], check=True, stdout=subprocess.PIPE, text=True
        )
        rows = np.load(made, allow_pickle=False)
    return float(done.stdout), rows[np.lexsort((rows[:, 1], rows[:, 0])), 2:]


def ours(tracks: TrackRows, settings: GsiSettings | RtsSettings) -> tuple[float, np.ndarray]:
    """Return the duration of this project in seconds, and its boxes by frame and id."""
    start = time.perf_counter()
    filled = rts(tracks, settings) if isinstance(settings, RtsSettings) else gsi(tracks, settings)
    return time.perf_counter() - start, filled.tracks.tlwh


def compare(inputs: dict[str, TrackRows], options: argparse.Namespace, console: Console) -> None:
    """Print frames of video per second of all methods."""
    table = Table('tracks', 'frames', 'boxes', 'RTS', 'GSI', title='frames/s in one thread')
    for heading in ('GSI published', 'ratio', 'largest difference, px') if options.peers else ():
        table.add_column(heading, justify='right')
    for name, tracks in inputs.items():
        frames = int(np.ptp(tracks.frames)) + 1
        smooth, mine, theirs, difference = [], [], [], 0.0
        for _ in range(options.rounds):
            smooth.append(ours(tracks, RtsSettings())[0])
            seconds, boxes = ours(tracks, GsiSettings())
            mine.append(seconds)
            if options.peers:
                seconds, expected = published(str(options.peers / 'bin' / 'python'), tracks)
                theirs.append(seconds)
                difference = max(difference, float(np.abs(boxes - expected).max()))
        fast = frames / statistics.median(mine)
        fastest = frames / statistics.median(smooth)
        cells = [name, str(frames), str(len(tracks)), f'{fastest:.0f}', f'{fast:.0f}']
        if theirs:
            slow = frames / statistics.median(theirs)
            cells += [f'{slow:.0f}', f'{fast / slow:.0f}x', f'{difference:.4f}']
        table.add_row(*cells)
    console.print(table)


def long_recordings(console: Console) -> None:
    """Print the duration for one long track, and for many tracks."""
    table = Table('tracks', 'rows', 'RTS, s', 'GSI, s', 'GSI / RTS', title='GSI: long_rows=100')
    for people, count in ((1, 1_000), (1, 10_000), (1, 100_000), (100, 1_000), (2_000, 50)):
        tracks = walk(count, people)
        smooth = min(ours(tracks, RtsSettings())[0] for _ in range(3))
        seconds = min(ours(tracks, GsiSettings(long_rows=100))[0] for _ in range(3))
        ratio = f'{seconds / smooth:.1f}x'
        table.add_row(str(people), str(len(tracks)), f'{smooth:.3f}', f'{seconds:.3f}', ratio)
    console.print(table)


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('tracks', type=Path, nargs='*', help='MOTChallenge tracks')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--peers', type=Path, help='folder of an environment with scikit-learn')
    options = parser.parse_args()
    console = Console()
    inputs = {f'{path.parent.name}/{path.stem}': load_tracks(path) for path in options.tracks}
    compare(inputs or {'simulated crowd': walk(500, 40)}, options, console)
    long_recordings(console)


if __name__ == '__main__':
    main()
