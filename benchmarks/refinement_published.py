"""Gaussian-smoothed interpolation by the published method, for `refinement.py`.

Gaps are filled box by box, with a new array for each box; then each column of each track is a
separate regression. It runs in the environment of the peers, which has scikit-learn: it reads rows
(frame, id, left, top, width, height), writes the refined rows and prints the duration in seconds.
"""

from __future__ import annotations

import itertools
import sys
import time

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

INTERVAL, TAU = 20, 10.0


def fill(rows: np.ndarray) -> np.ndarray:
    """Return the rows, sorted by id and frame, with the gaps filled."""
    rows = rows[np.lexsort((rows[:, 0], rows[:, 1]))]
    filled = rows
    for previous, row in itertools.pairwise(rows):
        gap = int(row[0] - previous[0])
        if row[1] == previous[1] and 1 < gap < INTERVAL:
            for step in range(1, gap):
                between = previous + (row - previous) * step / gap
                filled = np.append(filled, between[None], axis=0)
    return filled[np.lexsort((filled[:, 0], filled[:, 1]))]


def smooth(rows: np.ndarray) -> np.ndarray:
    """Return the rows with every track smoothed."""
    smoothed = []
    for track_id in np.unique(rows[:, 1]):
        track = rows[rows[:, 1] == track_id].copy()
        length = np.clip(TAU * np.log(TAU**3 / len(track)), 1 / TAU, TAU**2)
        frames = track[:, :1].copy()
        for column in range(2, 6):
            regressor = GaussianProcessRegressor(RBF(length, 'fixed'))
            regressor.fit(frames, track[:, column].copy())
            track[:, column] = regressor.predict(frames)
        smoothed.append(track)
    return np.concatenate(smoothed)


if __name__ == '__main__':
    given = np.load(sys.argv[1], allow_pickle=False)
    start = time.perf_counter()
    made = smooth(fill(given))
    print(time.perf_counter() - start)
    np.save(sys.argv[2], made)
