"""HOTA, CLEAR and identity scores of tracks, computed by TrackEval."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.evaluation.preprocessing import ScoredSequence, check_scoring, preprocess
from strongsort_ros.tracking.detections import FloatArray

ALPHAS: FloatArray = np.arange(0.05, 0.99, 0.05)
"""Overlaps (IoU) at which HOTA is taken; the score is the mean over them."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a sequence or of several together; shares in percent, the others are counts.

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
        How much was compared, after preprocessing.
    hota_over_alpha, assa_over_alpha, deta_over_alpha
        Percent at each of `ALPHAS`.

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
    """Scores by sequence and of all of them combined, box by box."""

    sequences: tuple[Scores, ...]
    combined: Scores


def score(
    sequences: Collection[ScoredSequence],
    progress: Callable[[Collection[ScoredSequence]], Iterable[ScoredSequence]] = iter,
) -> Evaluation:
    """Score tracks against the truth.

    Parameters
    ----------
    sequences
        At least one, with different names.
    progress
        Wraps the loop over the sequences, to show how far it is.

    Raises
    ------
    InputError
        There is nothing to score.
    MissingPackageError
        TrackEval is not installed.

    """
    check_scoring()
    from trackeval import metrics  # heavy: only who scores waits for it

    if not sequences:
        raise InputError('no sequence to score: no ground truth belongs to the results')
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
