"""States of the boxes in a file of tracks, in a second file beside it.

A text file of tracks has the boxes that the tracker reports, and does not tell predicted boxes from
measured ones. `TRACKS.states` has in addition the boxes that tracks had before they were confirmed,
and the state of every box; the RTS smoother needs both. It is a table with a header, as
`motchallenge.save_csv` writes it, with unrounded numbers and a column `state`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import is_special
from strongsort_ros.files.motchallenge import load_tracks, save_csv
from strongsort_ros.files.rows import TrackRows

_ROUNDING: Final = 0.006  # px, of a text with two decimals


def states_beside(tracks: Path) -> Path:
    """Return the path of the states of a file of tracks."""
    return tracks.with_name(f'{tracks.name}.states')


def save_track_states(tracks: Path, rows: TrackRows | None) -> None:
    """Write the states of a file of tracks; None: remove those of an earlier file.

    Boxes of tracks that are never confirmed are left out. Nothing is written beside a device or a
    FIFO.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    if is_special(tracks):
        return
    path = states_beside(tracks)
    if rows is None or rows.states is None:
        path.unlink(missing_ok=True)
        return
    save_csv(path, rows.select(rows.reported | rows.measured), with_states=True)


def load_recorded_tracks(path: Path) -> TrackRows:
    """Read tracks with the boxes and states beside them; without these as `load_tracks`.

    Raises
    ------
    InputError
        A file cannot be read, or the states are those of other tracks.

    """
    tracks, beside = load_tracks(path), states_beside(path)
    if not beside.is_file():
        return tracks
    rows = load_tracks(beside, with_states=True)
    reported = rows.select(rows.reported)
    same = (
        np.array_equal(reported.frames, tracks.frames)
        and np.array_equal(reported.ids, tracks.ids)
        and np.allclose(reported.tlwh, tracks.tlwh, rtol=0.0, atol=_ROUNDING)
    )
    if not same:
        raise InputError(
            f'{beside}: has other boxes than {path}, which was changed since; remove it to take '
            'all boxes as measured'
        )
    return rows
