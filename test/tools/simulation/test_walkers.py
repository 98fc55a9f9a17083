"""The simulated crowd: ground truth, and a detector with the configured errors."""

from __future__ import annotations

import itertools

import numpy as np

from tools.simulation.walkers import Walkers, WalkerSettings, visibility


def test_same_seed_gives_the_same_crowd() -> None:
    for a, b in itertools.islice(zip(Walkers(), Walkers(), strict=True), 30):
        np.testing.assert_array_equal(a.tlwh, b.tlwh)
        np.testing.assert_array_equal(a.detections.embeddings, b.detections.embeddings)
    other = next(iter(Walkers(WalkerSettings(seed=1))))
    assert not np.array_equal(other.tlwh, a.tlwh)


def test_people_enter_leave_and_cross() -> None:
    frames = list(itertools.islice(Walkers(WalkerSettings(people=10, dimension=0)), 900))
    assert all(len(set(f.ids.tolist())) == 10 for f in frames)
    assert frames[-1].ids.max() > 20
    assert min(f.visibility.min() for f in frames) < 0.2
    assert frames[0].detections.embeddings is None


def test_detector_without_errors_finds_all_visible_people() -> None:
    settings = WalkerSettings(miss_rate=0.0, false_alarms=0.0, people=15)
    for frame in itertools.islice(Walkers(settings), 50):
        assert len(frame.detections) == np.count_nonzero(frame.visibility > 0.3)


def test_visibility_counts_nearer_boxes_only() -> None:
    tlwh = np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [100, 0, 10, 10]])
    np.testing.assert_allclose(visibility(tlwh), [0.5, 1, 1])
