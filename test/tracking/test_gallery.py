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


def test_any_history_gives_what_the_last_embeddings_give(rng: np.random.Generator) -> None:
    """Slots come, fill at their own pace and go, moving others on their shelves."""
    for settings in (EMA, *(LAST.replace(nn_budget=budget) for budget in (1, 2, 5, 8))):
        gallery = Gallery(settings)
        gallery.forget(4)
        kept: dict[int, list[np.ndarray]] = {}
        for _ in range(60):
            kept |= {slot: [] for slot in gallery.take(rng.integers(4)).tolist()}
            seen = np.array([slot for slot in kept if rng.random() < 0.6], dtype=np.int64)
            embeddings = unit(rng, len(seen), 4)
            gallery.add(seen, embeddings)
            for slot, embedding in zip(seen.tolist(), embeddings, strict=True):
                kept[slot] = [*kept[slot], embedding][-gallery.budget :]
                if settings.ema and gallery.known(np.array([slot])):
                    kept[slot] = [similarity_of_axes(gallery, slot)]
            gone = np.array([slot for slot in kept if rng.random() < 0.1], dtype=np.int64)
            gallery.give_back(gone)
            for slot in gone.tolist():
                del kept[slot]
            known = [slot for slot, embeddings in kept.items() if embeddings]
            assert gallery.known(np.array(list(kept), dtype=np.int64)).sum() == len(known)
            asked = unit(rng, 5, 4)
            if known:
                expected = [(np.array(kept[slot]) @ asked.T).max(axis=0) for slot in known]
                found = similarity(gallery, np.array(known), asked)
                np.testing.assert_allclose(found, expected, atol=1e-6)


def similarity_of_axes(gallery: Gallery, slot: int) -> np.ndarray:
    """Return the one embedding in a slot."""
    return similarity(gallery, np.array([slot]), np.eye(4, dtype=np.float32))[0]


def held_bytes(gallery: Gallery) -> int:
    return sum(shelf.rows.nbytes for shelf in gallery._shelves)


def test_memory_follows_the_embeddings_that_are_held(rng: np.random.Generator) -> None:
    """An old track beside a crowd once took as many places as both: 8 GiB from one frame."""
    gallery = Gallery(TrackerSettings.deepsort().replace(nn_budget=1000))
    gallery.forget(8)
    old = gallery.take(1)
    for embedding in unit(rng, 1000, 1, 8):
        gallery.add(old, embedding)
    crowd = gallery.take(4000)
    gallery.add(crowd, unit(rng, 4000, 8))
    assert held_bytes(gallery) < 4 * (1000 + 4000) * 8 * 4
    gallery.give_back(crowd)
    assert held_bytes(gallery) < 4 * 1000 * 8 * 4 + 10_000 * 8
    gallery.give_back(old)
    assert held_bytes(gallery) < 20_000 * 8


def test_a_track_keeps_its_embeddings_while_others_come_and_go(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    asked = unit(rng, 6, 8)
    keeper = gallery.take(1)
    gallery.add(keeper, asked[:1])
    for _ in range(5):
        others = gallery.take(30)
        gallery.add(others, unit(rng, 30, 8))
        gallery.give_back(others)
    np.testing.assert_allclose(similarity(gallery, keeper, asked)[0], asked @ asked[0], atol=1e-6)
    assert len(gallery.cosine_similarity(keeper[:0], keeper[:0], asked)) == 0


def test_slots_that_fill_leave_nothing_on_the_shelves_before(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST.replace(nn_budget=8))
    gallery.forget(8)
    for _ in range(20):
        slots = gallery.take(10)
        for _ in range(6):
            gallery.add(slots, unit(rng, 10, 8))
        gallery.give_back(slots)
    assert held_bytes(gallery) == 0
