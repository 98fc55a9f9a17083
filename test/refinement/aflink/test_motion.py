"""Motion network: features, links over long gaps, and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.cli.main import main
from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.packages import is_installed
from strongsort_ros.refinement.aflink.candidates import CameraPath, Tracklets
from strongsort_ros.refinement.aflink.linking import LinkedTracks, Linker, link, load_linker
from strongsort_ros.refinement.aflink.motion import FEATURES, MotionLinker, pair_features
from strongsort_ros.refinement.settings import AflinkSettings
from test.refinement.tracks import together, walk, write_ground_truth

FIRST, SECOND = np.array([0]), np.array([1])


@pytest.fixture(scope='module')
def linker() -> Linker:
    return load_linker()


def run(rows: TrackRows, linker: Linker, **changes: object) -> LinkedTracks:
    chosen = AflinkSettings(**changes)  # type: ignore[arg-type]
    return link(rows.frames, rows.ids, rows.tlwh, rows.class_ids, linker, chosen)


def tracklets(rows: TrackRows) -> Tracklets:
    return Tracklets.gather(rows.frames, rows.ids, rows.tlwh, rows.class_ids)


def scaled(rows: TrackRows, factor: float) -> TrackRows:
    return TrackRows(rows.frames, rows.ids, rows.tlwh * factor, rows.scores, rows.class_ids)


def test_a_predicted_position_is_linked_and_another_is_not(linker: Linker) -> None:
    """After 60 hidden frames, a tracklet at the predicted position is linked, one aside is not."""
    hidden, second = walk(1, 1, 60, (100.0, 50.0)), walk(2, 121, 60, (340.0, 50.0))
    assert run(together(hidden, second), linker).links.tolist() == [[1, 2]]
    aside = walk(2, 121, 60, (340.0, 250.0))
    assert len(run(together(hidden, aside), linker).links) == 0


def test_a_better_pair_wins_over_two_worse_ones(linker: Linker) -> None:
    """The total cost counts, not the number of links."""
    rows = together(
        walk(1, 1, 60, (100.0, 50.0)), walk(2, 1, 60, (100.0, 100.0)),
        walk(3, 121, 60, (340.0, 50.0)), walk(4, 121, 60, (340.0, 350.0)),
    )  # fmt: skip
    assert [1, 3] in run(rows, linker).links.tolist()


@pytest.mark.parametrize(('gap', 'links'), [(30, 0), (31, 1), (100, 1), (101, 0)])
def test_gaps_are_longer_than_the_published(gap: int, links: int, linker: Linker) -> None:
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 40 + gap, 40, (178.0, 50.0)))
    assert len(run(rows, linker, max_cost=1.0).links) == links
    assert len(run(rows, linker, max_cost=1.0, min_gap=0, max_gap=102).links) == 1
    if is_installed('torch'):
        assert len(run(rows, load_linker('published'), max_cost=1.0).links) == 0


def test_features_are_invariant_to_position_scale_and_time() -> None:
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 81, 3, (250.0, 60.0)))
    features = pair_features(tracklets(rows), FIRST, SECOND)
    assert features.shape == (1, FEATURES)
    large = pair_features(tracklets(scaled(rows, 2.0)), FIRST, SECOND)
    np.testing.assert_allclose(large, features, atol=1e-9)
    rows.tlwh[:, :2] += 500.0
    moved = TrackRows(rows.frames + 1000, rows.ids, rows.tlwh, rows.scores, rows.class_ids)
    np.testing.assert_allclose(pair_features(tracklets(moved), FIRST, SECOND), features, atol=1e-9)


def test_features_of_a_pair_computed_by_hand() -> None:
    """80 px further after 40 frames at 2 px per frame, boxes 100 px high."""
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 80, 40, (258.0, 50.0)))
    apart, ahead, behind, up, gap, ratio, *counts = pair_features(tracklets(rows), FIRST, SECOND)[0]
    assert np.exp(apart) == pytest.approx(0.9, abs=0.01)
    # Velocities are a little too small, which the rows of a still object make of them.
    assert np.exp([ahead, behind]) == pytest.approx([0.17, 0.17], abs=0.01)
    assert np.exp(up) == pytest.approx(0.1)
    assert np.exp(gap) == pytest.approx(40.0)
    assert ratio == 0.0
    assert np.exp(counts) == pytest.approx([30.0, 30.0])


def test_camera_motion_is_compensated() -> None:
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 81, 40, (250.0, 60.0)))
    still = pair_features(tracklets(rows), FIRST, SECOND)
    pan = np.eye(3)
    pan[0, 2] = 5.0
    rows.tlwh[:, 0] += 5.0 * rows.frames
    camera = CameraPath(dict.fromkeys(range(1, 150), pan))
    np.testing.assert_allclose(
        pair_features(tracklets(rows), FIRST, SECOND, camera), still, atol=1e-9
    )


def test_boxes_of_no_height_have_a_cost(linker: Linker) -> None:
    rows = together(walk(1, 1, 1, (100.0, 50.0)), walk(2, 1, 1, (100.0, 50.0)))
    rows.tlwh[:, 2:] = 0.0
    rows.frames[1] += 50
    assert np.isfinite(run(rows, linker, max_cost=1.0).costs).tolist() == [True]
    assert len(run(TrackRows.empty(), linker).ids) == 0


@pytest.mark.parametrize(('tracker', 'links'), [('deepsort', 74), ('strongsort', 30)])
def test_links_of_real_tracks(tracker: str, links: int, linker: Linker, data_dir: Path) -> None:
    found = 0
    for sequence in ('02', '04', '05', '09'):
        rows = load_tracks(data_dir / 'golden' / tracker / f'MOT17-{sequence}-FRCNN.txt')
        linked = run(rows, linker)
        assert linked.keep.all()
        found += len(linked.links)
    assert found == pytest.approx(links, abs=3)


def test_tracks_break_where_people_are_hidden(tmp_path: Path) -> None:
    pytest.importorskip('torch')
    from strongsort_ros.refinement.aflink.motion_training import break_tracks
    from strongsort_ros.refinement.aflink.published_training import load_pedestrians

    truth = load_pedestrians(
        write_ground_truth(tmp_path / 'seq', people=3, length=150, hidden=range(50, 100))
    )
    pieces, people = break_tracks(truth, np.random.default_rng(0))
    assert people.tolist() == [1, 1, 2, 2, 3, 3]
    assert pieces.frames[pieces.stops - 1].tolist() == [49, 150] * 3
    assert pieces.frames[pieces.starts].tolist() == [1, 100] * 3
    short = load_pedestrians(
        write_ground_truth(tmp_path / 'short', people=3, length=150, hidden=range(50, 79))
    )
    assert len(break_tracks(short, np.random.default_rng(0))[0]) == 3


def test_learns_and_is_reproducible(tmp_path: Path) -> None:
    pytest.importorskip('torch')
    from strongsort_ros.refinement.aflink.motion_training import (
        MotionTrainingSettings,
        motion_accuracy,
        train_motion,
    )
    from strongsort_ros.refinement.aflink.published_training import load_pedestrians

    folder = write_ground_truth(tmp_path / 'seq', people=12, length=200, hidden=range(50, 100))
    truths = [load_pedestrians(folder)]
    recipe = MotionTrainingSettings(breaks=20, batch=32)
    network = train_motion(truths, recipe)
    assert motion_accuracy(network, truths) > 0.95
    for seed in (0, 1):
        again = train_motion(truths, recipe.replace(seed=seed))
        same = np.array_equal(again.output.weight.detach(), network.output.weight.detach())
        assert same == (seed == 0)


def test_command_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('torch')
    folder = str(write_ground_truth(tmp_path / 'seq', people=4, length=200, hidden=range(50, 100)))
    out = tmp_path / 'mine.safetensors'
    arguments = [folder, '-o', str(out), '--epochs', '1', '--validate', folder]
    assert main(['train', 'aflink', *arguments]) == 0
    assert '4 tracks, 1 epoch' in (said := capsys.readouterr().out)
    assert 'validation accuracy' in said
    assert isinstance(load_linker(out), MotionLinker)


def test_training_needs_hidden_people(tmp_path: Path) -> None:
    pytest.importorskip('torch')
    from strongsort_ros.refinement.aflink.motion_training import train_motion
    from strongsort_ros.refinement.aflink.published_training import load_pedestrians

    folder = write_ground_truth(tmp_path / 'seq', people=4, length=60)
    with pytest.raises(
        InputError, match=r'no person of the ground truth is hidden.*--recipe published'
    ):
        train_motion([load_pedestrians(folder)])


def test_vanishing_composed_motions_are_refused() -> None:
    shrinking = dict.fromkeys(range(1, 400), np.diag([0.2, 0.2, 1.0]))
    with pytest.raises(InputError, match='camera_motion: frame 72: the motions up to here'):
        CameraPath(shrinking)


def test_only_the_affine_part_of_a_motion_counts() -> None:
    motion = np.array([[1.0, 0, 5], [0, 1, -2], [3, -7, 0]])
    camera = CameraPath(dict.fromkeys(range(1, 50), motion))
    points = np.array([[10.0, 20]])
    moved = camera.move(points, np.array([0]), np.array([49]))
    np.testing.assert_allclose(moved, [[10 + 49 * 5, 20 - 49 * 2]])
