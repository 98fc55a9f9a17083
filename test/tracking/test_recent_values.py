"""The last values of a stream, sorted again after enough new ones."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.recent_values import RecentValues


def test_sorts_after_enough_new_values() -> None:
    recent = RecentValues(enough=3)
    recent.add(np.array([5.0, 1.0]))
    assert len(recent.ascending()) == 0
    recent.add(np.array([3.0]))
    assert recent.ascending().tolist() == [1.0, 3.0, 5.0]
    recent.add(np.array([2.0, 0.0]))
    assert recent.ascending().tolist() == [1.0, 3.0, 5.0]
    recent.add(np.array([4.0]))
    assert recent.ascending().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_keeps_the_last_500() -> None:
    recent = RecentValues(enough=1)
    recent.add(np.arange(400.0))
    recent.add(np.arange(1000.0, 1300.0))
    values = recent.ascending()
    assert len(values) == 500
    assert values[0] == 200.0
    assert values[-1] == 1299.0
