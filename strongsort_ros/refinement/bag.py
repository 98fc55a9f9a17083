"""A bag in, the same bag with whole tracks out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strongsort_ros.recording.atomic import replacing_together
from strongsort_ros.recording.bag_copy import copy_bag
from strongsort_ros.recording.bag_paths import check_new_bag
from strongsort_ros.recording.motchallenge import save_tracks
from strongsort_ros.recording.raw_bag import open_raw_bag
from strongsort_ros.recording.recorded_tracks import RecordedTracks, read_recorded_tracks
from strongsort_ros.recording.refined_messages import rewrite_tracks
from strongsort_ros.recording.track_text import text_beside
from strongsort_ros.refinement.steps import Progress, RefinedTracks, RefinementSteps, refine
from strongsort_ros.refinement.track_fields import refined_fields

if TYPE_CHECKING:
    from strongsort_ros.refinement.aflink_network import Linker


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
    progress: Progress = lambda _phase, _share: None,
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
    with replacing_together(output, text) as written, open_raw_bag(source) as bag:
        recorded = read_recorded_tracks(
            bag, topic, frame_rate, lambda share: progress('read', share)
        )
        refined = refine(
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
