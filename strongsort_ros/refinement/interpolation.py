"""Linear interpolation over the gaps of tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import BoolArray, FloatArray, IntArray


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

    @property
    def interpolated_count(self) -> int:
        """Number of interpolated rows."""
        return int(np.count_nonzero(self.interpolated))


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
    _check(tracks, order[1:][same & (apart == 0)])
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


def _check(tracks: TrackRows, again: IntArray) -> None:
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
