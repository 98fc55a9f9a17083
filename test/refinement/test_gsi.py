"""Filled gaps; GSI: boxes of the published program, and the extensions of this package."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.gsi import FilledTracks, fill_gaps, gsi, length_scale
from strongsort_ros.refinement.settings import GsiSettings

SEQUENCES = ('MOT17-02-FRCNN', 'MOT17-04-FRCNN', 'MOT17-05-FRCNN', 'MOT17-09-FRCNN')


def rows(frames: np.ndarray, track: int = 1, seed: int = 0, jitter: float = 3.0) -> TrackRows:
    """Return a track that moves back and forth, with noise on its boxes."""
    random = np.random.default_rng(seed)
    t = frames[:, None] / np.array([90.0, 130.0, 170.0, 210.0])
    tlwh = np.array([900.0, 500.0, 60.0, 150.0]) + np.array([400.0, 90.0, 20.0, 40.0]) * np.sin(t)
    tlwh += random.normal(size=tlwh.shape) * jitter
    count = len(frames)
    ids, scores = np.full(count, track), random.uniform(0.6, 1.0, count)
    return TrackRows(frames, ids, tlwh, scores, np.full(count, 'person'))


def joined(*tracks: TrackRows) -> TrackRows:
    return TrackRows(
        *(
            np.concatenate([getattr(track, name) for track in tracks])
            for name in ('frames', 'ids', 'tlwh', 'scores', 'class_ids')
        )
    )


def of(tracks: TrackRows, track: int) -> TrackRows:
    return tracks.select(tracks.ids == track)


def dense(tracks: TrackRows, length: float) -> np.ndarray:
    """Return the result with the full n x n covariance matrix."""
    apart = (tracks.frames[:, None] - tracks.frames[None]) / length
    covariance = np.exp(-0.5 * apart**2)
    noisy = covariance + 1e-10 * np.eye(len(tracks))
    return covariance @ np.linalg.solve(noisy, tracks.tlwh)


@pytest.mark.parametrize('sequence', SEQUENCES)
@pytest.mark.parametrize('name', ['strongsort', 'strongsort_aflink'])
def test_published_boxes(data_dir: Path, name: str, sequence: str) -> None:
    """The same rows, and boxes that agree to the two decimals of the file."""
    before = load_tracks(data_dir / 'golden' / name / f'{sequence}.txt')
    golden = load_tracks(data_dir / 'golden' / f'{name}_gsi' / f'{sequence}.txt')
    filled = gsi(before)
    np.testing.assert_array_equal(filled.tracks.frames, golden.frames)
    np.testing.assert_array_equal(filled.tracks.ids, golden.ids)
    np.testing.assert_allclose(filled.tracks.tlwh, golden.tlwh, rtol=0, atol=0.01)
    assert filled.interpolated.sum() == len(golden) - len(before)


@pytest.mark.parametrize(
    ('count', 'expected'),
    [(1, 69.0776), (100, 23.0259), (951, 0.5024), (990, 0.1005), (1000, 0.1), (100_000, 0.1)],
)
def test_published_length_scale(count: int, expected: float) -> None:
    assert length_scale(count, GsiSettings()) == pytest.approx(expected, rel=1e-4)


def test_long_tracks_are_as_published_not_smoothed() -> None:
    track = rows(np.arange(1000))
    np.testing.assert_allclose(gsi(track).tracks.tlwh, track.tlwh, rtol=0, atol=1e-6)
    shorter = track.select(slice(0, 500))
    assert np.abs(gsi(shorter).tracks.tlwh - shorter.tlwh).max() > 0.01


@pytest.mark.parametrize('count', [1, 2, 3, 50, 400, 940])
def test_the_band_gives_the_result_of_the_full_matrix(count: int) -> None:
    track = rows(np.arange(count) * 30 // 29)
    smoothed = gsi(track).tracks
    expected = dense(smoothed_input(track), length_scale(len(smoothed), GsiSettings()))
    np.testing.assert_allclose(smoothed.tlwh, expected, rtol=0, atol=0.005)


def smoothed_input(track: TrackRows) -> TrackRows:
    """Return the track with its gaps filled by np.interp."""
    frames = np.arange(track.frames[0], track.frames[-1] + 1)
    boxes = [np.interp(frames, track.frames, column) for column in track.tlwh.T]
    scores = np.interp(frames, track.frames, track.scores)
    ids, classes = np.ones(len(frames), dtype=int), np.full(len(frames), 'person')
    return TrackRows(frames, ids, np.column_stack(boxes), scores, classes)


def test_long_rows_has_no_seams() -> None:
    """A long track with pauses is smoothed as with the full covariance matrix."""
    frames = np.arange(3000) + np.repeat([0, 25, 700], 1000)
    track = rows(frames)
    smoothed = gsi(track, GsiSettings(long_rows=100)).tracks
    expected = dense(track, 10 * np.log(10))
    np.testing.assert_allclose(smoothed.tlwh, expected, rtol=0, atol=0.01)
    truth = rows(frames, jitter=0.0).tlwh
    assert np.std(smoothed.tlwh - truth) < 0.7 * np.std(track.tlwh - truth)


def test_long_rows_leaves_short_tracks_alone() -> None:
    track = rows(np.arange(100))
    as_published = gsi(track).tracks.tlwh
    np.testing.assert_array_equal(gsi(track, GsiSettings(long_rows=100)).tracks.tlwh, as_published)


def test_memory_grows_with_the_rows() -> None:
    def peak(count: int) -> int:
        track = rows(np.arange(count))
        tracemalloc.start()
        gsi(track, GsiSettings(long_rows=300))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(100_000) < 10.5 * peak(10_000)


def test_noise_trusts_scores() -> None:
    """An outlier with a low score affects the track less than one with a high score."""

    def pulled(score: float) -> float:
        track = rows(np.arange(200), jitter=0.0)
        track.tlwh[100, 0] += 40
        track.scores[:] = 1.0
        track.scores[100] = score
        smoothed = gsi(track, GsiSettings(noise=2.0)).tracks.tlwh
        return float(smoothed[100, 0] - rows(np.arange(200), jitter=0.0).tlwh[100, 0])

    assert 0 < pulled(0.2) < 0.5 * pulled(1.0)
    assert pulled(1.0) < 20


def test_noise_is_removed() -> None:
    frames = np.arange(300)
    truth = rows(frames, jitter=0.0).tlwh
    smoothed = gsi(rows(frames), GsiSettings(noise=3.0)).tracks.tlwh
    assert np.std(smoothed - truth) < 0.5 * 3.0


@pytest.mark.parametrize('noise', [0.0, 2.0])
def test_sizes_are_never_negative(noise: float) -> None:
    """Smoothing of a nearly vanishing box does not give negative sizes."""
    track = rows(np.arange(60), jitter=0.0)
    track.tlwh[:, 2:] = 0.0
    track.tlwh[30, 2:] = 200.0
    assert gsi(track, GsiSettings(noise=noise)).tracks.tlwh[:, 2:].min() == 0.0


def test_the_smallest_noise() -> None:
    """The squared noise underflows, and a single box has no variance."""
    track = rows(np.array([5]))
    smoothed = gsi(track, GsiSettings(noise=5e-324)).tracks.tlwh
    np.testing.assert_allclose(smoothed, track.tlwh, rtol=0, atol=1e-6)


def test_no_tracks_give_no_tracks() -> None:
    filled = gsi(TrackRows.empty())
    assert len(filled.tracks) == filled.interpolated.sum() == 0


frame_sets = st.sets(st.integers(0, 150), min_size=1, max_size=60)


def assert_independent(
    sets: list[set[int]],
    random: Any,
    refine: Callable[[TrackRows], FilledTracks],
    atol: float = 0.0,
) -> None:
    """Check that boxes depend neither on other tracks nor on the order of rows."""
    tracks = [rows(np.array(sorted(frames)), 3 * k, k) for k, frames in enumerate(sets)]
    crowd = joined(*tracks)
    order = np.arange(len(crowd))
    random.shuffle(order)
    crowd = crowd.select(order)
    before = crowd.tlwh.copy()
    refined = refine(crowd)
    np.testing.assert_array_equal(crowd.tlwh, before)
    assert np.all(np.diff(refined.tracks.frames) >= 0)
    for k, track in enumerate(tracks):
        alone = refine(track).tracks
        again = of(refined.tracks, 3 * k)
        np.testing.assert_array_equal(again.frames, alone.frames)
        np.testing.assert_allclose(again.tlwh, alone.tlwh, rtol=0, atol=atol)
    seen = ~refined.interpolated
    assert sorted(refined.source[seen]) == list(range(len(crowd)))
    np.testing.assert_array_equal(refined.tracks.ids[seen], crowd.ids[refined.source[seen]])
    np.testing.assert_array_equal(refined.tracks.frames[seen], crowd.frames[refined.source[seen]])


@settings(max_examples=60, deadline=None)
@given(st.lists(frame_sets, min_size=1, max_size=4), st.floats(0, 5), st.randoms())
def test_tracks_are_independent_of_each_other(
    sets: list[set[int]], noise: float, random: Any
) -> None:
    options = GsiSettings(noise=noise)
    assert_independent(sets, random, lambda tracks: gsi(tracks, options))


@pytest.mark.parametrize(
    ('name', 'value'),
    [('interval', 0), ('tau', 0.5), ('tau', 21.0), ('long_rows', -1), ('noise', -1.0)],
)
def test_settings_are_checked(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f'{name}: {value}'):
        GsiSettings().replace(**{name: value})


@pytest.mark.parametrize('tau', [1.0, 5.0, 20.0])
@pytest.mark.parametrize('count', [1, 60, 500])
def test_every_tau_can_be_solved(tau: float, count: int) -> None:
    for long_rows in (0, 1, 100):
        smoothed = gsi(rows(np.arange(count)), GsiSettings(tau=tau, long_rows=long_rows)).tracks
        assert np.isfinite(smoothed.tlwh).all()
        assert np.abs(smoothed.tlwh - rows(np.arange(count), jitter=0.0).tlwh).max() < 100


def short_track(frames: list[int], ids: list[int]) -> TrackRows:
    count = len(frames)
    tlwh = np.arange(4.0 * count).reshape(count, 4) ** 2
    scores = np.linspace(0.5, 1.0, count)
    classes = np.array([f'class {k}' for k in ids], dtype=np.str_)
    return TrackRows(np.array(frames), np.array(ids), tlwh, scores, classes)


def test_a_line_between_the_ends() -> None:
    filled = fill_gaps(short_track([3, 7], [5, 5]), 20)
    assert filled.tracks.frames.tolist() == [3, 4, 5, 6, 7]
    assert filled.tracks.tlwh[:, 0].tolist() == [0, 4, 8, 12, 16]
    assert filled.tracks.scores.tolist() == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert filled.source.tolist() == [0, -1, -1, -1, 1]
    assert filled.interpolated.tolist() == [False, True, True, True, False]
    assert set(filled.tracks.class_ids) == {'class 5'}


@pytest.mark.parametrize(('gap', 'count'), [(1, 2), (2, 3), (19, 20), (20, 2), (500, 2)])
def test_only_gaps_below_the_interval(gap: int, count: int) -> None:
    """A gap is filled if the frames of its ends differ by less than the interval."""
    assert len(fill_gaps(short_track([10, 10 + gap], [1, 1]), 20).tracks) == count


def test_tracks_are_not_joined() -> None:
    filled = fill_gaps(short_track([1, 5], [1, 2]), 20)
    assert filled.source.tolist() == [0, 1]


@given(st.sets(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=40), st.integers(1, 30))
def test_rows_as_counted_one_by_one(boxes: set[tuple[int, int]], interval: int) -> None:
    frames, ids = ([pair[k] for pair in boxes] for k in (0, 1))
    filled = fill_gaps(short_track(frames, ids), interval)
    expected = set(boxes)
    for one in set(ids):
        seen = sorted(frame for frame, other in boxes if other == one)
        for low, high in itertools.pairwise(seen):
            if high - low < interval:
                expected |= {(frame, one) for frame in range(low, high)}
    rows = list(zip(filled.tracks.frames.tolist(), filled.tracks.ids.tolist(), strict=True))
    assert rows == sorted(expected)
    assert filled.interpolated.sum() == len(expected) - len(boxes)


def test_invalid_rows_are_refused() -> None:
    with pytest.raises(ValueError, match='frame 4: id 7 occurs twice'):
        fill_gaps(short_track([4, 4], [7, 7]), 20)
    broken = short_track([4, 5], [7, 7])
    broken.tlwh[1, 2] = np.nan
    with pytest.raises(ValueError, match='frame 5, id 7: not finite'):
        fill_gaps(broken, 20)
