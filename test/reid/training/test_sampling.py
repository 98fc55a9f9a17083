"""Batches of P people with K crops, and augmentation."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.reid.training.sampling import augment, pk_batches


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(2, 9), min_size=2, max_size=12),
    st.integers(2, 6),
    st.integers(2, 5),
    st.integers(0, 2**32),
)
def test_batches(crops: list[int], people: int, each: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(crops)), crops))
    batches = list(pk_batches(labels, people, each, np.random.default_rng(seed)))
    seen = np.zeros(len(crops), bool)
    for rows in batches:
        chosen = labels[rows].reshape(-1, each)
        assert (chosen == chosen[:, :1]).all()
        assert len(set(chosen[:, 0].tolist())) == len(chosen) == min(people, len(crops))
        seen[chosen[:, 0]] = True
        # No crop of a person is repeated before all of that person were used.
        for group in rows.reshape(-1, each):
            counts = np.bincount(group, minlength=len(labels))[labels == labels[group[0]]]
            assert counts.max() - counts.min() <= 1
    assert seen.all()
    again = pk_batches(labels, people, each, np.random.default_rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_an_epoch_uses_about_every_crop_once() -> None:
    labels = np.repeat(np.arange(10), 40)
    used = sum(len(rows) for rows in pk_batches(labels, 5, 4, np.random.default_rng(0)))
    assert used == len(labels)


def test_augmentation() -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(1, 256, (200, 64, 32, 3), dtype=np.uint8)
    before = crops.copy()
    plain = augment(crops, 0.0, np.random.default_rng(1))
    erased = augment(crops, 0.5, np.random.default_rng(1))
    assert np.array_equal(crops, before)
    assert np.array_equal(plain, augment(crops, 0.0, np.random.default_rng(1)))
    # Shifted by at most 2 pixels of 64: the middle of a crop is in the result, mirrored or not.
    middle = plain[0, 10:50, 8:24]
    windows = [
        turned[top : top + 40, left : left + 16]
        for turned in (crops[0], crops[0, :, ::-1])
        for top in range(8, 13)
        for left in range(6, 11)
    ]
    assert any(np.array_equal(middle, window) for window in windows)
    mean = (erased == [104, 116, 124]).all(axis=3).mean(axis=(1, 2))
    assert 0.35 < np.mean(mean > 0.015) < 0.65
    assert mean.max() < 0.45
