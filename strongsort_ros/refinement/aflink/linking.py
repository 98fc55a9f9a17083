"""AFLink: links the pieces of a track that broke, from motion alone, after the recording.

Y. Du et al.: StrongSORT: Make DeepSORT Great Again, arXiv 2202.13514, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from strongsort_ros.errors import InputError
from strongsort_ros.packages import require
from strongsort_ros.refinement.aflink.candidates import (
    CameraMotions,
    CameraPath,
    Tracklets,
    find_candidates,
)
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.refinement.settings import CHECKPOINTS, AflinkSettings, LinkWindow
from strongsort_ros.reid.checkpoint import read_state_dict
from strongsort_ros.tracking.assignment import Pairs
from strongsort_ros.types import BoolArray, FloatArray, IntArray

# What it costs to leave a tracklet alone where one link more outweighs whatever links cost.
_MOST_LINKS: Final = 1e5


_MOTION_MARK: Final = 'hidden.weight'
_WEIGHTS: Final = Path(__file__).with_name('weights')
SHIPPED: Final = dict(
    zip(
        CHECKPOINTS,
        (_WEIGHTS / 'aflink_motion.safetensors', _WEIGHTS / 'aflink.safetensors'),
        strict=True,
    )
)
"""The project's own checkpoints; docs/aflink.md is their card."""


class Linker(Protocol):
    """Says of pairs of tracklets whether they are of one object."""

    @property
    def window(self) -> LinkWindow:
        """Which pairs it was made for, and the cost below which they are linked."""

    @property
    def prefer_more_links(self) -> bool:
        """Whether one link more outweighs what the links cost."""

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""


def load_linker(path: Path | str | None = None) -> Linker:
    """Return the linker whose weights are in a file.

    Parameters
    ----------
    path
        A .pth or .safetensors of either network, the published `AFLink_epoch20.pth` for one;
        'motion' or 'published': the project's own of that kind; None: 'motion'.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names it and
        what does not fit.
    MissingPackageError
        The published network, and files of PyTorch, need PyTorch, which is not installed.

    """
    path = SHIPPED.get(str(path or CHECKPOINTS[0]), Path(path or ''))
    state = read_state_dict(path, ignored=())
    if _MOTION_MARK in state:
        return MotionLinker(state, path)
    require(f"weights: {path}: AFLink's published network", 'torch')
    from strongsort_ros.refinement.aflink.published import PublishedLinker

    return PublishedLinker.from_parameters(state, path)


@dataclass(frozen=True, slots=True)
class LinkedTracks:
    """What linking makes of the rows of a recording.

    Attributes
    ----------
    ids
        (N,) int64: the id of each row now, that of the first track of its chain.
    keep
        (N,) bool: false where another box before it has the same id and frame now.
    links
        (L, 2) int64 ids, as they were, of the tracks linked: earlier, later.
    costs
        (L,) float64: 1 - P(same object) of each link.

    """

    ids: IntArray
    keep: BoolArray
    links: IntArray
    costs: FloatArray


def link(
    frames: npt.ArrayLike,
    ids: npt.ArrayLike,
    tlwh: npt.ArrayLike,
    class_ids: npt.NDArray[Any],
    linker: Linker,
    settings: AflinkSettings | None = None,
    camera_motion: CameraMotions | None = None,
) -> LinkedTracks:
    """Link the tracks of a recording.

    Parameters
    ----------
    frames
        (N,) frame numbers, in any order.
    ids
        (N,) ids of the tracks, each at most once in a frame.
    tlwh
        (N, 4) boxes in pixels: left, top, width, height.
    class_ids
        (N,) classes, of any type that can be sorted. No link joins two classes.
    linker
        Of a checkpoint (`load_linker`).
    settings
        None: the defaults.
    camera_motion
        Frame -> (3, 3) from the frame before, undone before distances are taken; None: the
        camera stands still.

    Raises
    ------
    InputError
        Arrays differ in length, a box is not finite, a camera motion is unusable, or the settings
        leave no gap.

    """
    window = (settings or AflinkSettings()).window(linker.window)
    frames, ids = np.asarray(frames, dtype=np.int64), np.asarray(ids, dtype=np.int64)
    boxes = np.asarray(tlwh, dtype=np.float64).reshape(-1, 4)
    _check(frames, ids, boxes, class_ids)
    camera = CameraPath(camera_motion) if camera_motion else None
    tracklets = Tracklets.gather(frames, ids, boxes, class_ids)
    gap = (window.min_gap, window.max_gap)
    earlier, later = find_candidates(tracklets, gap, window.max_distance, camera)
    costs = linker.costs(tracklets, earlier, later, camera)
    good = costs < window.max_cost
    alone = _MOST_LINKS if linker.prefer_more_links else window.max_cost
    links = best_links(Pairs(earlier[good], later[good], costs[good]), alone)
    linked = tracklets.ids[_heads(links, tracklets)]
    new_ids = np.empty_like(ids)
    new_ids[tracklets.order] = np.repeat(linked, tracklets.stops - tracklets.starts)
    pairs = np.stack([tracklets.ids[links.rows], tracklets.ids[links.columns]], axis=1)
    # Only tracks that were linked can meet themselves.
    chained = np.isin(ids, pairs)
    keep = np.ones(len(ids), dtype=bool)
    keep[chained] = _first_of_each(frames[chained], new_ids[chained])
    return LinkedTracks(new_ids, keep, pairs, links.costs)


def _check(frames: IntArray, ids: IntArray, boxes: FloatArray, class_ids: npt.NDArray[Any]) -> None:
    lengths = {
        'frames': len(frames), 'ids': len(ids), 'tlwh': len(boxes), 'class_ids': len(class_ids)
    }  # fmt: skip
    if len(set(lengths.values())) > 1:
        raise InputError(f'arrays differ in length: {lengths}')
    finite = np.isfinite(boxes).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InputError(f'tlwh: row {row} is not finite: {boxes[row].tolist()}')


def best_links(pairs: Pairs, alone: float = _MOST_LINKS) -> Pairs:
    """Return the pairs, one to one, that cost the least, where a row without one costs `alone`.

    That is the assignment over the full matrix of rows and columns that have a candidate. The
    matrix here holds the candidates alone, and for every row a column of its own that stands for
    no link.
    """
    if not len(pairs.rows):
        return pairs
    rows, row = np.unique(pairs.rows, return_inverse=True)
    columns, column = np.unique(pairs.columns, return_inverse=True)
    row_alone = np.arange(len(rows))
    # A sparse matrix takes a cost of 0 for no candidate; the same more on each changes nothing.
    costs = np.concatenate([1 + pairs.costs, np.full(len(rows), 1 + alone)])
    # SciPy before 1.15 takes 32-bit indices only.
    places = np.concatenate([[row, column], [row_alone, len(columns) + row_alone]], axis=1)
    shape = (len(rows), len(columns) + len(rows))
    matrix = coo_array((costs, tuple(places.astype(np.int32))), shape=shape).tocsr()
    partner = min_weight_full_bipartite_matching(matrix)[1]
    chosen = np.flatnonzero(partner[row] == column)
    return Pairs(pairs.rows[chosen], pairs.columns[chosen], pairs.costs[chosen])


def _heads(links: Pairs, tracklets: Tracklets) -> IntArray:
    """Return (T,) the first tracklet of the chain that each tracklet is in."""
    head = np.arange(len(tracklets))
    head[links.columns] = links.rows
    while not np.array_equal(head, head[head]):
        head = head[head]
    return head


def _first_of_each(frames: IntArray, ids: IntArray) -> BoolArray:
    """Return which rows are the first with their frame and id."""
    order = np.lexsort((ids, frames))
    keep = np.ones(len(frames), dtype=bool)
    again = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    keep[order[1:][again]] = False
    return keep
