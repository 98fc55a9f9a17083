"""HOTA, CLEAR and identity scores of tracks, computed by TrackEval."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.packages import require
from strongsort_ros.types import FloatArray, IntArray

ALPHAS: FloatArray = np.arange(0.05, 0.99, 0.05)
"""Overlaps (IoU) at which HOTA is computed; the score is the mean over them."""


@dataclass(frozen=True, slots=True)
class ScoredSequence:
    """Tracks of a sequence and their ground truth.

    Attributes
    ----------
    name
        Name of the sequence; one that begins with MOT20 has the distractor classes of MOT20.
    ground_truth
        True boxes.
    tracks
        Boxes to score.
    frames
        Frames to score; boxes of other frames are left out.

    """

    name: str
    ground_truth: GroundTruth
    tracks: TrackRows
    frames: range


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a sequence, or of several combined: percentages and counts.

    Attributes
    ----------
    hota, assa, deta, loca
        Higher order tracking accuracy, its association and detection parts, and the overlap of
        matches (Luiten et al., IJCV 2020).
    idf1, idr, idp
        Identity F1, recall and precision (Ristani et al., 2016).
    mota, motp, idsw, mostly_tracked, mostly_lost, fragments, false_positives, misses
        CLEAR (Bernardin and Stiefelhagen, 2008).
    true_boxes, true_ids, boxes, ids
        Numbers of boxes and identities compared, after preprocessing.
    hota_over_alpha, assa_over_alpha, deta_over_alpha
        Percentages at each of `ALPHAS`.

    """

    name: str
    hota: float
    assa: float
    deta: float
    loca: float
    idf1: float
    idr: float
    idp: float
    mota: float
    motp: float
    idsw: int
    mostly_tracked: int
    mostly_lost: int
    fragments: int
    false_positives: int
    misses: int
    true_boxes: int
    true_ids: int
    boxes: int
    ids: int
    hota_over_alpha: tuple[float, ...]
    assa_over_alpha: tuple[float, ...]
    deta_over_alpha: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of each sequence, and of all combined (their boxes pooled, not their scores)."""

    sequences: tuple[Scores, ...]
    combined: Scores


@dataclass(frozen=True, slots=True)
class EvaluatedTracks:
    """Tracks of one or several sequences, and their scores.

    Attributes
    ----------
    sequences
        Tracks with the ground truth, which has no rows (`GroundTruth.empty()`) if not known.
    scores
        Scores of these sequences; None if the ground truth is not known.
    classes
        Scores of each class, see `score_classes`; None if there are no several classes.

    """

    sequences: Sequence[ScoredSequence]
    scores: Evaluation | None = None
    classes: Evaluation | None = None


def score(
    sequences: Collection[ScoredSequence],
    progress: Callable[[Collection[ScoredSequence]], Iterable[ScoredSequence]] = iter,
) -> Evaluation:
    """Score tracks against their ground truth.

    Parameters
    ----------
    sequences
        At least one, with different names.
    progress
        Wraps the loop over the sequences, to show its progress.

    Raises
    ------
    InputError
        There is nothing to score.
    MissingPackageError
        TrackEval is not installed.

    """
    require('scoring', 'trackeval')
    from trackeval import metrics  # slow to import

    if not sequences:
        raise InputError('no sequence to score')
    quiet = {'PRINT_CONFIG': False}
    families = {
        'hota': metrics.HOTA(),
        'clear': metrics.CLEAR(quiet),
        'identity': metrics.Identity(quiet),
        'count': metrics.Count(),
    }
    found: dict[str, dict[str, Any]] = {}
    for sequence in progress(sequences):
        data = preprocess(sequence)
        found[sequence.name] = {key: f.eval_sequence(data) for key, f in families.items()}
    combined = {
        key: family.combine_sequences({name: results[key] for name, results in found.items()})
        for key, family in families.items()
    }
    each = tuple(_scores(name, results) for name, results in found.items())
    return Evaluation(each, _scores('combined', combined))


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


def _scores(name: str, results: dict[str, Any]) -> Scores:
    hota, clear = results['hota'], results['clear']
    identity, count = results['identity'], results['count']
    return Scores(
        name=name,
        hota=_percent(hota['HOTA']),
        assa=_percent(hota['AssA']),
        deta=_percent(hota['DetA']),
        loca=_percent(hota['LocA']),
        idf1=_percent(identity['IDF1']),
        idr=_percent(identity['IDR']),
        idp=_percent(identity['IDP']),
        mota=_percent(clear['MOTA']),
        motp=_percent(clear['MOTP']),
        idsw=int(clear['IDSW']),
        mostly_tracked=int(clear['MT']),
        mostly_lost=int(clear['ML']),
        fragments=int(clear['Frag']),
        false_positives=int(clear['CLR_FP']),
        misses=int(clear['CLR_FN']),
        true_boxes=int(count['GT_Dets']),
        true_ids=int(count['GT_IDs']),
        boxes=int(count['Dets']),
        ids=int(count['IDs']),
        hota_over_alpha=_curve(hota['HOTA']),
        assa_over_alpha=_curve(hota['AssA']),
        deta_over_alpha=_curve(hota['DetA']),
    )


def _percent(value: FloatArray | float) -> float:
    return 100 * float(np.mean(value))


def _curve(values: FloatArray) -> tuple[float, ...]:
    return tuple((100 * values).tolist())


def preprocess(sequence: ScoredSequence) -> dict[str, Any]:
    """Return TrackEval's data of a sequence: boxes by frame, ids from 0, overlaps.

    TrackEval reads files and renumbers ids. To recover the tracks, the confidence column, which no
    score uses, carries the row numbers of `sequence.tracks`: `tracker_confidences` holds those of
    the boxes that are left after preprocessing.
    """
    require('scoring', 'trackeval')
    from trackeval.datasets import MotChallenge2DBox  # slow to import

    with tempfile.TemporaryDirectory(prefix='strongsort-scores-') as folder:
        _write_for_trackeval(sequence, Path(folder))
        layout = {
            'GT_FOLDER': folder,
            'TRACKERS_FOLDER': folder,
            'TRACKERS_TO_EVAL': ['tracks'],
            'TRACKER_SUB_FOLDER': '',
            'GT_LOC_FORMAT': '{gt_folder}/{seq}.txt',
            'SEQ_INFO': {'sequence': len(sequence.frames)},
            'BENCHMARK': 'MOT20' if sequence.name.startswith('MOT20') else 'MOT17',
            'SKIP_SPLIT_FOL': True,
            'PRINT_CONFIG': False,
        }
        dataset = MotChallenge2DBox(layout)
        raw = dataset.get_raw_seq_data('tracks', 'sequence')
    data: dict[str, Any] = dataset.get_preprocessed_seq_data(raw, 'pedestrian')
    return data


def _write_for_trackeval(sequence: ScoredSequence, folder: Path) -> None:
    """Write the scored frames, numbered from 1, in the layout that TrackEval reads."""
    first, last = sequence.frames.start, sequence.frames.stop - 1
    truth, tracks = sequence.ground_truth, sequence.tracks
    truth = truth.select((truth.frames >= first) & (truth.frames <= last))
    rows = np.flatnonzero((tracks.frames >= first) & (tracks.frames <= last))
    tracks = tracks.select(rows)
    columns = [truth.considered, truth.classes, truth.visibility]
    head = [truth.frames - first + 1, _small(truth.ids), truth.tlwh]
    _write_table(folder / 'sequence.txt', np.column_stack([*head, *columns]))
    head = [tracks.frames - first + 1, _small(tracks.ids), tracks.tlwh]
    (folder / 'tracks').mkdir()
    _write_table(folder / 'tracks' / 'sequence.txt', np.column_stack([*head, rows]))


def _small(ids: IntArray) -> IntArray:
    """Return ids renumbered from 0, in order: TrackEval's memory grows with the largest id."""
    return np.unique(ids, return_inverse=True)[1]


def _write_table(path: Path, table: FloatArray) -> None:
    # repr() of a float is exact, so that no box is rounded.
    lines = [','.join(map(repr, row)) for row in table.tolist()]
    path.write_text(''.join(f'{line}\n' for line in lines), encoding='ascii')
