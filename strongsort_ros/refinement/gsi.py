"""Gaussian-smoothed interpolation (GSI): linear interpolation, then smoothing of every track.

After StrongSORT (arXiv 2202.13514), section "Gaussian-smoothed Interpolation".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from strongsort_ros.errors import InputError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.settings import GsiSettings
from strongsort_ros.types import BoolArray, FloatArray, IntArray

_PUBLISHED_NOISE = 1e-10
# Frames; at the published lower limit of 0.1 the covariance of neighbours is 2e-22.
_NO_LENGTH = 0.12
_MIN_SCORE = 0.1
_MIN_VARIANCE = 1e-12  # px^2, for boxes that never move
# Length scales at which the covariance falls to 2e-16, which vanishes beside 1 in double precision.
# Pairs further apart are left out, which makes the matrix a band.
_REACH = 8.5


@dataclass(frozen=True, slots=True)
class FilledTracks:
    """Tracks with interpolated rows.

    Attributes
    ----------
    tracks
        N rows, sorted by frame and id.
    source
        (N,) int64 row of the input; -1 for interpolated rows.

    """

    tracks: TrackRows
    source: IntArray

    @property
    def interpolated(self) -> BoolArray:
        """(N,) mask of the interpolated rows."""
        return self.source < 0


def gsi(
    tracks: TrackRows,
    settings: GsiSettings | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> FilledTracks:
    """Fill the gaps of recorded tracks and smooth their boxes.

    Parameters
    ----------
    tracks
        Rows in any order; not changed.
    settings
        None: the published values.
    progress
        Called after every track with the share of rows that are done, 0 to 1.

    Returns
    -------
    filled
        Smoothed rows, sorted by frame and id, with a mark of the interpolated ones. Widths and
        heights are at least 0.

    Raises
    ------
    InputError
        An id occurs twice in a frame, or a box or score is not finite; the message names it.

    """
    settings = settings or GsiSettings()
    filled = fill_gaps(tracks, settings.interval)
    rows = filled.tracks
    # The stable sort keeps the order of frames within each track.
    order = np.argsort(rows.ids, kind='stable')
    by_track, interpolated = rows.select(order), filled.interpolated[order]
    boxes = by_track.tlwh.copy()
    ends = np.flatnonzero(np.diff(by_track.ids)) + 1
    for start, stop in itertools.pairwise([0, *ends.tolist(), len(order)]):
        length = length_scale(stop - start, settings)
        if length > _NO_LENGTH:
            track = slice(start, stop)
            boxes[track] = _smooth(by_track.select(track), interpolated[track], length, settings)
        progress(stop / max(len(order), 1))
    np.maximum(boxes[:, 2:], 0.0, out=boxes[:, 2:])
    tlwh = np.empty_like(boxes)
    tlwh[order] = boxes
    smoothed = TrackRows(rows.frames, rows.ids, tlwh, rows.scores, rows.class_ids)
    return FilledTracks(smoothed, filled.source)


def fill_gaps(tracks: TrackRows, interval: int) -> FilledTracks:
    """Fill the gaps of every track by linear interpolation of boxes and scores.

    The class is that of the box before the gap.

    Parameters
    ----------
    tracks
        N rows in any order; not changed.
    interval
        Gaps are filled where the frames of the boxes on both sides differ by less than this.

    Returns
    -------
    filled
        The input rows and the interpolated ones, sorted by frame and id.

    Raises
    ------
    InputError
        An id occurs twice in a frame, or a box or score is not finite; the message names it.

    """
    order = np.lexsort((tracks.frames, tracks.ids))
    ids, frames = tracks.ids[order], tracks.frames[order]
    apart, same = np.diff(frames), np.diff(ids) == 0
    _check_rows(tracks, order[1:][same & (apart == 0)])
    # Number of output rows from each row on: the row and the interpolated ones that follow it.
    steps = np.ones(len(order), dtype=np.int64)
    near = same & (apart < interval)
    steps[:-1][near] = apart[near]
    before = np.repeat(np.arange(len(order)), steps)
    after = np.minimum(before + 1, len(order) - 1)
    step = np.arange(len(before)) - np.repeat(np.cumsum(steps) - steps, steps)
    share = step / steps[before]

    def line(values: FloatArray) -> FloatArray:
        start = values[order[before]]
        along = share.reshape(-1, *(1,) * (values.ndim - 1))
        filled: FloatArray = start + (values[order[after]] - start) * along
        return filled

    filled = TrackRows(
        frames[before] + step, ids[before], line(tracks.tlwh),
        line(tracks.scores), tracks.class_ids[order[before]],
    )  # fmt: skip
    source = np.where(step == 0, order[before], -1)
    by_frame = np.lexsort((filled.ids, filled.frames))
    return FilledTracks(filled.select(by_frame), source[by_frame])


def _check_rows(tracks: TrackRows, again: IntArray) -> None:
    bad = ~(np.isfinite(tracks.tlwh).all(axis=1) & np.isfinite(tracks.scores))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f'frame {tracks.frames[row]}, id {tracks.ids[row]}: not finite: '
            f'box {tracks.tlwh[row].tolist()}, score {tracks.scores[row]}'
        )
    if len(again):
        row = again[0]
        raise InputError(f'frame {tracks.frames[row]}: id {tracks.ids[row]} occurs twice')


def length_scale(count: int, settings: GsiSettings) -> float:
    """Return the length scale for a track of `count` rows, in frames.

    tau ln(tau^3 / count), limited as in the published program to 1/tau (no smoothing) to tau^2;
    0 for no rows.
    """
    if count == 0:
        return 0.0
    if settings.long_rows:
        count = min(count, settings.long_rows)
    tau = settings.tau
    return min(max(tau * math.log(tau**3 / count), 1 / tau), tau**2)


def _smooth(
    track: TrackRows, interpolated: BoolArray, length: float, settings: GsiSettings
) -> FloatArray:
    """Return the boxes (N, 4) of one track, smoothed."""
    if not settings.noise:
        noise = np.full(len(track), _PUBLISHED_NOISE)
        return _posterior_mean(track.frames, track.tlwh, length, noise)
    # The prior of a track: its mean box and the variance around it.
    mean = track.tlwh.mean(axis=0)
    deviations = track.tlwh - mean
    variance = max(float(np.mean(deviations**2)), settings.noise**2, _MIN_VARIANCE)
    sigma = settings.noise / np.clip(track.scores, _MIN_SCORE, 1.0)
    sigma = sigma * (1.0 + _frames_to_measured(track.frames, interpolated))
    noise = np.maximum(sigma**2 / variance, _PUBLISHED_NOISE)
    smoothed: FloatArray = mean + _posterior_mean(track.frames, deviations, length, noise)
    return smoothed


def _frames_to_measured(frames: IntArray, interpolated: BoolArray) -> IntArray:
    """Return the distance of each row from the nearest measured box, in frames."""
    measured = frames[~interpolated]
    after = np.searchsorted(measured, frames)
    before = measured[np.maximum(after - 1, 0)]
    nearest: IntArray = np.minimum(frames - before, measured[after] - frames)
    return np.where(interpolated, nearest, 0)


def _posterior_mean(
    frames: IntArray, values: FloatArray, length: float, noise: FloatArray
) -> FloatArray:
    """Return the posterior mean of a Gaussian process at the frames of its observations.

    The prior has mean 0 and the squared exponential covariance
    k(s, t) = exp(-(s - t)^2 / (2 length^2)): Rasmussen and Williams, Gaussian Processes for
    Machine Learning, equation 2.23: K (K + noise)^-1 values, computed as
    values - noise (K + noise)^-1 values. One factorisation of the banded matrix serves all columns;
    time and memory grow linearly with N.

    Parameters
    ----------
    frames
        (N,) frame numbers, strictly ascending.
    values
        (N, C) observations.
    length
        Length scale, frames.
    noise
        (N,) variances of the observations relative to the variance of the prior; at least 1e-10,
        so that the matrix is positive definite.

    Returns
    -------
    mean
        (N, C) posterior mean.

    Raises
    ------
    numpy.linalg.LinAlgError
        The noise is too small for the length scale.

    """
    band = _covariances(frames, length)
    band[:, 0] += noise
    weights = solveh_banded(band.T, values, overwrite_ab=True, lower=True, check_finite=False)
    mean: FloatArray = values - noise[:, None] * weights
    return mean


def _covariances(frames: IntArray, length: float) -> FloatArray:
    """Return (N, width + 1) covariances of each frame with itself and with the frames after it.

    This is the transpose of LAPACK's lower band form; entries past the last frame are not used.
    """
    far = math.ceil(_REACH * length)
    width = min(len(frames) - 1, far)
    # Frames are integers, so there are few distinct distances.
    covariances = np.exp(-0.5 * (np.arange(far + 2) / length) ** 2)
    covariances[-1] = 0.0
    if frames[-1] - frames[0] == len(frames) - 1:
        return np.tile(covariances[: width + 1], (len(frames), 1))
    padded = np.concatenate([frames, np.full(width, frames[-1])])
    later = np.lib.stride_tricks.sliding_window_view(padded, width + 1)
    apart = np.minimum(later - frames[:, None], far + 1)
    return covariances[apart]
