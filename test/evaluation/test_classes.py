"""Scores of each class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strongsort_ros.evaluation.classes import score_classes
from strongsort_ros.evaluation.scores import ScoredSequence
from test.evaluation.walks import as_tracks, walk


def traffic(car: str = 'car') -> ScoredSequence:
    """Return two people and two cars; every second box of the cars is missed."""
    truth = walk(4)
    classes = np.where(truth.ids > 2, 3, 1)
    tracks = as_tracks(truth)
    tracks = replace(tracks, class_ids=np.where(truth.ids > 2, car, 'pedestrian'))
    seen = (truth.ids <= 2) | (truth.frames % 2 == 0)
    return ScoredSequence(
        'walk', replace(truth, classes=classes), tracks.select(seen), range(1, 21)
    )


def test_each_class_is_scored_against_its_own_truth() -> None:
    found = score_classes([traffic(), replace(traffic(), name='other')])
    assert found is not None
    person, car = found.sequences
    assert (person.name, car.name) == ('person', 'car')
    assert person.hota == pytest.approx(100)
    assert (car.true_boxes, car.misses, car.false_positives) == (80, 40, 0)
    assert found.combined.false_positives == 40


def test_a_box_of_another_class_does_not_match() -> None:
    """A track that calls a person a car is a miss of one class and an error of the other."""
    sequence = traffic()
    wrong = (sequence.tracks.frames == 4) & (sequence.tracks.ids == 1)
    names = np.where(wrong, 'car', sequence.tracks.class_ids)
    found = score_classes([replace(sequence, tracks=replace(sequence.tracks, class_ids=names))])
    assert found is not None
    person, car = found.sequences
    assert (person.misses, person.false_positives) == (1, 0)
    assert (car.misses, car.false_positives) == (20, 1)


def test_one_class_is_not_scored_again() -> None:
    """Nothing is added if only one class has both tracks and true boxes."""
    assert score_classes([traffic(car='boat')]) is None
    truth = walk(2)
    assert score_classes([ScoredSequence('walk', truth, as_tracks(truth), range(1, 21))]) is None
