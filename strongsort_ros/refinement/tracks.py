"""The steps that make recorded tracks whole, one after the other."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.gsi import gsi
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings, LinkWindow
from strongsort_ros.types import FloatArray, IntArray, ShareProgress

if TYPE_CHECKING:
    from strongsort_ros.refinement.aflink.candidates import CameraMotions, CameraPath, Tracklets
    from strongsort_ros.refinement.aflink.checkpoints import Linker

# Between two reports of progress: a fraction of a second.
_PAIRS: Final = 2048


@dataclass(frozen=True, slots=True)
class RefinementSteps:
    """What to do with recorded tracks, in this order; None: not that.

    Attributes
    ----------
    aflink
        Link the pieces of broken tracks.
    gsi
        Fill gaps and smooth.
    checkpoint
        AFLink's network, a file or a name of `aflink_network.SHIPPED`; None: the default.

    """

    aflink: AflinkSettings | None = None
    gsi: GsiSettings | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True, slots=True)
class RefinedTracks:
    """Tracks after refinement.

    Attributes
    ----------
    tracks
        K rows, sorted by frame and id.
    source
        (K,) int64: the row of the input that a row was, -1 for one that was interpolated.
    links
        Pairs of tracks that were joined.

    """

    tracks: TrackRows
    source: IntArray
    links: int

    @property
    def interpolated(self) -> int:
        """How many rows were interpolated."""
        return int(np.count_nonzero(self.source < 0))


def refine(
    tracks: TrackRows,
    steps: RefinementSteps,
    *,
    linker: Linker | None = None,
    camera_motion: CameraMotions | None = None,
    progress: ShareProgress = lambda _phase, _share: None,
) -> RefinedTracks:
    """Make recorded tracks whole.

    Parameters
    ----------
    tracks
        Rows in any order; not changed.
    steps
        What to do.
    linker
        AFLink's network; None: it is loaded.
    camera_motion
        Of AFLink's distances: frame -> (3, 3) from the frame before.
    progress
        An exception that it raises stops the refinement.

    Raises
    ------
    ExtractorError
        AFLink's checkpoint cannot be used.
    InputError
        An id is twice in a frame, or a box or score is not finite.

    """
    links, source = 0, np.lexsort((tracks.ids, tracks.frames))
    if steps.aflink is not None:
        # PyTorch takes seconds to import, which GSI alone can do without.
        from strongsort_ros.refinement.aflink.checkpoints import load_linker
        from strongsort_ros.refinement.aflink.linking import link

        progress('link', 0.0)
        watched = _WatchedLinker(linker or load_linker(steps.checkpoint), progress)
        linked = link(
            tracks.frames, tracks.ids, tracks.tlwh, tracks.class_ids,
            watched, steps.aflink, camera_motion or None,
        )  # fmt: skip
        tracks = dataclasses.replace(tracks, ids=linked.ids)
        source = np.lexsort((linked.ids, tracks.frames))
        source = source[linked.keep[source]]
        links = len(linked.links)
        progress('link', 1.0)
    tracks = tracks.select(source)
    if steps.gsi is not None:
        progress('interpolate', 0.0)
        filled = gsi(tracks, steps.gsi, lambda share: progress('interpolate', share))
        source = np.where(filled.interpolated, -1, source[filled.source])
        tracks = filled.tracks
        progress('interpolate', 1.0)
    return RefinedTracks(tracks, source, links)


class _WatchedLinker:
    """A linker that tells how far it is, and can be stopped on its way."""

    def __init__(self, linker: Linker, progress: ShareProgress) -> None:
        self._linker = linker
        self._progress = progress

    @property
    def window(self) -> LinkWindow:
        return self._linker.window

    @property
    def most_links(self) -> bool:
        return self._linker.most_links

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        costs = np.empty(len(earlier))
        for start in range(0, len(earlier), _PAIRS):
            part = slice(start, start + _PAIRS)
            costs[part] = self._linker.costs(tracklets, earlier[part], later[part], camera)
            self._progress('link', min(start + _PAIRS, len(earlier)) / len(earlier))
        return costs
