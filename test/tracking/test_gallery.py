"""Embeddings are kept, averaged, forgotten; and never one track's for another's."""

from __future__ import annotations

import numpy as np
import pytest

from strongsort_ros.tracking.gallery import Gallery, normalise
from strongsort_ros.tracking.settings import TrackerSettings

EMA = TrackerSettings.strongsort()
LAST = TrackerSettings.deepsort().replace(nn_budget=3)


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    flat = rng.standard_normal(shape, dtype=np.float32).reshape(-1, shape[-1])
    return normalise(flat)[0].reshape(shape)


def similarity(gallery: Gallery, slots: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """Return (S, M) of all pairs."""
    slots = np.atleast_1d(slots)
    rows, columns = np.indices((len(slots), len(embeddings))).reshape(2, -1)
    return gallery.cosine_similarity(slots[rows], columns, embeddings).reshape(len(slots), -1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_normalise_says_which_rows_mean_nothing() -> None:
    rows = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1]], dtype=np.float32)
    unit_rows, usable = normalise(rows)
    assert usable is not None
    assert usable.tolist() == [True, False, False, False]
    np.testing.assert_allclose(unit_rows, [[0.6, 0.8], [0, 0], [0, 0], [0, 0]])
    assert normalise(rows[:1])[1] is None


def test_the_average_is_that_of_the_paper(rng: np.random.Generator) -> None:
    gallery = Gallery(EMA)
    gallery.forget(16)
    slots = gallery.take(2)
    seen = unit(rng, 5, 2, 16)
    expected = seen[0]
    gallery.add(slots, seen[0])
    for frame in seen[1:]:
        gallery.add(slots, frame)
        expected = 0.9 * expected + 0.1 * frame
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(
        similarity(gallery, slots, seen[-1]), expected @ seen[-1].T, atol=1e-6
    )


def test_the_last_few_are_kept_and_the_nearest_counts(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    first, second = gallery.take(2)
    seen = unit(rng, 5, 8)
    for embedding in seen:
        gallery.add(np.array([first]), embedding[None])
    gallery.add(np.array([second]), seen[:1])
    first, second = similarity(gallery, np.array([first, second]), seen)
    np.testing.assert_allclose(first[2:], 1, atol=1e-6)
    np.testing.assert_allclose(first[:2], (seen[2:] @ seen[:2].T).max(axis=0), atol=1e-6)
    np.testing.assert_allclose(second, seen @ seen[0], atol=1e-6)


def test_a_slot_taken_again_remembers_nothing(rng: np.random.Generator) -> None:
    for settings in (EMA, LAST):
        gallery = Gallery(settings)
        gallery.forget(8)
        slot = gallery.take(1)
        gallery.add(slot, unit(rng, 1, 8))
        gallery.give_back(slot)
        assert gallery.take(1) == slot
        assert not gallery.known(slot).any()
        fresh = unit(rng, 1, 8)
        gallery.add(slot, fresh)
        np.testing.assert_allclose(similarity(gallery, slot, fresh), 1, atol=1e-6)


def test_growing_keeps_what_is_there(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    slots = gallery.take(4)
    seen = unit(rng, 4, 8)
    gallery.add(slots, seen)
    more = gallery.take(500)
    assert not set(more.tolist()) & set(slots.tolist())
    np.testing.assert_allclose(np.diag(similarity(gallery, slots, seen)), 1, atol=1e-6)


def test_a_crowd_is_compared_in_steps(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    slots = gallery.take(9)
    for _ in range(3):
        gallery.add(slots, unit(rng, 9, 8))
    seen = unit(rng, 7, 8)
    at_once = similarity(gallery, slots, seen)
    monkeypatch.setattr('strongsort_ros.tracking.gallery._LARGEST_TABLE', 100)
    np.testing.assert_array_equal(similarity(gallery, slots, seen), at_once)
    assert len(gallery.cosine_similarity(slots[:0], slots[:0], seen)) == 0
