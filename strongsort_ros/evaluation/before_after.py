"""Tracks of one recording before and after refinement, and their scores side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from strongsort_ros.evaluation.recordings import recorded_sequence
from strongsort_ros.evaluation.report.model import Recorded, Table
from strongsort_ros.evaluation.scores import Evaluation, ScoredSequence, Scores, score
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import GroundTruth
from strongsort_ros.types import IntArray


def assess(name: str, frames: IntArray, truth: Path | None, text: Path) -> Recorded:
    """Return tracks and, where the truth is known, their scores.

    Parameters
    ----------
    name
        Of the recording.
    frames
        Numbers of its frames, at least one; truth of others does not count.
    truth
        A gt.txt, or None.
    text
        The tracks, MOTChallenge text.

    Raises
    ------
    InputError
        A file is not usable, or the truth has none of the frames.

    """
    if truth is not None:
        sequences = [recorded_sequence(name, truth, text, frames)]
        return Recorded(sequences, score(sequences))
    span = range(int(frames.min()), int(frames.max()) + 1)
    return Recorded([ScoredSequence(name, GroundTruth.empty(), load_tracks(text), span)])


def scores_of(before: Recorded, after: Recorded | None) -> dict[str, Scores]:
    """Return the scores there are, by 'before' and 'after'."""
    sides = {'before': before, 'after': after}
    return {name: side.scores.combined for name, side in sides.items() if side and side.scores}


def save_scores(path: Path | str, before: Evaluation, after: Evaluation | None = None) -> None:
    """Write all scores as JSON, those after refinement as `refined`.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    content = dataclasses.asdict(before)
    if after is not None:
        content['refined'] = dataclasses.asdict(after)
    with replacing(path) as written:
        written.write_text(f'{json.dumps(content, indent=1)}\n', encoding='utf-8')


def headline_table(scores: Mapping[str, Scores]) -> Table:
    """Return the scores that papers tell, and the difference where there are two."""
    head = ('refinement', 'HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW', 'tracks')
    shares = {s: (v.hota, v.assa, v.deta, v.idf1, v.mota) for s, v in scores.items()}
    counts = {s: (v.idsw, v.ids) for s, v in scores.items()}
    rows = [[s, *(f'{x:.2f}' for x in shares[s]), *map(str, counts[s])] for s in scores]
    if len(scores) == 2:
        one, other = scores
        pairs = zip(shares[one], shares[other], strict=True)
        # Of the figures that are shown, so that they add up.
        changes = [round(b, 2) - round(a, 2) for a, b in pairs]
        numbers = [b - a for a, b in zip(counts[one], counts[other], strict=True)]
        rows.append(['difference', *(f'{x:+.2f}' for x in changes), *(f'{n:+d}' for n in numbers)])
    return Table('Scores', head, rows)
