"""Rank-1 and mean average precision of embeddings, and the distance that separates people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from strongsort_ros.reid.training.data import DISTRACTOR, Crops, Dataset
from strongsort_ros.types import BoolArray, Float32Array, IntArray

_QUERIES: Final = 256  # at a time, to bound the memory
# Distances are counted in bins of this width.
_BIN: Final = 0.005


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Scores of a search for each query in the gallery.

    Attributes
    ----------
    rank1
        Share of the queries whose nearest gallery crop is of the same person.
    mean_ap
        Mean over the queries of the average precision: the mean, over the correct crops, of the
        precision of the list that ends with it.
    queries
        Number of queries that have a correct crop in the gallery; only these count.
    threshold
        Cosine distance at which pairs of the same person are rejected as often as pairs of
        different people are accepted (equal error rate). Meaningless without queries.
    error_rate
        The error rate there.

    """

    rank1: float
    mean_ap: float
    queries: int
    threshold: float
    error_rate: float


def score_embeddings(data: Dataset, embed: Callable[[Crops], Float32Array]) -> RetrievalScores:
    """Return the scores of the embeddings that `embed` returns, (N, D) for N crops, on a test."""
    query = embed(data.query)
    gallery = query if data.gallery is data.query else embed(data.gallery)
    return retrieval_scores(data.query, data.gallery, query, gallery, data.gap)


def retrieval_scores(
    query: Crops,
    gallery: Crops,
    query_embeddings: Float32Array,
    gallery_embeddings: Float32Array,
    gap: float,
) -> RetrievalScores:
    """Search each query in the gallery by cosine distance.

    Parameters
    ----------
    query, gallery
        Crops of the test.
    query_embeddings, gallery_embeddings
        (Q, D) and (G, D), of any length.
    gap
        Which gallery crops do not count for a query; see `Dataset`.

    """
    queries, found = _unit(query_embeddings), _unit(gallery_embeddings)
    precisions: list[float] = []
    firsts: list[bool] = []
    counts = np.zeros((2, round(2 / _BIN) + 1), dtype=np.int64)
    for start in range(0, len(query), _QUERIES):
        rows = np.arange(start, min(start + _QUERIES, len(query)))
        part = query.select(rows)
        distances = 1 - queries[rows] @ found.T
        correct, counted = pairs(part, gallery, gap)
        bins = np.clip(distances / _BIN, 0, counts.shape[1] - 1).astype(np.int64)
        for same in (0, 1):
            chosen = bins[counted & (correct == bool(same))]
            counts[same] += np.bincount(chosen, minlength=counts.shape[1])
        for row, order in enumerate(np.argsort(distances, axis=1, kind='stable')):
            hits = correct[row, order][counted[row, order]]
            if hits.any():
                firsts.append(bool(hits[0]))
                precisions.append(average_precision(hits))
    threshold, error_rate = _equal_error(counts)
    if not precisions:
        return RetrievalScores(0.0, 0.0, 0, threshold, error_rate)
    rank1, mean_ap = float(np.mean(firsts)), float(np.mean(precisions))
    return RetrievalScores(rank1, mean_ap, len(precisions), threshold, error_rate)


def pairs(query: Crops, gallery: Crops, gap: float) -> tuple[BoolArray, BoolArray]:
    """Return (Q, G) whether pairs show the same person, and whether they count."""
    same: BoolArray = query.identities[:, None] == gallery.identities
    same &= gallery.identities != DISTRACTOR
    camera = query.cameras[:, None] == gallery.cameras
    if np.isinf(gap):
        return same, ~(same & camera)
    near = np.abs(query.times[:, None] - gallery.times) < gap
    # A crop is never compared with itself.
    itself = same & camera & (query.times[:, None] == gallery.times)
    return same, ~(camera & near) & ~itself


def average_precision(hits: BoolArray) -> float:
    """Return the average precision of a ranked list, at least one of which is a hit."""
    places = np.flatnonzero(hits) + 1
    return float(np.mean(np.arange(1, len(places) + 1) / places))


def _equal_error(counts: IntArray) -> tuple[float, float]:
    """Return threshold and error rate from counts by distance, of different and same people."""
    different, same = (np.cumsum(count) / max(count.sum(), 1) for count in counts)
    place = int(np.argmin(np.abs(different - (1 - same))))
    error_rate = (different[place] + 1 - same[place]) / 2
    return min(round((place + 1) * _BIN, 3), 2.0), float(error_rate)


def _unit(embeddings: Float32Array) -> Float32Array:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit: Float32Array = embeddings / np.maximum(lengths, 1e-12)
    return unit
