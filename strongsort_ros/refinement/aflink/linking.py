"""AFLink: link tracklets of the same object by their motion, after the recording.

Y. Du et al.: StrongSORT: Make DeepSORT Great Again, arXiv 2202.13514, section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable
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
from strongsort_ros.reid.checkpoint import load_parameters, read_state_dict
from strongsort_ros.tracking.assignment import Pairs
from strongsort_ros.types import BoolArray, FloatArray, IntArray

# Cost of leaving a tracklet unlinked where the number of links matters more than their costs.
_UNLINKED_COST: Final = 1e5
_PAIRS: Final = 2048  # between two reports of progress
_MOTION_MARK: Final = 'hidden.weight'
_WEIGHTS: Final = Path(__file__).with_name('weights')
SHIPPED: Final = dict(
    zip(
        CHECKPOINTS,
        (_WEIGHTS / 'aflink_motion.safetensors', _WEIGHTS / 'aflink.safetensors'),
        strict=True,
    )
)
"""Checkpoints that come with the package; docs/aflink.md describes them."""


class Linker(Protocol):
    """Network that predicts whether pairs of tracklets are the same object."""

    @property
    def window(self) -> LinkWindow:
        """Limits of the pairs that it was trained for, and the cost below which they are linked."""

    @property
    def prefer_more_links(self) -> bool:
        """Link as many pairs as possible, and only then at the least cost."""

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""


def load_linker(path: Path | str | None = None) -> Linker:
    """Load a linker from a checkpoint.

    Parameters
    ----------
    path
        A .pth or .safetensors file of either network, such as the published `AFLink_epoch20.pth`;
        'motion' or 'published' for a checkpoint of the package; None: 'motion'.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names the file and
        the parameter.
    MissingPackageError
        The file needs PyTorch, as the published network and .pth files do, and it is not installed.

    """
    path = SHIPPED.get(str(path or CHECKPOINTS[0]), Path(path or ''))
    state = read_state_dict(path, ignored=())
    if _MOTION_MARK in state:
        return MotionLinker(state, path)
    require(f"weights: {path}: AFLink's published network", 'torch')
    from strongsort_ros.refinement.aflink.published import PostLinker, PublishedLinker

    network = PostLinker()
    load_parameters(network, state, path)
    return PublishedLinker(network.eval())


@dataclass(frozen=True, slots=True)
class LinkedTracks:
    """Result of `link`.

    Attributes
    ----------
    ids
        (N,) int64 new id of each row: that of the first tracklet of its chain.
    keep
        (N,) bool: false where an earlier row has the same new id and frame.
    links
        (L, 2) int64 old ids of the linked tracklets: earlier, later.
    costs
        (L,) float64 cost of each link, 1 - P(same object).

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
    progress: Callable[[float], None] = lambda _share: None,
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
        (N,) classes, of any type that can be sorted; tracks of different classes are not linked.
    linker
        Network, from `load_linker`.
    settings
        None: the defaults.
    camera_motion
        Camera motion to compensate, frame -> (3, 3) from the frame before; None: none.
    progress
        Called with the share of pairs that are scored, 0 to 1. An exception that it raises stops
        the linking.

    Raises
    ------
    InputError
        Arrays differ in length, a box is not finite, a camera motion is not invertible, or the
        range of gaps is empty.

    """
    window = (settings or AflinkSettings()).window(linker.window)
    frames, ids = np.asarray(frames, dtype=np.int64), np.asarray(ids, dtype=np.int64)
    boxes = np.asarray(tlwh, dtype=np.float64).reshape(-1, 4)
    _check(frames, ids, boxes, class_ids)
    camera = CameraPath(camera_motion) if camera_motion else None
    tracklets = Tracklets.gather(frames, ids, boxes, class_ids)
    gap = (window.min_gap, window.max_gap)
    earlier, later = find_candidates(tracklets, gap, window.max_distance, camera)
    costs = np.empty(len(earlier))
    for start in range(0, len(earlier), _PAIRS):
        part = slice(start, start + _PAIRS)
        costs[part] = linker.costs(tracklets, earlier[part], later[part], camera)
        progress(min(start + _PAIRS, len(earlier)) / len(earlier))
    possible = costs < window.max_cost
    unlinked = _UNLINKED_COST if linker.prefer_more_links else window.max_cost
    links = best_links(Pairs(earlier[possible], later[possible], costs[possible]), unlinked)
    linked = tracklets.ids[_heads(links, tracklets)]
    new_ids = np.empty_like(ids)
    new_ids[tracklets.order] = np.repeat(linked, tracklets.stops - tracklets.starts)
    pairs = np.stack([tracklets.ids[links.rows], tracklets.ids[links.columns]], axis=1)
    # Only linked tracks can have two boxes in a frame.
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


def best_links(pairs: Pairs, unlinked: float = _UNLINKED_COST) -> Pairs:
    """Return the one-to-one pairs of least total cost, where a row without a pair costs `unlinked`.

    This is the assignment over the full matrix of costs. The sparse matrix holds only the given
    pairs and, for every row, an additional column that stands for no link.
    """
    if not len(pairs.rows):
        return pairs
    rows, row = np.unique(pairs.rows, return_inverse=True)
    columns, column = np.unique(pairs.columns, return_inverse=True)
    no_link = np.arange(len(rows))
    # A sparse matrix takes a cost of 0 for no pair; adding 1 to all costs changes nothing.
    costs = np.concatenate([1 + pairs.costs, np.full(len(rows), 1 + unlinked)])
    # SciPy before 1.15 accepts 32-bit indices only.
    places = np.concatenate([[row, column], [no_link, len(columns) + no_link]], axis=1)
    shape = (len(rows), len(columns) + len(rows))
    matrix = coo_array((costs, tuple(places.astype(np.int32))), shape=shape).tocsr()
    partner = min_weight_full_bipartite_matching(matrix)[1]
    chosen = np.flatnonzero(partner[row] == column)
    return Pairs(pairs.rows[chosen], pairs.columns[chosen], pairs.costs[chosen])


def _heads(links: Pairs, tracklets: Tracklets) -> IntArray:
    """Return (T,) the first tracklet of the chain of each tracklet."""
    head = np.arange(len(tracklets))
    head[links.columns] = links.rows
    while not np.array_equal(head, head[head]):
        head = head[head]
    return head


def _first_of_each(frames: IntArray, ids: IntArray) -> BoolArray:
    """Return a mask of the first row of every frame and id."""
    order = np.lexsort((ids, frames))
    keep = np.ones(len(frames), dtype=bool)
    again = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    keep[order[1:][again]] = False
    return keep
