"""Scores against the definition, computed pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from strongsort_ros.reid.training.data import Crops
from strongsort_ros.reid.training.metrics import retrieval_scores


def _crops(identities: np.ndarray, cameras: np.ndarray, times: np.ndarray) -> Crops:
    images = [np.zeros((1, 1, 3), np.uint8)] * len(identities)
    return Crops(images, identities, cameras, times)


def _random(n: int, seed: int) -> tuple[Crops, np.ndarray]:
    rng = np.random.default_rng(seed)
    crops = _crops(rng.integers(0, 6, n), rng.integers(0, 3, n), rng.uniform(0, 9, n))
    return crops, rng.standard_normal((n, 5)).astype(np.float32)


def _by_definition(query, gallery, queries, found, gap: float) -> tuple[float, float, int]:
    ranks, precisions = [], []
    for q in range(len(query)):
        listed = []
        for g in range(len(gallery)):
            same_camera = query.cameras[q] == gallery.cameras[g]
            correct = query.identities[q] == gallery.identities[g] != 0
            if np.isinf(gap) and same_camera and correct:
                continue
            if not np.isinf(gap) and same_camera and abs(query.times[q] - gallery.times[g]) < gap:
                continue
            cosine = queries[q] @ found[g] / np.linalg.norm(queries[q]) / np.linalg.norm(found[g])
            listed.append((1 - cosine, correct))
        hits = [correct for _, correct in sorted(listed)]
        if any(hits):
            ranks.append(hits[0])
            places = [place for place, hit in enumerate(hits, 1) if hit]
            precisions.append(np.mean([sum(hits[:place]) / place for place in places]))
    return float(np.mean(ranks)), float(np.mean(precisions)), len(ranks)


@pytest.mark.parametrize('gap', [np.inf, 1.0])
@pytest.mark.parametrize('seed', [0, 1])
def test_scores_by_definition(gap: float, seed: int) -> None:
    (query, queries), (gallery, found) = _random(300, seed), _random(90, seed + 10)
    scores = retrieval_scores(query, gallery, queries, found, gap)
    rank1, mean_ap, count = _by_definition(query, gallery, queries, found, gap)
    assert (scores.rank1, scores.queries) == (pytest.approx(rank1), count)
    assert scores.mean_ap == pytest.approx(mean_ap)


def test_market_ignores_the_same_person_in_the_same_camera() -> None:
    # The nearest crop is of the same person and camera, the next of another person.
    query = _crops(np.array([1]), np.array([1]), np.zeros(1))
    gallery = _crops(np.array([1, 0, 1]), np.array([1, 1, 2]), np.zeros(3))
    found = np.array([[1, 0], [1, 0.1], [1, 0.3]], np.float32)
    scores = retrieval_scores(query, gallery, found[:1], found, np.inf)
    assert (scores.rank1, scores.mean_ap, scores.queries) == (0, 0.5, 1)


def test_crops_are_not_compared_with_themselves() -> None:
    crops = _crops(np.array([1, 1, 2]), np.zeros(3, np.int64), np.array([0.0, 1, 2]))
    found = np.array([[1, 0], [0, 1], [1, 0.1]], np.float32)
    scores = retrieval_scores(crops, crops, found, found, 0.0)
    assert (scores.rank1, scores.queries) == (0, 2)


def test_threshold_separates_people() -> None:
    """Pairs of the same person have a distance of at most 0.02, others of at least 0.29."""
    angles = np.concatenate([np.linspace(start, start + 0.2, 20) for start in (0.0, 1.0, 2.0)])
    found = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    crops = _crops(np.repeat([1, 2, 3], 20), np.zeros(60, np.int64), np.arange(60.0))
    scores = retrieval_scores(crops, crops, found, found, 0.0)
    assert 0.02 <= scores.threshold <= 0.31
    assert (scores.error_rate, scores.mean_ap) == (0, 1)
    nobody = retrieval_scores(crops, crops, found, found, 1000.0)
    assert nobody.queries == 0
