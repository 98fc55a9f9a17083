"""Tracks of one recording before and after refinement, and their scores side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from strongsort_ros.evaluation.preprocessing import ScoredSequence
from strongsort_ros.evaluation.report import Recorded, Table
from strongsort_ros.evaluation.scores import Scores, score
from strongsort_ros.recording.atomic import replacing
from strongsort_ros.recording.motchallenge import load_ground_truth
from strongsort_ros.recording.rows import GroundTruth, TrackRows
from strongsort_ros.tracking.detections import IntArray

SIDES = ('before', 'after')


def load_truth(path: Path | str) -> GroundTruth:
    """Read a gt.txt, or that of a sequence's folder.

    Raises
    ------
    InputError
        The file is missing or not usable.

    """
    path = Path(path)
    return load_ground_truth(path / 'gt' / 'gt.txt' if path.is_dir() else path)


def assess(name: str, frames: IntArray, truth: GroundTruth | None, tracks: TrackRows) -> Recorded:
    """Return tracks and, where the truth is known, their scores.

    Parameters
    ----------
    name
        Of the recording.
    frames
        Numbers of the frames that were played, at least one; truth of others does not count.
    truth
        True boxes, or None.
    tracks
        What the tracker or the refiner made of it.

    """
    known = GroundTruth.empty()
    if truth is not None:
        known = truth.select(np.isin(truth.frames, frames))
    span = range(int(frames.min()), int(frames.max()) + 1)
    sequences = [ScoredSequence(name, known, tracks, span)]
    return Recorded(sequences, score(sequences) if len(known) else None)


def scores_of(before: Recorded | None, after: Recorded | None) -> dict[str, Scores]:
    """Return the scores there are, by 'before' and 'after'."""
    sides = zip(SIDES, (before, after), strict=True)
    return {name: side.scores.combined for name, side in sides if side and side.scores}


def save_scores(path: Path | str, scores: Mapping[str, Scores]) -> None:
    """Write scores by name as JSON.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    text = json.dumps({name: dataclasses.asdict(each) for name, each in scores.items()}, indent=1)
    with replacing(path) as written:
        written.write_text(f'{text}\n', encoding='utf-8')


def headline_table(scores: Mapping[str, Scores]) -> Table:
    """Return the scores that papers tell, and the difference where there are two."""
    head = ['refinement', 'HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW', 'tracks']
    shares = {s: (v.hota, v.assa, v.deta, v.idf1, v.mota) for s, v in scores.items()}
    counts = {s: (v.idsw, v.ids) for s, v in scores.items()}
    rows = [[s, *(f'{x:.2f}' for x in shares[s]), *map(str, counts[s])] for s in scores]
    if len(scores) == 2:
        one, other = scores
        # Of the figures that are shown, so that they add up.
        changes = [
            round(b, 2) - round(a, 2) for a, b in zip(shares[one], shares[other], strict=True)
        ]
        numbers = [b - a for a, b in zip(counts[one], counts[other], strict=True)]
        rows.append(['difference', *(f'{x:+.2f}' for x in changes), *(f'{n:+d}' for n in numbers)])
    return Table('Scores', head, rows)
