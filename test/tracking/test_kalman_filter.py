"""The batched filter equals the full matrices and stays valid for extreme input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.tracking.kalman_filter import KalmanFilter
from strongsort_ros.tracking.measurement_noise import nsa_scale
from strongsort_ros.tracking.settings import TrackerSettings

from . import reference_kalman as reference

box = st.tuples(
    st.floats(-2000, 4000), st.floats(-2000, 4000), st.floats(0.1, 5), st.floats(5, 1500)
)
tracks_of_boxes = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(box, min_size=n, max_size=n), min_size=2, max_size=6)
)


@pytest.fixture(scope='module')
def kalman() -> KalmanFilter:
    return KalmanFilter(TrackerSettings())


@given(frames=tracks_of_boxes, score=st.floats(0, 1), nsa=st.booleans())
def test_equals_the_full_matrices(
    kalman: KalmanFilter, frames: list[list[tuple[float, ...]]], score: float, nsa: bool
) -> None:
    measured = np.array(frames)
    mean, covariance = kalman.initiate(measured[0])
    expected = [reference.initiate(z) for z in measured[0]]
    for z in measured[1:]:
        kalman.predict(mean, covariance)
        expected = [reference.predict(*state) for state in expected]
        gates = [[reference.gate(*state, one) for one in z] for state in expected]
        np.testing.assert_allclose(
            kalman.mahalanobis(mean, covariance, z), gates, rtol=1e-6, atol=1e-5
        )
        scores = np.full(len(z), score) if nsa else None
        kalman.update(mean, covariance, z, None if scores is None else nsa_scale(scores))
        shrink = 1 - score if nsa else 1.0
        expected = [reference.update(*s, one, shrink) for s, one in zip(expected, z, strict=True)]
        np.testing.assert_allclose(mean, [s[0] for s in expected], rtol=1e-8, atol=1e-6)
        for row, (_, p) in zip(covariance, expected, strict=True):
            np.testing.assert_allclose(reference.full(row), p, rtol=1e-6, atol=1e-6)


@given(boxes=st.lists(box, min_size=1, max_size=4), frames=st.integers(1, 40))
def test_one_prediction_over_a_gap_equals_one_per_frame(
    kalman: KalmanFilter, boxes: list[tuple[float, ...]], frames: int
) -> None:
    at_once = kalman.initiate(np.array(boxes))
    at_once[0][:, 4:6] = 3.0  # moves, at a constant height
    one_by_one = (at_once[0].copy(), at_once[1].copy())
    kalman.predict(*at_once, dt=float(frames))
    for _ in range(frames):
        kalman.predict(*one_by_one)
    np.testing.assert_allclose(at_once[0], one_by_one[0], rtol=1e-9)
    np.testing.assert_allclose(at_once[1], one_by_one[1], rtol=1e-9)


@given(
    boxes=st.lists(box, min_size=1, max_size=3),
    steps=st.lists(st.floats(0.1, 60), min_size=1, max_size=30),
)
def test_covariances_stay_positive(
    kalman: KalmanFilter, boxes: list[tuple[float, ...]], steps: list[float]
) -> None:
    z = np.array(boxes)
    mean, covariance = kalman.initiate(z)
    for index, dt in enumerate(steps):
        kalman.predict(mean, covariance, dt)
        if index % 2:
            kalman.update(mean, covariance, z, nsa_scale(np.full(len(z), 0.9)))
        for row in covariance:
            assert np.linalg.eigvalsh(reference.full(row)).min() > -1e-7 * row[:8].max()


def test_a_score_of_1_takes_the_measured_box(kalman: KalmanFilter) -> None:
    z = np.array([[100.0, 100, 0.5, 80]])
    mean, covariance = kalman.initiate(z)
    for _ in range(200):
        kalman.predict(mean, covariance)
        kalman.update(mean, covariance, z + 1, nsa_scale(np.ones(1)))
        np.testing.assert_allclose(mean[:, :4], z + 1)
    assert np.isfinite(covariance).all()


def test_gating_is_precise_far_from_the_origin(kalman: KalmanFilter) -> None:
    near = np.array([[50.0, 50, 0.5, 20]])
    far = near + np.array([9e5, 9e5, 0, 0])
    gates = []
    for z in (near, far):
        mean, covariance = kalman.initiate(z)
        kalman.predict(mean, covariance)
        gates.append(kalman.mahalanobis(mean, covariance, z + np.array([3, -2, 0.1, 1])))
    np.testing.assert_allclose(gates[1], gates[0], rtol=1e-6)


@given(boxes=st.lists(box, min_size=1, max_size=4), ratio=st.floats(0.05, 20))
def test_rescaled_time_keeps_motion_per_second(
    kalman: KalmanFilter, boxes: list[tuple[float, ...]], ratio: float
) -> None:
    mean, covariance = kalman.initiate(np.array(boxes))
    kalman.predict(mean, covariance)
    kalman.update(mean, covariance, np.array(boxes) + 3.0)
    expected = mean[:, :4] + ratio * mean[:, 4:]
    spread = covariance[:, :4] + 2 * ratio * covariance[:, 8:] + ratio**2 * covariance[:, 4:8]
    kalman.rescale_time(mean, covariance, ratio)
    np.testing.assert_allclose(mean[:, :4] + mean[:, 4:], expected)
    moved = covariance[:, :4] + 2 * covariance[:, 8:] + covariance[:, 4:8]
    np.testing.assert_allclose(moved, spread)


@pytest.mark.parametrize('place', [0, 1])
@pytest.mark.parametrize('height', [1.1e-6, 1e-5, 1e-3])
def test_a_sliver_does_not_change_other_distances(
    kalman: KalmanFilter, height: float, place: int
) -> None:
    """Its aspect was once the origin for all: distances of 0, 320 and 1280 came out equal."""
    people = np.array([[220.0, 350, 0.4, 100], [900, 350, 0.4, 90], [60, 80, 0.3, 30]])
    sliver = np.array([[9e5, -9e5, 1920 / height, height]])
    mean, covariance = kalman.initiate(people)
    alone = kalman.mahalanobis(mean, covariance, people + 1)
    boxes = np.concatenate([people[:place] + 1, sliver, people[place:] + 1])
    beside = kalman.mahalanobis(mean, covariance, boxes)
    np.testing.assert_allclose(np.delete(beside, place, axis=1), alone, rtol=1e-9)
    assert (beside[:, place] > 1e6).all()
    tracked = kalman.initiate(np.concatenate([sliver, people]))
    beside = kalman.mahalanobis(*tracked, people + 1)
    np.testing.assert_allclose(beside[1:], alone, rtol=1e-9)
    assert (beside[0] > 1e6).all()


def test_no_tracks_or_no_boxes(kalman: KalmanFilter) -> None:
    mean, covariance = kalman.initiate(np.array([[50.0, 50, 0.5, 20]]))
    assert kalman.mahalanobis(mean, covariance, mean[:0, :4]).shape == (1, 0)
    assert kalman.mahalanobis(mean[:0], covariance[:0], mean[:, :4]).shape == (0, 1)
