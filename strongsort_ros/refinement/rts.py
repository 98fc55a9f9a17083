"""Rauch-Tung-Striebel smoother: the boxes of every track, given its measured boxes of all frames.

H. Rauch, F. Tung, C. Striebel, Maximum likelihood estimates of linear dynamic systems, AIAA
Journal 3(8), 1965. The model is that of the tracker's Kalman filter (`tracking.kalman_filter`):
constant velocity, and noise in proportion to the height of the box. The centre x and y, the width
and the height are independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.linalg import solveh_banded

from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.gsi import FilledTracks, fill_gaps
from strongsort_ros.refinement.settings import RtsSettings
from strongsort_ros.settings import AUTO
from strongsort_ros.types import BoolArray, FloatArray, IntArray

MEASUREMENT: Final = 1 / 20
"""Standard deviation of a measured coordinate, box heights."""
START_VELOCITY: Final = 1 / 16
"""Standard deviation of the velocity of a new track, box heights per frame."""
ACCELERATIONS: Final = (0.005, 0.01, 0.02, 0.04)
"""Values of acceleration that 'auto' tries, box heights."""
MAX_CORRELATION: Final = 0.3
"""Correlation of deviations in consecutive frames above which a track is smoothed less."""
SMALL_DEVIATION: Final = 1 / 100
"""Deviations of this size, box heights, hardly count in the correlation."""


def rts(
    tracks: TrackRows,
    settings: RtsSettings | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> FilledTracks:
    """Fill the gaps of recorded tracks and smooth their boxes.

    Parameters
    ----------
    tracks
        Measured boxes (`TrackRows.measured`) in any order; not changed.
    settings
        None: the defaults.
    progress
        Called with the share that is done, 0 to 1.

    Returns
    -------
    filled
        Smoothed rows, sorted by frame and id, with a mark of those in gaps, which have no
        measurement. Widths and heights are at least 0. The two parts of a track on both sides of
        a gap that is not filled are smoothed apart.

    Raises
    ------
    InputError
        An id occurs twice in a frame, or a box or score is not finite; the message names it.

    """
    settings = settings or RtsSettings()
    filled = fill_gaps(tracks, settings.max_gap + 1)
    rows = filled.tracks
    if not len(rows):
        return filled
    progress(0.5)
    order = np.lexsort((rows.frames, rows.ids))
    frames, ids, tlwh = rows.frames[order], rows.ids[order], rows.tlwh[order]
    starts = np.append(True, (np.diff(ids) != 0) | (np.diff(frames) != 1))
    cxcywh = np.concatenate([tlwh[:, :2] + tlwh[:, 2:] / 2, tlwh[:, 2:]], axis=1)
    measured = ~filled.interpolated[order]
    if settings.acceleration == AUTO:
        smooth = _smooth_as_far_as_tracks_allow(cxcywh, measured, starts)
    else:
        smooth = smooth_coordinates(cxcywh, measured, starts, settings.acceleration)
    np.maximum(smooth[:, 2:], 0.0, out=smooth[:, 2:])
    smooth[:, :2] -= smooth[:, 2:] / 2
    boxes = np.empty_like(smooth)
    boxes[order] = smooth
    progress(1.0)
    smoothed = TrackRows(rows.frames, rows.ids, boxes, rows.scores, rows.class_ids)
    return FilledTracks(smoothed, filled.source)


def _smooth_as_far_as_tracks_allow(
    cxcywh: FloatArray, measured: BoolArray, starts: BoolArray
) -> FloatArray:
    """Return smoothed boxes, each track with the smallest acceleration that follows it."""
    smooth = np.empty_like(cxcywh)
    rows: IntArray = np.arange(len(cxcywh))
    for acceleration in ACCELERATIONS:
        values, seen, first = cxcywh[rows], measured[rows], starts[rows]
        smooth[rows] = smooth_coordinates(values, seen, first, acceleration)
        track = np.cumsum(first) - 1
        deviations = (values - smooth[rows]) / np.maximum(values[:, 3:], 1.0)
        followed = correlations(deviations, seen, track) <= MAX_CORRELATION
        rows = rows[~followed[track]]
        if not len(rows):
            break
    return smooth


def correlations(deviations: FloatArray, measured: BoolArray, track: IntArray) -> FloatArray:
    """Return the correlation of deviations in consecutive frames, (T,), -1 to 1, of every track.

    Noise alone is hardly correlated, while a smoothed track that lags behind a turn deviates in the
    same direction for many frames. White noise of `SMALL_DEVIATION` is added to the deviations.

    Parameters
    ----------
    deviations
        (N, C) measured less smoothed coordinates in box heights, one row a frame, track after
        track.
    measured
        (N,) whether a row has a measurement; others are left out.
    track
        (N,) number of the track of each row, from 0 to T - 1.

    """
    pairs = np.flatnonzero((np.diff(track) == 0) & measured[1:] & measured[:-1])
    before, after = deviations[pairs], deviations[pairs + 1]
    count = int(track[-1]) + 1
    common = np.bincount(track[pairs], np.sum(before * after, axis=1), count)
    variance = (before**2 + after**2) / 2 + SMALL_DEVIATION**2
    total = np.bincount(track[pairs], np.sum(variance, axis=1), count)
    found: FloatArray = np.divide(common, total, out=np.zeros(count), where=total > 0)
    return found


def smooth_coordinates(
    values: FloatArray, measured: BoolArray, starts: BoolArray, acceleration: float
) -> FloatArray:
    """Return the smoothed mean of coordinates with constant velocity and random acceleration.

    It maximises the joint probability of all positions p and velocities v, so it is the solution of
    one linear system, which equals the forward filter and the backward pass of Rauch, Tung and
    Striebel. Minimised is the sum of

    - ((value - p) / MEASUREMENT)^2 for every measured value,
    - (v / START_VELOCITY)^2 for the first state of every track,
    - e' Q^-1 e for every step to the next frame, with e = (p' - p - v, v' - v) and the covariance
      of a white acceleration over one frame, Q = acceleration^2 [[1/3, 1/2], [1/2, 1]].

    A state is coupled to the next only: the matrix is a band, and one factorisation serves all
    tracks and coordinates in linear time. All noise is in proportion to the height of a box, which
    therefore cancels.

    Parameters
    ----------
    values
        (N, C) values of the coordinates, one row a frame, track after track.
    measured
        (N,) whether a row has a measurement; other values are not used. The first and the last row
        of every track have one.
    starts
        (N,) whether a row is the first of a track.
    acceleration
        Standard deviation of the change of the velocity in a frame, box heights.

    Returns
    -------
    smoothed
        (N, C) smoothed positions.

    """
    weights = np.where(measured, 1.0, 0.0)
    step = np.where(starts, 0.0, (MEASUREMENT / acceleration) ** 2)
    ahead = np.append(step[1:], 0.0)  # of the step from each row to the next
    # The lower band form of LAPACK; the unknowns are p, v of the first row, p, v of the second ...
    band = np.zeros((4, 2 * len(values)))
    position, velocity = band[:, 0::2], band[:, 1::2]
    # Q^-1 = [[12, -6], [-6, 4]] / acceleration^2, and F = [[1, 1], [0, 1]].
    position[0] = weights + 12 * (step + ahead)
    velocity[0] = np.where(starts, (MEASUREMENT / START_VELOCITY) ** 2, 0.0) + 4 * (step + ahead)
    position[1] = 6 * (ahead - step)  # p with v of the same row
    position[2] = -12 * ahead  # p with p of the next row
    velocity[1] = -6 * ahead  # v with p of the next row
    position[3] = 6 * ahead  # p with v of the next row
    velocity[2] = 2 * ahead  # v with v of the next row
    known = np.zeros((2 * len(values), values.shape[1]))
    known[0::2] = values * weights[:, None]
    states = solveh_banded(
        band, known, lower=True, overwrite_ab=True, overwrite_b=True, check_finite=False
    )
    smoothed: FloatArray = states[0::2].copy()
    return smoothed
