"""Gaps of tracks, filled by straight lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class FilledTracks:
    """Tracks with rows that no detector saw.

    Attributes
    ----------
    tracks
        N rows, sorted by frame and id.
    source
        (N,) int64: the row of the input that a row is, -1 for one that was interpolated.

    """

    tracks: TrackRows
    source: IntArray

    @property
    def interpolated(self) -> BoolArray:
        """(N,) which rows were interpolated."""
        return self.source < 0

    @property
    def interpolated_count(self) -> int:
        """How many rows were interpolated."""
        return int(np.count_nonzero(self.interpolated))


def fill_gaps(tracks: TrackRows, interval: int) -> FilledTracks:
    """Fill the gaps of every track by lines between the boxes at their ends.

    The score follows a line as well; the class is that of the box before the gap.

    Parameters
    ----------
    tracks
        N rows in any order; not changed.
    interval
        A gap is filled when the frames of its ends differ by less: frames.

    Returns
    -------
    filled
        At least N rows.

    Raises
    ------
    InputError
        An id is twice in a frame, or a box or score is not finite; the message names it.

    """
    order = np.lexsort((tracks.frames, tracks.ids))
    ids, frames = tracks.ids[order], tracks.frames[order]
    apart, same = np.diff(frames), np.diff(ids) == 0
    _check(tracks, order[1:][same & (apart == 0)])
    # A row and the interpolated ones that follow it; the last of a track stands alone.
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
        raise InputError(f'frame {tracks.frames[row]}: id {tracks.ids[row]} is there twice')
