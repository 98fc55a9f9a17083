"""RTS smoother: the textbook's recursions with full matrices, and tracks that stay apart."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.errors import InputError
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.gsi import gsi
from strongsort_ros.refinement.rts import MEASUREMENT, START_VELOCITY, rts
from strongsort_ros.refinement.settings import GsiSettings, RtsSettings
from strongsort_ros.refinement.tracks import RefinementSteps, apply_steps
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from test.refinement.test_gsi import assert_independent, joined, rows

FIXED = RtsSettings(acceleration=0.005)
HEIGHT = 150.0


def to_cxcywh(tlwh: np.ndarray) -> np.ndarray:
    return np.concatenate([tlwh[:, :2] + tlwh[:, 2:] / 2, tlwh[:, 2:]], axis=1)


def textbook(frames: np.ndarray, tlwh: np.ndarray, acceleration: float) -> np.ndarray:
    """Return the boxes in every frame by a Kalman filter and a backward pass on 8x8 matrices.

    Frames without a box are predicted. The first box alone determines the first position.
    """
    given = dict(zip(frames.tolist(), to_cxcywh(tlwh), strict=True))
    eye, zero = np.eye(4), np.zeros((4, 4))
    f = np.block([[eye, eye], [zero, eye]])
    h = np.block([eye, zero])
    q = (acceleration * HEIGHT) ** 2 * np.block([[eye / 3, eye / 2], [eye / 2, eye]])
    r = (MEASUREMENT * HEIGHT) ** 2 * eye
    x = np.concatenate([given[frames[0]], np.zeros(4)])
    p = np.block([[r, zero], [zero, (START_VELOCITY * HEIGHT) ** 2 * eye]])
    filtered, predicted = [(x, p)], []
    for frame in range(int(frames[0]) + 1, int(frames[-1]) + 1):
        x, p = f @ x, f @ p @ f.T + q
        predicted.append((x, p))
        if frame in given:
            gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
            x, p = x + gain @ (given[frame] - h @ x), p - gain @ h @ p
        filtered.append((x, p))
    smooth = [filtered[-1][0]]
    for (x, p), (ahead, covariance) in zip(filtered[-2::-1], predicted[::-1], strict=True):
        gain = p @ f.T @ np.linalg.inv(covariance)
        smooth.append(x + gain @ (smooth[-1] - ahead))
    boxes = np.array(smooth[::-1])[:, :4]
    boxes[:, :2] -= boxes[:, 2:] / 2
    return boxes


gapped = st.lists(st.integers(1, 20), min_size=0, max_size=60)


@settings(max_examples=60, deadline=None)
@given(gapped, st.floats(0.001, 0.1), st.integers(0, 99))
def test_boxes_are_those_of_the_textbook(steps: list[int], noise: float, seed: int) -> None:
    """Also in gaps, and although neither the recursions nor the height appear in the program."""
    track = rows(np.cumsum([7, *steps]), seed=seed)
    smoothed = rts(track, RtsSettings(acceleration=noise))
    frames = smoothed.tracks.frames
    np.testing.assert_array_equal(frames, np.arange(frames[0], frames[-1] + 1))
    expected = textbook(track.frames, track.tlwh, noise)
    np.testing.assert_allclose(smoothed.tracks.tlwh, expected, rtol=0, atol=1e-5)


frame_sets = st.sets(st.integers(0, 150), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(frame_sets, min_size=1, max_size=4), st.sampled_from(['auto', 0.01]), st.randoms())
def test_tracks_are_independent_of_each_other(
    sets: list[set[int]], acceleration: Any, random: Any
) -> None:
    options = RtsSettings(acceleration=acceleration)
    assert_independent(sets, random, lambda tracks: rts(tracks, options), atol=1e-9)


states = st.lists(st.sampled_from([TENTATIVE, CONFIRMED, LOST]), min_size=1, max_size=40)


@settings(max_examples=80, deadline=None)
@given(st.lists(states, min_size=1, max_size=3), st.integers(0, 9))
def test_predicted_boxes_are_not_used(lists: list[list[int]], seed: int) -> None:
    """Boxes are those of the measured rows alone, of tracks that are confirmed at some time."""
    tracks = [
        rows(np.arange(len(one)), track, seed + track, jitter=30.0)
        for track, one in enumerate(lists)
    ]
    crowd = joined(*tracks)
    crowd = TrackRows(
        crowd.frames, crowd.ids, crowd.tlwh, crowd.scores, crowd.class_ids,
        np.concatenate([np.array(one) for one in lists]),
    )  # fmt: skip
    used = [
        row
        for row, (track, state) in enumerate(zip(crowd.ids, crowd.states, strict=True))
        if state != LOST and any(other != TENTATIVE for other in lists[track])
    ]
    measured = crowd.select(np.array(used, dtype=np.int64))
    expected = rts(measured)
    refined = apply_steps(crowd, RefinementSteps(rts=RtsSettings()))
    np.testing.assert_array_equal(refined.tracks.ids, expected.tracks.ids)
    np.testing.assert_array_equal(refined.tracks.tlwh, expected.tracks.tlwh)
    new = expected.interpolated
    np.testing.assert_array_equal(refined.source < 0, new)
    np.testing.assert_array_equal(
        refined.source[~new], np.array(used)[expected.source[~new]] if used else []
    )


def test_gsi_uses_the_reported_boxes() -> None:
    """Those of tentative tracks are left out, as they are of a file of tracks."""
    track = rows(np.arange(30))
    states = np.where(np.arange(30) < 3, TENTATIVE, np.where(np.arange(30) == 20, LOST, CONFIRMED))
    known = TrackRows(track.frames, track.ids, track.tlwh, track.scores, track.class_ids, states)
    refined = apply_steps(known, RefinementSteps(gsi=GsiSettings())).tracks
    np.testing.assert_array_equal(refined.tlwh, gsi(track.select(slice(3, None))).tracks.tlwh)


@pytest.mark.parametrize(('apart', 'filled'), [(20, True), (21, False)])
def test_gaps_up_to_the_largest_are_filled(apart: int, filled: bool) -> None:
    frames = np.array([1, 2, 3, 3 + apart, 4 + apart])
    smoothed = rts(rows(frames))
    expected = np.arange(1, 5 + apart) if filled else frames
    np.testing.assert_array_equal(smoothed.tracks.frames, expected)


def test_both_sides_of_a_long_gap_are_smoothed_apart() -> None:
    track = rows(np.concatenate([np.arange(50), np.arange(80, 130)]))
    smoothed = rts(track).tracks.tlwh
    np.testing.assert_allclose(smoothed[:50], rts(track.select(slice(50))).tracks.tlwh, atol=1e-9)
    np.testing.assert_allclose(
        smoothed[50:], rts(track.select(slice(50, 100))).tracks.tlwh, atol=1e-9
    )


def test_noise_is_removed() -> None:
    frames = np.arange(300)
    truth = rows(frames, jitter=0.0).tlwh
    smoothed = rts(rows(frames)).tracks.tlwh
    assert np.std(smoothed - truth) < 0.6 * 3.0


def test_a_track_that_turns_quickly_is_followed() -> None:
    """With a fixed acceleration the smoother cuts the turns; auto takes a larger one."""
    frames = np.arange(200)
    track = rows(frames, jitter=0.5)
    track.tlwh[:, 0] += 100 * np.sin(frames / 4)
    truth = rows(frames, jitter=0.0).tlwh
    truth[:, 0] += 100 * np.sin(frames / 4)
    errors = [
        np.std(rts(track, options).tracks.tlwh[:, 0] - truth[:, 0])
        for options in (FIXED, RtsSettings())
    ]
    assert errors[1] < 0.2 * errors[0]
    assert errors[1] < 0.02 * HEIGHT


def test_a_track_of_noise_is_smoothed_as_much_as_possible() -> None:
    track = rows(np.arange(200))
    np.testing.assert_array_equal(rts(track).tracks.tlwh, rts(track, FIXED).tracks.tlwh)


def test_sizes_are_never_negative() -> None:
    track = rows(np.arange(60), jitter=0.0)
    track.tlwh[:, 2:] = 0.0
    track.tlwh[20:26, 2:] = 400.0
    smoothed = rts(track).tracks.tlwh
    assert smoothed[:, 2:].min() == 0.0


@pytest.mark.parametrize('count', [1, 2])
def test_shortest_tracks(count: int) -> None:
    track = rows(np.arange(count), jitter=0.0)
    np.testing.assert_allclose(rts(track).tracks.tlwh, track.tlwh, atol=3.0)


def test_no_tracks_give_no_tracks() -> None:
    assert len(rts(TrackRows.empty()).tracks) == 0


def test_a_repeated_id_is_refused() -> None:
    track = rows(np.array([1, 2, 2]))
    with pytest.raises(InputError, match='frame 2: id 1 occurs twice'):
        rts(track)


def test_time_is_linear_in_the_rows() -> None:
    """Of one track, as of many: ten times the rows take at most about ten times as long."""

    def seconds(count: int) -> float:
        track = rows(np.arange(count))
        spent = []
        for _ in range(3):
            start = time.process_time()
            rts(track)
            spent.append(time.process_time() - start)
        return min(spent)

    assert seconds(200_000) < 30 * seconds(20_000)


@pytest.mark.parametrize(
    ('name', 'value'), [('max_gap', 0), ('acceleration', 0.0), ('acceleration', 'none')]
)
def test_settings_are_checked(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'{name}: '):
        RtsSettings().replace(**{name: value})


def test_gsi_and_rts_exclude_each_other() -> None:
    with pytest.raises(InputError, match='gsi and smooth: both fill gaps and smooth boxes'):
        RefinementSteps(gsi=GsiSettings(), rts=RtsSettings())
