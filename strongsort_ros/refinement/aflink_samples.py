"""Pairs of tracklets to train AFLink on: true tracks cut in two, and what is not one track.

Y. Du et al.: StrongSORT, arXiv 2202.13514, section 3.3; how pairs are made is the published
program's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.recording.motchallenge import load_ground_truth
from strongsort_ros.recording.rows import GroundTruth
from strongsort_ros.recording.sequence import load_sequence_info
from strongsort_ros.refinement.aflink_pairs import LENGTH, normalise
from strongsort_ros.tracking.detections import FloatArray, IntArray

MIN_ROWS: Final = 30
"""True tracks that are shorter are left out."""

_PEDESTRIAN: Final = 1
Samples = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], IntArray]


def load_true_tracks(folder: Path | str, half: str = '') -> list[FloatArray]:
    """Return the pedestrians of a MOTChallenge sequence, each (n, 3) of frame, x and y.

    x and y are the top left corner in pixels; tracks of less than 30 boxes are left out.

    Parameters
    ----------
    folder
        With gt/gt.txt, and seqinfo.ini where a half is asked for.
    half
        '', 'first' or 'second': the published split. A gt/gt_train_half.txt is a first half.

    Raises
    ------
    InputError
        A file is missing or not usable.

    """
    truth = load_pedestrians(folder, half)
    order = np.lexsort((truth.frames, truth.ids))
    rows = np.column_stack([truth.frames, truth.tlwh[:, :2]])[order]
    borders = np.flatnonzero(np.diff(truth.ids[order])) + 1
    return [track for track in np.split(rows, borders) if len(track) >= MIN_ROWS]


def load_pedestrians(folder: Path | str, half: str = '') -> GroundTruth:
    """Return the considered boxes of pedestrians; parameters and errors of `load_true_tracks`."""
    folder = Path(folder)
    part = folder / 'gt' / 'gt_train_half.txt'
    whole = half != 'first' or not part.is_file()
    truth = load_ground_truth(folder / 'gt' / 'gt.txt' if whole else part)
    used = truth.considered & (truth.classes == _PEDESTRIAN)
    if half:
        in_second = truth.frames >= load_sequence_info(folder).second_half
        used &= in_second if half == 'second' else ~in_second
    return truth.select(used)


def load_sequences(folders: list[Path], half: str = '') -> list[FloatArray]:
    """Return the tracks of several sequences; raises InputError where there are none."""
    tracks = [track for folder in folders for track in load_true_tracks(folder, half)]
    if not tracks:
        names = ', '.join(map(str, folders)) or 'no folder'
        raise InputError(f'{names}: no track of at least {MIN_ROWS} boxes to learn from')
    return tracks


def training_pairs(tracks: list[FloatArray], rng: np.random.Generator) -> Samples:
    """Return random pairs of N tracks: two (4 N, 30, 3), normalised, and (4 N,) 1 for same.

    A track is cut at a random place, and some rows are left out there. The halves are one
    object; in the wrong order, or with the later half moved in time or in the image, they are
    not.
    """
    halves = [_training_halves(track, rng) for track in tracks]
    times = _signs(rng, (len(tracks), 1)) * rng.integers(30, 101, (len(tracks), 1))
    moves = _signs(rng, (len(tracks), 2)) * rng.integers(100, 501, (len(tracks), 2))
    return _pairs(halves, times, moves)


def validation_pairs(tracks: list[FloatArray]) -> Samples:
    """Return such pairs without chance: cut in the middle, moved by 50 frames or 300 pixels."""
    halves = [(track[: len(track) // 2], track[len(track) // 2 :]) for track in tracks]
    signs = np.array([[(-1.0) ** (len(track) // 2)] for track in tracks])
    return _pairs(halves, 50 * signs, np.repeat(300 * signs, 2, axis=1))


def _training_halves(track: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    cut = int(rng.integers(MIN_ROWS // 3, len(track) - MIN_ROWS // 3, endpoint=True))
    end, start = cut + int(rng.normal(-5, 3)), cut + int(rng.normal(5, 3))
    return track[: max(end, 1)], track[min(start, len(track) - 1) :]


def _signs(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return rng.choice([-1.0, 1.0], shape)


def _pairs(
    halves: list[tuple[FloatArray, FloatArray]], times: FloatArray, moves: FloatArray
) -> Samples:
    """Return one positive and three negatives of each track; times (N, 1), moves (N, 2)."""
    firsts, seconds = [], []
    for (earlier, later), time, move in zip(halves, times, moves, strict=True):
        late, shifted = later.copy(), later.copy()
        late[:, :1] += time
        shifted[:, 1:] += move
        firsts += [earlier, later, earlier, earlier]
        seconds += [later, earlier, late, shifted]
    first = [_padded(rows[-LENGTH:], before=True) for rows in firsts]
    second = [_padded(rows[:LENGTH], before=False) for rows in seconds]
    labels = np.tile(np.array([1, 0, 0, 0]), len(halves))
    return *normalise(np.stack(first), np.stack(second)), labels


def _padded(rows: FloatArray, *, before: bool) -> FloatArray:
    lack = LENGTH - len(rows)
    return np.pad(rows, ((lack, 0) if before else (0, lack), (0, 0)))
