"""The learnt noise follows the jitter of the boxes, within its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.measurement_noise import AdaptiveNoise, nsa_scale
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker

innovation = arrays(np.float64, (5, 4), elements=st.floats(-1e3, 1e3))


def test_nsa_is_the_papers() -> None:
    scale = nsa_scale(np.array([0.0, 0.5, 1.0, 1.5]))
    np.testing.assert_allclose(scale[:, 0], [1.0, 0.25, 0.0, 1.0])


@pytest.mark.parametrize(('sign', 'grows'), [(-1.0, True), (1.0, False)])
def test_alternating_innovations_raise_the_noise_and_steady_ones_lower_it(
    sign: float, grows: bool
) -> None:
    noise = AdaptiveNoise()
    start = noise.scale.copy()
    nu = np.full((9, 4), 0.1)
    noise.learn(nu, sign * nu, np.ones(9, dtype=bool))
    # sqrt(9) tracks, a correlation of 1 and a rate of 0.1.
    expected = start * np.exp(0.3 if grows else -0.3)
    expected = np.maximum(expected, [0.3, 0.3, 0.05, 1.0])  # the bounds
    np.testing.assert_allclose(noise.scale, expected)


def test_tracks_without_a_previous_innovation_do_not_count() -> None:
    noise, other = AdaptiveNoise(), AdaptiveNoise()
    nu = np.full((2, 4), 0.1)
    noise.learn(nu, -nu, np.array([True, False]))
    other.learn(nu[:1], -nu[:1], np.array([True]))
    np.testing.assert_array_equal(noise.scale, other.scale)
    before = noise.scale.copy()
    noise.learn(nu, -nu, np.zeros(2, dtype=bool))
    np.testing.assert_array_equal(noise.scale, before)


@given(
    st.lists(st.tuples(innovation, innovation), max_size=30), st.lists(st.floats(0, 1), max_size=9)
)
def test_scales_stay_in_their_bounds(
    frames: list[tuple[np.ndarray, np.ndarray]], scores: list[float]
) -> None:
    noise = AdaptiveNoise()
    np.testing.assert_array_equal(noise.scale, [0.3, 0.3, 0.3, 1.0])
    for now, before in frames:
        noise.learn(now, before, np.ones(5, dtype=bool))
        noise.add_scores(np.array(scores))
    assert (noise.scale >= [0.3, 0.3, 0.05, 1.0]).all()
    assert (noise.scale <= 2.0).all()
    scale = noise.variance_scale(np.array(scores))
    assert scale.shape == (len(scores), 4)
    assert ((scale > 0) & np.isfinite(scale)).all()


def test_scores_count_relative_to_each_other() -> None:
    """A detector that is always sure is not believed more than one that never is."""
    sure, unsure = AdaptiveNoise(), AdaptiveNoise()
    sure.add_scores(np.full(10, 0.99))
    unsure.add_scores(np.full(10, 0.7))
    np.testing.assert_allclose(
        sure.variance_scale(np.array([0.99])), unsure.variance_scale(np.array([0.7]))
    )
    low, high = unsure.variance_scale(np.array([0.6, 0.95]))
    assert (low > high).all()


@pytest.mark.parametrize(('jitter', 'grows'), [(0.0, False), (12.0, True)])
def test_a_tracker_learns_the_jitter_of_its_detector(jitter: float, grows: bool) -> None:
    rng = np.random.default_rng(3)
    tracker = Tracker(TrackerSettings())
    starts = np.column_stack([np.arange(8) * 200.0, np.full(8, 100.0)])
    for frame in range(150):
        # Without jitter: slow turns, which a filter with too much noise lags behind.
        shift = 40 * np.sin(frame / 6 + np.arange(8))[:, None]
        corners = starts + shift + rng.normal(0, jitter, (8, 2)) if jitter else starts + shift
        tlwh = np.column_stack([corners, np.full(8, 50.0), np.full(8, 120.0)])
        tracker.update(Detections(tlwh, np.full(8, 0.9), ['person'] * 8))
    assert (tracker._noise.scale[:2] > 0.4).all() == grows


def test_a_match_after_a_gap_counts() -> None:
    """A box that was too far to the right is followed by one to the left of the prediction."""
    tracker = Tracker(TrackerSettings())
    for left in (*[100.0] * 5, 106.0):
        tracker.update(Detections([[left, 100, 50, 120]], [0.9], ['person']))
    before = tracker._noise.scale[0]
    for _ in range(3):
        tracker.update(Detections.empty())
    tracker.update(Detections([[100, 100, 50, 120]], [0.9], ['person']))
    assert tracker._noise.scale[0] > before
