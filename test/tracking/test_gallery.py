"""Gallery: averages, last embeddings, slots and memory."""

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


def test_normalise_marks_unusable_rows() -> None:
    rows = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1]], dtype=np.float32)
    unit_rows, usable = normalise(rows)
    assert usable is not None
    assert usable.tolist() == [True, False, False, False]
    np.testing.assert_allclose(unit_rows, [[0.6, 0.8], [0, 0], [0, 0], [0, 0]])
    assert normalise(rows[:1])[1] is None


def test_the_average_is_that_of_the_paper(rng: np.random.Generator) -> None:
    gallery = Gallery(EMA)
    gallery.forget(16)
    slots = gallery.allocate(2)
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


def test_the_nearest_of_the_last_embeddings_counts(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    first, second = gallery.allocate(2)
    seen = unit(rng, 5, 8)
    for embedding in seen:
        gallery.add(np.array([first]), embedding[None])
    gallery.add(np.array([second]), seen[:1])
    first, second = similarity(gallery, np.array([first, second]), seen)
    np.testing.assert_allclose(first[2:], 1, atol=1e-6)
    np.testing.assert_allclose(first[:2], (seen[2:] @ seen[:2].T).max(axis=0), atol=1e-6)
    np.testing.assert_allclose(second, seen @ seen[0], atol=1e-6)


def test_a_slot_allocated_again_is_empty(rng: np.random.Generator) -> None:
    for settings in (EMA, LAST):
        gallery = Gallery(settings)
        gallery.forget(8)
        slot = gallery.allocate(1)
        gallery.add(slot, unit(rng, 1, 8))
        gallery.release(slot)
        assert gallery.allocate(1) == slot
        assert not gallery.known(slot).any()
        fresh = unit(rng, 1, 8)
        gallery.add(slot, fresh)
        np.testing.assert_allclose(similarity(gallery, slot, fresh), 1, atol=1e-6)


def test_growing_keeps_embeddings(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    slots = gallery.allocate(4)
    seen = unit(rng, 4, 8)
    gallery.add(slots, seen)
    more = gallery.allocate(500)
    assert not set(more.tolist()) & set(slots.tolist())
    np.testing.assert_allclose(np.diag(similarity(gallery, slots, seen)), 1, atol=1e-6)


def test_similarity_depends_on_the_last_embeddings_only(rng: np.random.Generator) -> None:
    """Slots are allocated, filled at different rates and released, which moves others in a pool."""
    for settings in (EMA, *(LAST.replace(nn_budget=budget) for budget in (1, 2, 5, 8))):
        gallery = Gallery(settings)
        gallery.forget(4)
        kept: dict[int, list[np.ndarray]] = {}
        for _ in range(60):
            kept |= {slot: [] for slot in gallery.allocate(rng.integers(4)).tolist()}
            seen = np.array([slot for slot in kept if rng.random() < 0.6], dtype=np.int64)
            embeddings = unit(rng, len(seen), 4)
            gallery.add(seen, embeddings)
            for slot, embedding in zip(seen.tolist(), embeddings, strict=True):
                kept[slot] = [*kept[slot], embedding][-gallery.budget :]
                if settings.ema and gallery.known(np.array([slot])):
                    kept[slot] = [similarity_of_axes(gallery, slot)]
            gone = np.array([slot for slot in kept if rng.random() < 0.1], dtype=np.int64)
            gallery.release(gone)
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
    """Return the only embedding in a slot."""
    return similarity(gallery, np.array([slot]), np.eye(4, dtype=np.float32))[0]


def held_bytes(gallery: Gallery) -> int:
    return sum(shelf.rows.nbytes for shelf in gallery._pools)


def test_memory_is_proportional_to_the_embeddings(rng: np.random.Generator) -> None:
    """A long track and then a crowd once took 8 GiB: a full-length slot for everyone."""
    gallery = Gallery(TrackerSettings.deepsort().replace(nn_budget=1000))
    gallery.forget(8)
    old = gallery.allocate(1)
    for embedding in unit(rng, 1000, 1, 8):
        gallery.add(old, embedding)
    crowd = gallery.allocate(4000)
    gallery.add(crowd, unit(rng, 4000, 8))
    assert held_bytes(gallery) < 4 * (1000 + 4000) * 8 * 4
    gallery.release(crowd)
    assert held_bytes(gallery) < 4 * 1000 * 8 * 4 + 10_000 * 8
    gallery.release(old)
    assert held_bytes(gallery) < 20_000 * 8


def test_embeddings_stay_while_other_slots_come_and_go(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST)
    gallery.forget(8)
    asked = unit(rng, 6, 8)
    keeper = gallery.allocate(1)
    gallery.add(keeper, asked[:1])
    for _ in range(5):
        others = gallery.allocate(30)
        gallery.add(others, unit(rng, 30, 8))
        gallery.release(others)
    np.testing.assert_allclose(similarity(gallery, keeper, asked)[0], asked @ asked[0], atol=1e-6)
    assert len(gallery.cosine_similarity(keeper[:0], keeper[:0], asked)) == 0


def test_full_slots_leave_nothing_in_smaller_pools(rng: np.random.Generator) -> None:
    gallery = Gallery(LAST.replace(nn_budget=8))
    gallery.forget(8)
    for _ in range(20):
        slots = gallery.allocate(10)
        for _ in range(6):
            gallery.add(slots, unit(rng, 10, 8))
        gallery.release(slots)
    assert held_bytes(gallery) == 0
