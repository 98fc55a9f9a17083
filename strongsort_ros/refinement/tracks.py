"""Refine recorded tracks: link tracklets, then fill gaps and smooth boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from strongsort_ros.arrays import number_array
from strongsort_ros.errors import InputError, shorten
from strongsort_ros.files.motchallenge import PERSON, load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.text_table import MAX_FRAME
from strongsort_ros.files.track_states import load_recorded_tracks
from strongsort_ros.refinement.gsi import gsi
from strongsort_ros.refinement.rts import rts
from strongsort_ros.refinement.settings import (
    NO_SMOOTHER,
    SMOOTHERS,
    AflinkSettings,
    GsiSettings,
    RtsSettings,
)
from strongsort_ros.types import FloatArray, IntArray, ShareProgress

if TYPE_CHECKING:
    from strongsort_ros.refinement.aflink.candidates import CameraMotions


@dataclass(frozen=True, slots=True)
class RefinementSteps:
    """Steps of a refinement, in this order; a step whose settings are None is left out.

    Attributes
    ----------
    aflink
        Settings of AFLink, which links tracklets of the same object.
    gsi
        Settings of GSI, which fills gaps and smooths boxes.
    checkpoint
        AFLink checkpoint: a file, or a name of `settings.CHECKPOINTS`; None: the default.
    rts
        Settings of the RTS smoother, which fills gaps and smooths boxes. It uses the measured boxes
        of all confirmed tracks, those before their confirmation included, and no predicted ones.

    Raises
    ------
    InputError
        Both GSI and RTS are chosen.

    """

    aflink: AflinkSettings | None = None
    gsi: GsiSettings | None = None
    checkpoint: Path | None = None
    rts: RtsSettings | None = None

    def __post_init__(self) -> None:
        if self.gsi is not None and self.rts is not None:
            raise InputError('gsi and smooth: both fill gaps and smooth boxes; choose one')

    def __bool__(self) -> bool:
        return not (self.aflink is None and self.gsi is None and self.rts is None)


def check_smoother(name: str) -> bool:
    """Return whether a smoother is chosen: 'rts'; not by '' or 'none'.

    Raises
    ------
    InputError
        There is no such smoother.

    """
    if name and name not in SMOOTHERS:
        raise InputError(f'smooth: {shorten(repr(name), 80)} is not one of: {", ".join(SMOOTHERS)}')
    return name not in ('', NO_SMOOTHER)


@dataclass(frozen=True, slots=True)
class RefinedTracks:
    """Tracks after refinement.

    Attributes
    ----------
    tracks
        K rows, sorted by frame and id.
    source
        (K,) int64 row of the input; -1 for interpolated rows.
    links
        Number of pairs of tracks that were linked.

    """

    tracks: TrackRows
    source: IntArray
    links: int

    @property
    def interpolated(self) -> int:
        """Number of interpolated rows."""
        return int(np.count_nonzero(self.source < 0))


def apply_steps(
    tracks: TrackRows,
    steps: RefinementSteps,
    *,
    camera_motion: CameraMotions | None = None,
    progress: ShareProgress = lambda _phase, _share: None,
) -> RefinedTracks:
    """Apply the steps of a refinement to recorded tracks.

    Parameters
    ----------
    tracks
        Rows in any order; not changed. Boxes of tentative tracks are used by RTS only.
    steps
        Steps to apply.
    camera_motion
        Camera motion that AFLink compensates: frame -> (3, 3) from the frame before.
    progress
        Called with the phase ('link', 'interpolate' or 'smooth') and the share of it that is done.
        An exception that it raises stops the refinement.

    Raises
    ------
    ExtractorError
        AFLink's checkpoint is invalid.
    InputError
        An id occurs twice in a frame, or a box or score is not finite.

    """
    links = 0
    used = np.flatnonzero(tracks.reported if steps.rts is None else tracks.measured)
    tracks = tracks.select(used)
    source = np.lexsort((tracks.ids, tracks.frames))
    if steps.aflink is not None:
        # Not at the top: GSI alone needs no network.
        from strongsort_ros.refinement.aflink.linking import link, load_linker

        progress('link', 0.0)
        linked = link(
            tracks.frames, tracks.ids, tracks.tlwh, tracks.class_ids,
            load_linker(steps.checkpoint), steps.aflink, camera_motion,
            lambda share: progress('link', share),
        )  # fmt: skip
        tracks = dataclasses.replace(tracks, ids=linked.ids)
        source = np.lexsort((linked.ids, tracks.frames))
        source = source[linked.keep[source]]
        links = len(linked.links)
        progress('link', 1.0)
    tracks, source = tracks.select(source), used[source]
    if steps.gsi is not None:
        progress('interpolate', 0.0)
        filled = gsi(tracks, steps.gsi, lambda share: progress('interpolate', share))
        source = np.where(filled.interpolated, -1, source[filled.source])
        tracks = filled.tracks
        progress('interpolate', 1.0)
    if steps.rts is not None:
        progress('smooth', 0.0)
        filled = rts(tracks, steps.rts, lambda share: progress('smooth', share))
        source = np.where(filled.interpolated, -1, source[filled.source])
        tracks = filled.tracks
    return RefinedTracks(tracks, source, links)


@overload
def refine_tracks(
    tracks: TrackRows | str | Path,
    *,
    aflink: bool | str | Path | AflinkSettings = False,
    gsi: bool | GsiSettings | None = None,
    smooth: str | RtsSettings = NO_SMOOTHER,
) -> TrackRows: ...


@overload
def refine_tracks(
    tracks: npt.NDArray[Any] | Sequence[Sequence[float]],
    *,
    aflink: bool | str | Path | AflinkSettings = False,
    gsi: bool | GsiSettings | None = None,
    smooth: str | RtsSettings = NO_SMOOTHER,
) -> FloatArray: ...


def refine_tracks(
    tracks: TrackRows | str | Path | npt.NDArray[Any] | Sequence[Sequence[float]],
    *,
    aflink: bool | str | Path | AflinkSettings = False,
    gsi: bool | GsiSettings | None = None,
    smooth: str | RtsSettings = NO_SMOOTHER,
) -> TrackRows | FloatArray:
    """Link broken tracks, fill their gaps and smooth their boxes, after the last frame.

    Parameters
    ----------
    tracks
        (N, 7 or more) array or list of MOTChallenge rows: frame, id, left, top, width, height
        (pixels), score; further columns are not read. Or `TrackRows`, or the path of a MOTChallenge
        text file, a .csv file with a header, or a bag with tracks. Rows may be in any order; they
        are not changed.
    aflink
        Link tracklets of the same object with AFLink. May be a checkpoint, which is a file,
        'motion' (the default) or 'published' (needs PyTorch); or its settings.
    gsi
        Fill gaps and smooth by Gaussian-smoothed interpolation; or its settings. None: unless
        `smooth` is chosen.
    smooth
        Smoother in place of GSI: 'rts', the Rauch-Tung-Striebel smoother; or its settings. Of a bag
        or a text file of `strongsort track` it uses the boxes before confirmation as well, and no
        predicted boxes; of an array all rows.

    Returns
    -------
    refined
        Sorted by frame and id. For an array: (K, 10) float64 MOTChallenge rows, whose last three
        columns are -1; otherwise `TrackRows`, which keep the classes.

    Raises
    ------
    InputError
        No step is chosen, or both GSI and a smoother; a row is invalid, an id occurs twice in a
        frame, or the file or bag cannot be read. The message names the row or the file.
    ExtractorError
        The checkpoint is invalid.
    MissingPackageError
        The checkpoint needs PyTorch, which is not installed.

    Examples
    --------
    A track that was missed in frames 3 to 5:

    >>> from strongsort_ros import refine_tracks
    >>> rows = [(frame, 1, 10 * frame, 50, 40, 80, 0.9) for frame in (1, 2, 6, 7)]
    >>> refined = refine_tracks(rows)
    >>> refined[:, 0].astype(int).tolist()
    [1, 2, 3, 4, 5, 6, 7]
    >>> refined[3, 2:6].round().tolist()
    [40.0, 50.0, 40.0, 80.0]

    """
    if isinstance(smooth, str):
        smoother = RtsSettings() if check_smoother(smooth) else None
    else:
        smoother = smooth
    if gsi is None:
        gsi = smoother is None
    link = AflinkSettings() if isinstance(aflink, (bool, str, Path)) else aflink
    fill = GsiSettings() if isinstance(gsi, bool) else gsi
    checkpoint = Path(aflink) if isinstance(aflink, (str, Path)) and aflink else None
    steps = RefinementSteps(link if aflink else None, fill if gsi else None, checkpoint, smoother)
    if not steps:
        raise InputError('refine_tracks: aflink, gsi and smooth are all off; choose a step')
    if isinstance(tracks, TrackRows):
        return apply_steps(tracks, steps).tracks
    if isinstance(tracks, (str, Path)):
        return _refine_file(Path(tracks), steps)
    refined = apply_steps(_rows_of_array(tracks), steps).tracks
    table = np.full((len(refined), 10), -1.0)
    table[:, 0], table[:, 1], table[:, 6] = refined.frames, refined.ids, refined.scores
    table[:, 2:6] = refined.tlwh
    return table


def _refine_file(path: Path, steps: RefinementSteps) -> TrackRows:
    # rosbags takes long to import, and only bags need it.
    from strongsort_ros.bags.paths import is_bag
    from strongsort_ros.bags.reader import open_bag
    from strongsort_ros.bags.tracks import read_recorded_tracks

    if not is_bag(path):
        load = load_tracks if steps.rts is None else load_recorded_tracks
        return apply_steps(load(path), steps).tracks
    with open_bag(path) as bag:
        recorded = read_recorded_tracks(bag, tentative=steps.rts is not None)
        recorded = recorded.without_predictions()
    return apply_steps(recorded.rows, steps, camera_motion=recorded.camera_motion).tracks


def _rows_of_array(rows: object) -> TrackRows:
    table = number_array('tracks', rows)
    if table.size == 0:
        return TrackRows.empty()
    if table.ndim != 2 or table.shape[1] < 7:
        raise InputError(
            f'tracks: shape {table.shape}, expected (N, 7 or more): '
            'frame, id, left, top, width, height, score'
        )
    numbers = table[:, :2]
    integers = (numbers == np.rint(numbers)) & (numbers >= 0) & (numbers <= MAX_FRAME)
    wrong = ~(integers.all(axis=1) & (table[:, 4:6] >= 0).all(axis=1))
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f'tracks: row {row} is {table[row, :7].tolist()}, expected integers from 0 to '
            f'{MAX_FRAME} for frame and id, and a width and height of at least 0'
        )
    frames, ids = numbers.astype(np.int64).T
    return TrackRows(frames, ids, table[:, 2:6], table[:, 6], np.full(len(table), PERSON))
