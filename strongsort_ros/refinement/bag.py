"""Refine the tracks of a bag and write them to a new bag."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from strongsort_ros.types import IntArray, ShareProgress


@dataclass(frozen=True, slots=True)
class RefinedBag:
    """Result of `refine_bag`.

    Attributes
    ----------
    tracks_in, tracks_out, boxes_in, boxes_out
        Numbers of tracks and boxes before and after refinement.
    links
        Number of pairs of tracks that were linked.
    interpolated
        Number of interpolated boxes.

    """

    tracks_in: int
    tracks_out: int
    links: int
    boxes_in: int
    boxes_out: int
    interpolated: int


def refine_bag(
    source: Path,
    output: Path,
    steps: RefinementSteps,
    *,
    topic: str = '',
    frame_rate: float = 0.0,
    progress: ShareProgress = lambda _phase, _share: None,
) -> RefinedBag:
    """Copy a bag with its tracks refined, and write the tracks as MOTChallenge text beside it.

    Every message keeps its times, header and topic. Messages of the tracks get the refined boxes
    of their frame; all others are copied byte for byte. Frames without a message get no boxes.

    Parameters
    ----------
    source
        Bag: a folder, or a .mcap or .db3 file. It is not changed.
    output
        Folder of the new bag, which has the same storage; the text file adds '.txt' to its name.
    steps
        Steps of the refinement.
    topic
        Topic of the tracks: Track2DArray, or Detection2DArray with ids. '': the only one.
    frame_rate
        Nominal frame rate, Hz; 0: estimated from the stamps.
    progress
        Called often with the phase ('read', 'link', 'interpolate', 'smooth' or 'write') and the
        share of it that is done. An exception that it raises stops the refinement and leaves no
        output.

    Raises
    ------
    InputError
        The bag or its tracks are invalid, or the output exists or cannot be written.
    ExtractorError
        AFLink's checkpoint is invalid.

    """
    text = text_beside(output)
    check_new_bag(output)
    with replacing_together(output, text) as written, open_bag(source) as bag:
        recorded = read_recorded_tracks(
            bag, topic, frame_rate, lambda share: progress('read', share),
            tentative=steps.rts is not None,
        ).without_predictions()  # fmt: skip
        refined = apply_steps(
            recorded.rows, steps, camera_motion=recorded.camera_motion, progress=progress
        )
        refined = _drop_frames_without_message(recorded, refined)
        rewrite = rewrite_tracks(
            recorded, refined.tracks, refined.source, refined_fields(recorded, refined)
        )
        copy_bag(bag, written, recorded.connection, rewrite, lambda share: progress('write', share))
        save_tracks(written.with_name(text.name), refined.tracks)
    reported = recorded.rows.reported
    return RefinedBag(
        tracks_in=len(np.unique(recorded.rows.ids[reported])),
        tracks_out=len(np.unique(refined.tracks.ids)),
        links=refined.links,
        boxes_in=int(np.count_nonzero(reported)),
        boxes_out=len(refined.tracks),
        interpolated=refined.interpolated,
    )


def _drop_frames_without_message(recorded: RecordedTracks, refined: RefinedTracks) -> RefinedTracks:
    """Drop boxes that were interpolated in frames that have no message."""
    kept = (refined.source >= 0) | np.isin(refined.tracks.frames, recorded.frames)
    return RefinedTracks(refined.tracks.select(kept), refined.source[kept], refined.links)


def refined_fields(recorded: RecordedTracks, refined: RefinedTracks) -> npt.NDArray[np.void]:
    """Return the `TRACK` records (K,) of refined tracks.

    A recorded box keeps its fields except id and box, and is CONFIRMED if it was TENTATIVE, since
    its track was confirmed later; in a linked track `first_seen`, `age` and
    `hits` continue from the first tracklet of its chain. An interpolated box is LOST and has the
    fields of the box before the gap; its velocity leads from that box to the one after the gap.
    """
    rows, source = refined.tracks, refined.source
    order = np.lexsort((rows.frames, rows.ids))
    frames, source = rows.frames[order], source[order]
    numbers = np.arange(len(order))
    measured = source >= 0
    # The nearest recorded boxes; the first and the last box of every track are recorded.
    before = np.maximum.accumulate(np.where(measured, numbers, 0))
    after = np.minimum.accumulate(np.where(measured, numbers, len(order))[::-1])[::-1]
    fields = recorded.tracks[source[before]]
    fields['state'][fields['state'] == TENTATIVE] = CONFIRMED
    _continue_chains(fields, recorded, recorded.rows.ids[source[before]], rows.ids[order])
    boxes = rows.tlwh[order]
    fields['id'] = rows.ids[order]
    fields['center'] = boxes[:, :2] + boxes[:, 2:] / 2
    fields['size'] = boxes[:, 2:]
    new = ~measured
    since = frames[new] - frames[before[new]]
    fields['state'][new] = LOST
    fields['detection_index'][new] = -1
    fields['reported'] = 1
    fields['score'][new] = rows.scores[order][new]
    fields['age'][new] += since.astype(np.uint32)
    fields['time_since_update'][new] += since.astype(np.uint32)
    shift = fields['center'][after[new]] - fields['center'][before[new]]
    duration = (frames[after[new]] - frames[before[new]]) / recorded.frame_rate
    fields['velocity'][new] = shift / duration[:, None]
    result = np.empty(len(order), TRACK)
    result[order] = fields
    return result


def _continue_chains(
    fields: npt.NDArray[np.void], recorded: RecordedTracks, old_ids: IntArray, new_ids: IntArray
) -> None:
    """Continue `age`, `hits` and `first_seen` of linked tracklets from the first of their chain.

    Row i of `fields` had the id old_ids[i]; new_ids[i] is that of the first tracklet of its chain.
    """
    rows = recorded.rows
    order = np.lexsort((rows.frames, rows.ids))
    ids, starts, counts = np.unique(rows.ids[order], return_index=True, return_counts=True)
    first, last = order[starts], order[starts + counts - 1]
    born = rows.frames[first] - recorded.tracks['age'][first].astype(np.int64)
    hits = recorded.tracks['hits'][last].astype(np.int64)
    tracklet = np.searchsorted(ids, old_ids)
    head = np.searchsorted(ids, new_ids)
    heads = np.arange(len(ids))
    heads[tracklet] = head
    # Hits of the earlier tracklets of the chain: sums over tracklets sorted by chain and frame.
    chain = np.lexsort((rows.frames[first], heads))
    total = np.cumsum(hits[chain])
    chain_start = np.searchsorted(heads[chain], heads[chain])
    earlier = np.empty(len(ids), dtype=np.int64)
    earlier[chain] = total - hits[chain] - (total - hits[chain])[chain_start]
    linked = tracklet != head
    age = fields['age'] + np.maximum(born[tracklet] - born[head], 0)
    fields['age'][linked] = age[linked]
    fields['hits'][linked] += earlier[tracklet[linked]].astype(np.uint32)
    fields['first_seen'][linked] = recorded.tracks['first_seen'][first[head[linked]]]
