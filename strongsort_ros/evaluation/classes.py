"""Scores of each class, where both the tracks and the ground truth have several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from strongsort_ros.evaluation.scores import Evaluation, ScoredSequence, score

_NAMES: Final = {
    1: ('person', 'pedestrian'),
    2: ('person on vehicle', 'rider'),
    3: ('car',),
    4: ('bicycle',),
    5: ('motorbike', 'motorcycle'),
}
"""MOTChallenge's classes that detectors name, and the names of the tracks' classes."""
_PEDESTRIAN: Final = 1


def score_classes(sequences: Sequence[ScoredSequence]) -> Evaluation | None:
    """Score the tracks of each class against the true boxes of that class.

    Returns
    -------
    Scores with the names of classes, each of all sequences combined, and those of all tracks; None
    if there are no two classes that both the tracks and the ground truth have.

    Raises
    ------
    InputError
        There is nothing to score.
    MissingPackageError
        TrackEval is not installed.

    """
    classes = dict(_by_class(sequences))
    if len(classes) < 2:
        return None
    scores = [replace(score(found).combined, name=name) for name, found in classes.items()]
    return Evaluation(tuple(scores), score(sequences).combined)


def _by_class(sequences: Sequence[ScoredSequence]) -> Iterator[tuple[str, list[ScoredSequence]]]:
    """Yield the sequences reduced to each class, which TrackEval then scores as pedestrians."""
    for number, names in _NAMES.items():
        found = []
        for sequence in sequences:
            truth, tracks = sequence.ground_truth, sequence.tracks
            own = truth.considered & (truth.classes == number)
            # Boxes that no class is scored on remove matching tracks, of people only.
            kept = own | ~truth.considered if number == _PEDESTRIAN else own
            truth = truth.select(kept)
            classes = np.where(own[kept], _PEDESTRIAN, truth.classes)
            tracks = tracks.select(np.isin(tracks.class_ids, names))
            found.append(
                replace(sequence, ground_truth=replace(truth, classes=classes), tracks=tracks)
            )
        if any(_true_boxes(s) for s in found) and any(len(s.tracks) for s in found):
            yield names[0], found


def _true_boxes(sequence: ScoredSequence) -> int:
    """Return the number of true boxes that are scored."""
    truth = sequence.ground_truth
    return int(np.count_nonzero(truth.considered & (truth.classes == _PEDESTRIAN)))
