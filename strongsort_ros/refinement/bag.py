"""A bag in, the same bag with whole tracks out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from strongsort_ros.bags.copy import copy_bag, rewrite_tracks
from strongsort_ros.bags.paths import check_new_bag
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import RecordedTracks, read_recorded_tracks
from strongsort_ros.files.atomic import replacing_together
from strongsort_ros.files.motchallenge import save_tracks, text_beside
from strongsort_ros.messages.track2d_array import TRACK
from strongsort_ros.refinement.tracks import RefinedTracks, RefinementSteps, apply_steps
from strongsort_ros.tracking.tracks import LOST
from strongsort_ros.types import IntArray, ShareProgress

if TYPE_CHECKING:
    from strongsort_ros.refinement.aflink.linking import Linker


@dataclass(frozen=True, slots=True)
class RefinedBag:
    """What refinement did.

    Attributes
    ----------
    tracks_in, tracks_out, boxes_in, boxes_out
        Tracks and their boxes, before and after.
    links
        Pairs of tracks that were joined.
    interpolated
        Boxes that were not there before.
    seconds
        How long it took.

    """

    tracks_in: int
    tracks_out: int
    links: int
    boxes_in: int
    boxes_out: int
    interpolated: int
    seconds: float


def refine_bag(
    source: Path,
    output: Path,
    steps: RefinementSteps,
    *,
    topic: str = '',
    frame_rate: float = 0.0,
    linker: Linker | None = None,
    progress: ShareProgress = lambda _phase, _share: None,
) -> RefinedBag:
    """Write a bag anew with its tracks refined, and beside it the tracks as MOTChallenge text.

    Every message keeps its times, header and topic; those of the tracks get the boxes of their
    frame as they are after refinement, all others are carried over byte for byte. A frame that
    has no message gets no boxes.

    Parameters
    ----------
    source
        Folder, or .mcap or .db3 file; only read.
    output
        Folder to be, of the same storage; the text is that with '.txt' behind its name.
    steps
        What to do.
    topic
        Topic of the tracks: Track2DArray, or Detection2DArray with ids. '': the only one.
    frame_rate
        Nominal frames a second; 0: as the stamps say.
    linker
        AFLink's network; None: it is loaded.
    progress
        Is told the phase ('read', 'link', 'interpolate' or 'write') and the share of it that is
        done, often. An exception that it raises stops everything and leaves no output.

    Raises
    ------
    InputError
        The bag or its tracks cannot be used, or the output exists or cannot be written.
    ExtractorError
        AFLink's checkpoint cannot be used.

    """
    start = time.monotonic()
    text = text_beside(output)
    check_new_bag(output)
    with replacing_together(output, text) as written, open_bag(source) as bag:
        recorded = read_recorded_tracks(
            bag, topic, frame_rate, lambda share: progress('read', share)
        )
        refined = apply_steps(
            recorded.rows, steps, linker=linker,
            camera_motion=recorded.camera_motion, progress=progress,
        )  # fmt: skip
        refined = _in_messages(recorded, refined)
        rewrite = rewrite_tracks(
            recorded, refined.tracks, refined.source, refined_fields(recorded, refined)
        )
        copy_bag(bag, written, recorded.connection, rewrite, lambda share: progress('write', share))
        save_tracks(written.with_name(text.name), refined.tracks)
    return RefinedBag(
        tracks_in=len(np.unique(recorded.rows.ids)),
        tracks_out=len(np.unique(refined.tracks.ids)),
        links=refined.links,
        boxes_in=len(recorded.rows),
        boxes_out=len(refined.tracks),
        interpolated=refined.interpolated,
        seconds=time.monotonic() - start,
    )


def _in_messages(recorded: RecordedTracks, refined: RefinedTracks) -> RefinedTracks:
    """Leave out what was interpolated in frames without a message."""
    there = (refined.source >= 0) | np.isin(refined.tracks.frames, recorded.frames)
    return RefinedTracks(refined.tracks.select(there), refined.source[there], refined.links)


def refined_fields(recorded: RecordedTracks, refined: RefinedTracks) -> npt.NDArray[np.void]:
    """Return the fields (K,) of `TRACK` of refined tracks.

    A box that was recorded keeps its fields but for the id and the box; `first_seen`, `age` and
    `hits` of a track that was linked go on from those of the first track of its chain. A box that
    was interpolated is LOST, predicted from the one before the gap; its velocity is along the
    line to the one after it.
    """
    rows, source = refined.tracks, refined.source
    order = np.lexsort((rows.frames, rows.ids))
    frames, source = rows.frames[order], source[order]
    numbers = np.arange(len(order))
    seen = source >= 0
    # The first and the last box of every track was recorded.
    before = np.maximum.accumulate(np.where(seen, numbers, 0))
    after = np.minimum.accumulate(np.where(seen, numbers, len(order))[::-1])[::-1]
    fields = recorded.tracks[source[before]]
    _continue(fields, recorded, recorded.rows.ids[source[before]], rows.ids[order])
    boxes = rows.tlwh[order]
    fields['id'] = rows.ids[order]
    fields['center'] = boxes[:, :2] + boxes[:, 2:] / 2
    fields['size'] = boxes[:, 2:]
    new = ~seen
    since = frames[new] - frames[before[new]]
    fields['state'][new] = LOST
    fields['detection_index'][new] = -1
    fields['score'][new] = rows.scores[order][new]
    fields['age'][new] += since.astype(np.uint32)
    fields['time_since_update'][new] += since.astype(np.uint32)
    way = fields['center'][after[new]] - fields['center'][before[new]]
    duration = (frames[after[new]] - frames[before[new]]) / recorded.frame_rate
    fields['velocity'][new] = way / duration[:, None]
    result = np.empty(len(order), TRACK)
    result[order] = fields
    return result


def _continue(
    fields: npt.NDArray[np.void], recorded: RecordedTracks, pieces_ids: IntArray, ids: IntArray
) -> None:
    """Let the pieces of chains, of these ids, go on from the first of their chain, of `ids`."""
    rows = recorded.rows
    order = np.lexsort((rows.frames, rows.ids))
    pieces, starts, counts = np.unique(rows.ids[order], return_index=True, return_counts=True)
    first, last = order[starts], order[starts + counts - 1]
    born = rows.frames[first] - recorded.tracks['age'][first].astype(np.int64)
    hits = recorded.tracks['hits'][last].astype(np.int64)
    piece = np.searchsorted(pieces, pieces_ids)
    head = np.searchsorted(pieces, ids)
    heads = np.arange(len(pieces))
    heads[piece] = head
    chain = np.lexsort((rows.frames[first], heads))
    total = np.cumsum(hits[chain])
    starting = np.searchsorted(heads[chain], heads[chain])
    earlier = np.empty(len(pieces), dtype=np.int64)
    earlier[chain] = total - hits[chain] - (total - hits[chain])[starting]
    linked = piece != head
    age = fields['age'] + np.maximum(born[piece] - born[head], 0)
    fields['age'][linked] = age[linked]
    fields['hits'][linked] += earlier[piece[linked]].astype(np.uint32)
    fields['first_seen'][linked] = recorded.tracks['first_seen'][first[head[linked]]]
