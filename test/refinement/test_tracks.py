"""`refine_tracks`: arrays, files and bags in, refined rows out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros.errors import ExtractorError, InputError
from strongsort_ros.files.motchallenge import save_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.rts import rts
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings, RtsSettings
from strongsort_ros.refinement.tracks import RefinementSteps, apply_steps, refine_tracks
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from test.bags.track_bags import walk, write_messages

FRAMES = (1, 2, 3, 7, 8, 9)
ROWS = [(frame, 4, 10.0 * frame, 50.0, 40.0, 80.0, 0.9) for frame in FRAMES]


def as_rows(array: list[tuple[float, ...]]) -> TrackRows:
    table = np.array(array)
    frames, ids = table[:, :2].astype(np.int64).T
    return TrackRows(frames, ids, table[:, 2:6], table[:, 6], np.full(len(table), 'person'))


def test_an_array_gives_an_array_with_the_gaps_filled() -> None:
    refined = refine_tracks(ROWS[::-1])
    assert refined.shape == (9, 10)
    np.testing.assert_array_equal(refined[:, 0], np.arange(1, 10))
    np.testing.assert_array_equal(refined[:, 1], 4)
    np.testing.assert_allclose(refined[:, 2], 10.0 * refined[:, 0], atol=0.01)
    np.testing.assert_array_equal(refined[:, 7:], -1)


def test_rows_give_the_rows_of_the_steps() -> None:
    rows = as_rows(ROWS)
    expected = apply_steps(rows, RefinementSteps(AflinkSettings(), GsiSettings())).tracks
    refined = refine_tracks(rows, aflink=True)
    np.testing.assert_array_equal(refined.tlwh, expected.tlwh)
    np.testing.assert_array_equal(refined.class_ids, 'person')
    np.testing.assert_array_equal(refine_tracks(ROWS, aflink=True)[:, 2:6], expected.tlwh)


def test_the_smoother_takes_the_place_of_gsi() -> None:
    rows = as_rows(ROWS)
    expected = rts(rows).tracks.tlwh
    np.testing.assert_array_equal(refine_tracks(rows, smooth='rts').tlwh, expected)
    np.testing.assert_array_equal(refine_tracks(ROWS, smooth=RtsSettings())[:, 2:6], expected)
    assert len(refine_tracks(rows, smooth=RtsSettings(max_gap=1))) == len(ROWS)
    with pytest.raises(InputError, match='gsi and smooth: both fill gaps and smooth boxes'):
        refine_tracks(rows, gsi=True, smooth='rts')
    with pytest.raises(InputError, match="smooth: 'gsi' is not one of: none, rts"):
        refine_tracks(rows, smooth='gsi')


def test_linked_tracks_are_smoothed_as_one() -> None:
    """Also the boxes of the second track before its confirmation, which get the id of the first."""
    whole = as_rows(ROWS)
    states = np.array([CONFIRMED, CONFIRMED, LOST, TENTATIVE, TENTATIVE, CONFIRMED])
    broken = dataclasses.replace(whole, ids=np.where(whole.frames < 5, 4, 9), states=states)
    window = AflinkSettings(min_gap=1, max_gap=30, max_cost=1.0)
    refined = refine_tracks(broken, aflink=window, smooth='rts')
    expected = rts(whole.select(states != LOST)).tracks
    assert set(refined.ids.tolist()) == {4}
    np.testing.assert_array_equal(refined.frames, np.arange(1, 10))
    np.testing.assert_array_equal(refined.tlwh, expected.tlwh)


def test_by_default_no_tracks_are_linked() -> None:
    np.testing.assert_array_equal(refine_tracks(ROWS), refine_tracks(ROWS, aflink=False, gsi=True))


def test_a_file_and_an_array_of_its_rows_are_refined_alike(tmp_path: Path) -> None:
    save_tracks(tmp_path / 'tracks.txt', as_rows(ROWS))
    refined = refine_tracks(tmp_path / 'tracks.txt', aflink=False)
    table = np.loadtxt(tmp_path / 'tracks.txt', delimiter=',')
    np.testing.assert_array_equal(refined.tlwh, refine_tracks(table, aflink=False)[:, 2:6])


def test_a_bag_gives_its_rows_refined(tmp_path: Path) -> None:
    bag = write_messages(tmp_path / 'bag', walk(range(1, 5), 1) | walk(range(9, 13), 1), 'mcap')
    refined = refine_tracks(bag, aflink=False)
    np.testing.assert_array_equal(refined.frames, np.arange(1, 13))


def test_settings_and_steps_are_chosen() -> None:
    assert len(refine_tracks(ROWS, gsi=GsiSettings(interval=2))) == len(ROWS)
    assert len(refine_tracks(ROWS, aflink=True, gsi=False)) == len(ROWS)
    apart = [(f, 1 if f < 5 else 2, *rest) for f, _, *rest in ROWS]
    window = AflinkSettings(min_gap=1, max_gap=30, max_cost=1.0)
    linked = refine_tracks(apart, aflink=window, gsi=False)
    assert set(linked[:, 1]) == {1}


def test_no_rows_are_accepted() -> None:
    assert refine_tracks([]).shape == (0, 10)
    assert refine_tracks(np.empty((0, 7))).shape == (0, 10)


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ([(1, 1, 2, 3)], r'tracks: shape \(1, 4\), expected \(N, 7 or more\)'),
        ([(1.5, 1, 2, 3, 4, 5, 1)], r'row 0 is \[1.5, .* expected integers'),
        ([(1, 1, 2, 3, 4, 5, 1), (2, 1e300, 2, 3, 4, 5, 1)], 'row 1 is'),
        ([(1, 1, 2, 3, -4, 5, 1)], 'width and height of at least 0'),
        ([(1, 1, 2, 3, 4, 5, 1)] * 2, 'id 1 occurs twice'),
        ('no_such_file.txt', 'no_such_file.txt: cannot read it'),
        ('text of tracks', 'text of tracks'),
    ],
)
def test_bad_input_is_named(rows: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        refine_tracks(rows)


def test_a_step_must_be_chosen() -> None:
    with pytest.raises(InputError, match='choose a step'):
        refine_tracks(ROWS, aflink=False, gsi=False)
    with pytest.raises(ExtractorError, match=r'nothing\.pth'):
        refine_tracks(ROWS, aflink='nothing.pth')
