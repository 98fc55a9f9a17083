"""Speed of the solvers of contested pairs: SciPy and lap on the cost matrices of crowds.

    python benchmarks/assignment.py

A matrix is what `tracking/assignment.py` hands to a solver: 1 - IoU of n tracks and n detections in
a crowd where each box overlaps several others, and a little more than the threshold where they do
not. Everything runs in one thread, the solvers in turns; times are medians over rounds.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

os.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1'))

import numpy as np
from lap import lapjv
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from strongsort_ros.tracking.boxes import iou
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import FloatArray

SIZES = (5, 10, 20, 40, 60, 80, 100, 200, 400, 500, 1000)
MATRICES, ROUNDS = 8, 9
THRESHOLD = TrackerSettings().max_iou_distance
NEIGHBOURS = 6.0
"""Boxes whose centre lies within a box, on average."""
WIDTH, HEIGHT = 40.0, 100.0


def crowd(size: int, seed: int) -> FloatArray:
    """Return the (size, size) costs of tracks and detections, in no common order."""
    rng = np.random.default_rng(seed)
    side = (size * WIDTH * HEIGHT / NEIGHBOURS) ** 0.5
    tracks = np.zeros((size, 4))
    tracks[:, :2] = rng.uniform(0, side, (size, 2))
    tracks[:, 2:] = tracks[:, :2] + (WIDTH, HEIGHT)
    moved = rng.normal(0, 0.05 * HEIGHT, (size, 2))
    detections = tracks + np.concatenate([moved, moved], axis=1)
    distance = 1.0 - iou(tracks, rng.permutation(detections))
    return np.where(distance <= THRESHOLD, distance, THRESHOLD + 1e-5)


def microseconds(solver: Callable[[FloatArray], object], matrices: list[FloatArray]) -> float:
    """Return the mean time of a matrix."""
    start = time.perf_counter()
    for costs in matrices:
        solver(costs)
    return (time.perf_counter() - start) / len(matrices) * 1e6


def lap(costs: FloatArray) -> object:
    """Solve by lap, as the tracker does."""
    return lapjv(costs, extend_cost=True, return_cost=False)


def main() -> None:
    """Measure every size, and print a table."""
    table = Table(title='Assignment of n tracks and n detections: microseconds')
    for name in ('n', 'feasible pairs a row', 'SciPy', 'lap', 'lap / SciPy'):
        table.add_column(name, justify='right')
    for size in SIZES:
        matrices = [crowd(size, seed) for seed in range(MATRICES)]
        pairs = statistics.mean(np.count_nonzero(c <= THRESHOLD) for c in matrices) / size
        rounds = [
            (microseconds(linear_sum_assignment, matrices), microseconds(lap, matrices))
            for _ in range(ROUNDS)
        ]
        scipy_time, lap_time = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = statistics.median(b / a for a, b in rounds)
        table.add_row(
            str(size), f'{pairs:.1f}', f'{scipy_time:.1f}', f'{lap_time:.1f}', f'{ratio:.2f}'
        )
    Console().print(table)


if __name__ == '__main__':
    main()
