"""What a Track2D says besides its box, after refinement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strongsort_ros.messages.track_arrays import TRACK
from strongsort_ros.recording.recorded_tracks import RecordedTracks
from strongsort_ros.refinement.steps import RefinedTracks
from strongsort_ros.tracking.detections import IntArray
from strongsort_ros.tracking.tracks import LOST


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
