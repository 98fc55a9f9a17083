"""Links, and the checkpoints that linkers load from."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.aflink.linking import (
    SHIPPED,
    LinkedTracks,
    Linker,
    best_links,
    link,
    load_linker,
)
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.refinement.settings import AflinkSettings
from strongsort_ros.reid.checkpoint import read_state_dict
from strongsort_ros.reid.safetensors_file import read_safetensors, write_safetensors
from strongsort_ros.tracking.assignment import Pairs
from test.refinement.tracks import together, walk

SEQUENCES = [f'MOT17-{number}-FRCNN' for number in ('02', '04', '05', '09')]


@pytest.fixture(scope='module')
def linker() -> Linker:
    return load_linker('published')


def run(rows: TrackRows, linker: Linker, **changes: object) -> LinkedTracks:
    chosen = AflinkSettings(**changes)  # type: ignore[arg-type]
    return link(rows.frames, rows.ids, rows.tlwh, rows.class_ids, linker, chosen)


@pytest.mark.parametrize('sequence', SEQUENCES)
@pytest.mark.parametrize('tracker', ['strongsort', 'deepsort'])
def test_links_equal_the_published_program(tracker: str, sequence: str, data_dir: Path) -> None:
    linker = load_linker(data_dir / 'aflink' / 'aflink_official_recipe.pth')
    rows = load_tracks(data_dir / 'golden' / tracker / f'{sequence}.txt')
    expected = load_tracks(data_dir / 'golden' / f'{tracker}_aflink' / f'{sequence}.txt')
    linked = run(rows, linker)
    frames, ids, tlwh = rows.frames[linked.keep], linked.ids[linked.keep], rows.tlwh[linked.keep]
    order = np.lexsort((ids, frames))
    np.testing.assert_array_equal(frames[order], expected.frames)
    np.testing.assert_array_equal(ids[order], expected.ids)
    np.testing.assert_array_equal(tlwh[order], expected.tlwh)


def test_chain_takes_the_first_id(linker: Linker) -> None:
    # Rows and ids in another order than the frames.
    rows = together(
        walk(5, 100, 40, (300.0, 50.0)), walk(9, 1, 40, (100.0, 50.0)),
        walk(2, 50, 40, (200.0, 50.0)),
    )  # fmt: skip
    linked = run(rows, linker, max_cost=1.0)
    assert set(linked.ids.tolist()) == {9}
    assert sorted(linked.links.tolist()) == [[2, 5], [9, 2]]
    assert linked.keep.all()


def test_shipped_network_separates_same_and_different_objects(linker: Linker) -> None:
    same = together(walk(1, 1, 60, (100.0, 50.0)), walk(2, 66, 60, (230.0, 50.0)))
    assert len(run(same, linker, max_cost=0.5).links) == 1
    swapped = together(walk(1, 1, 60, (100.0, 50.0)), walk(2, 62, 60, (150.0, 0.0)))
    assert len(run(swapped, linker, max_cost=0.05).links) == 0


def test_no_link_joins_two_classes(linker: Linker) -> None:
    first, person = walk(1, 1, 40, (100.0, 50.0)), walk(2, 50, 40, (200.0, 50.0))
    car = walk(2, 50, 40, (200.0, 50.0), 'car')
    assert len(run(together(first, person), linker, max_cost=1.0).links) == 1
    assert len(run(together(first, car), linker, max_cost=1.0).links) == 0


def test_one_of_two_boxes_in_a_frame_stays(linker: Linker) -> None:
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 38, 40, (176.0, 50.0)))
    linked = run(rows, linker, min_gap=-10, max_cost=1.0)
    assert set(linked.ids.tolist()) == {1}
    # The box that was given first stays: frames 38, 39 and 40 are those of the earlier track.
    assert np.flatnonzero(~linked.keep).tolist() == [40, 41, 42]


@pytest.mark.parametrize(('gap', 'links'), [(-1, 0), (0, 1), (29, 1), (30, 0)])
def test_gap_is_closed_below_and_open_above(gap: int, links: int, linker: Linker) -> None:
    rows = together(walk(1, 1, 40, (100.0, 50.0)), walk(2, 40 + gap, 40, (200.0, 50.0)))
    assert len(run(rows, linker, max_cost=1.0).links) == links


@pytest.mark.parametrize(('distance', 'links'), [(75.0, 1), (75.1, 0)])
def test_distance_is_of_the_corners(distance: float, links: int, linker: Linker) -> None:
    rows = together(walk(1, 1, 40, (0.0, 50.0)), walk(2, 50, 40, (78.0 + distance, 50.0)))
    assert len(run(rows, linker, max_cost=1.0).links) == links


def test_camera_motion_is_compensated(linker: Linker) -> None:
    first, second = walk(1, 1, 40, (100.0, 50.0)), walk(2, 45, 40, (188.0, 50.0))
    still = run(together(first, second), linker, max_cost=1.0)
    turn = np.eye(3)
    turn[0, 2] = 200.0
    second.tlwh[:, 0] += 200.0  # the camera turned by as much between the tracks
    rows = together(first, second)
    arrays = (rows.frames, rows.ids, rows.tlwh, rows.class_ids)
    given_motion = link(*arrays, linker, AflinkSettings(max_cost=1.0), {43: turn})
    assert len(run(rows, linker, max_cost=1.0).links) == 0
    assert given_motion.links.tolist() == [[1, 2]]
    np.testing.assert_allclose(given_motion.costs, still.costs, atol=1e-3)


@pytest.mark.parametrize(
    ('motion', 'message'),
    [
        (np.eye(2), 'frame 7: not a finite 3 x 3'),
        (np.zeros((3, 3)), 'frame 7: the matrix is not invertible'),
    ],
)
def test_unusable_camera_motion_is_refused(
    motion: np.ndarray, message: str, linker: Linker
) -> None:
    rows = walk(1, 1, 40, (100.0, 50.0))
    with pytest.raises(ValueError, match=message):
        link(rows.frames, rows.ids, rows.tlwh, rows.class_ids, linker, None, {7: motion})


def test_no_tracks_give_no_tracks(linker: Linker) -> None:
    linked = run(TrackRows.empty(), linker)
    assert len(linked.ids) == len(linked.keep) == len(linked.links) == 0


def test_bad_arrays_are_refused(linker: Linker) -> None:
    rows = walk(1, 1, 40, (100.0, 50.0))
    with pytest.raises(ValueError, match='differ in length'):
        link(rows.frames[1:], rows.ids, rows.tlwh, rows.class_ids, linker)
    rows.tlwh[3, 0] = np.nan
    with pytest.raises(ValueError, match='row 3 is not finite'):
        run(rows, linker)
    with pytest.raises(ValueError, match='min_gap: 30 is not below max_gap: 30'):
        run(walk(1, 1, 40, (100.0, 50.0)), linker, min_gap=30)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = [
        walk(i, int(rng.integers(1, 80)), int(rng.integers(1, 50)), tuple(rng.uniform(0, 200, 2)))
        for i in range(12)
    ]
    rows, mixed = together(*tracks), rng.permutation(sum(map(len, tracks)))
    linker = load_linker('published')
    linked = run(rows, linker, min_gap=-10, max_cost=0.9)
    arrays = (rows.frames[mixed], rows.ids[mixed], rows.tlwh[mixed], rows.class_ids[mixed])
    again = link(*arrays, linker, AflinkSettings(min_gap=-10, max_cost=0.9))
    np.testing.assert_array_equal(again.ids, linked.ids[mixed])
    kept = np.stack([rows.frames, linked.ids])[:, linked.keep]
    assert len(np.unique(kept, axis=1).T) == linked.keep.sum()
    # Every track leads to at most one, and follows at most one.
    for side in linked.links.T:
        assert len(set(side.tolist())) == len(side)


@settings(deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(0, 6)), st.floats(0, 0.05), max_size=20
    )
)
def test_groups_give_the_assignment_of_the_full_matrix(
    cells: dict[tuple[int, int], float],
) -> None:
    from scipy.optimize import linear_sum_assignment

    places = np.array(list(cells), dtype=np.int64).reshape(-1, 2)
    costs = np.array(list(cells.values()), dtype=np.float64)
    found = best_links(Pairs(places[:, 0], places[:, 1], costs))
    full = np.full((7, 7), 1e5)
    full[places[:, 0], places[:, 1]] = costs
    row, column = linear_sum_assignment(full)
    best = full[row, column]
    assert len(found.costs) == np.count_nonzero(best < 1)
    assert found.costs.sum() == pytest.approx(best[best < 1].sum(), abs=1e-6)
    assert len(set(found.rows.tolist())) == len(set(found.columns.tolist())) == len(found.rows)


def test_published_checkpoint_loads(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip('torch')
    from strongsort_ros.refinement.aflink.published import PublishedLinker

    published = data_dir / 'aflink' / 'aflink_official_recipe.pth'
    arrays = {
        name: tensor.numpy() for name, tensor in read_state_dict(published, ignored=()).items()
    }
    with (tmp_path / 'same.safetensors').open('wb') as file:
        write_safetensors(file, arrays)
    rows = np.random.default_rng(0).uniform(-1, 1, (2, 3, 30, 3)).astype(np.float32)
    linkers = [load_linker(path) for path in (published, tmp_path / 'same.safetensors')]
    assert all(isinstance(linker, PublishedLinker) for linker in linkers)
    first, again = (linker.score(*rows) for linker in linkers)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ('name', 'kind'), [('motion', 'MotionLinker'), ('published', 'PublishedLinker')]
)
def test_shipped_checkpoints(name: str, kind: str) -> None:
    if name == 'published':
        pytest.importorskip('torch')
    assert SHIPPED[name].stat().st_size < 5_000_000
    assert type(load_linker(name)).__name__ == kind
    assert type(load_linker(SHIPPED[name])).__name__ == kind


def test_published_needs_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(MissingPackageError, match=r'published network needs .* torch.*pip install'):
        load_linker('published')


def test_default_is_motion() -> None:
    assert isinstance(load_linker(), MotionLinker)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('none.pth', None, 'no file .*none.pth'),
        ('bad.pth', b'nonsense', r'bad\.pth'),
        ('bad.safetensors', b'nonsense', r'bad\.safetensors is damaged'),
        ('net.onnx', b'', r"ends in '\.onnx'"),
    ],
)
def test_unusable_file_is_refused(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if name == 'bad.pth':
        pytest.importorskip('torch')
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ExtractorError, match=message):
        load_linker(tmp_path / name)


def test_an_error_names_the_parameter_that_does_not_fit(tmp_path: Path) -> None:
    pytest.importorskip('torch')
    state = read_safetensors(SHIPPED['published'])
    del state['classifier.fc2.bias']
    state['classifier.fc1.bias'] = np.zeros(3)
    path = tmp_path / 'other.safetensors'
    with path.open('wb') as file:
        write_safetensors(file, state)
    message = (
        r'other\.safetensors does not fit PostLinker.*classifier\.fc2\.bias.*fc1\.bias is \(3,'
    )
    with pytest.raises(ExtractorError, match=message):
        load_linker(path)


def test_an_error_names_the_parameter_of_a_motion_network(tmp_path: Path) -> None:
    state = read_safetensors(SHIPPED['motion']) | {'output.bias': np.zeros(2, dtype=np.float32)}
    path = tmp_path / 'other.safetensors'
    with path.open('wb') as file:
        write_safetensors(file, state)
    with pytest.raises(ExtractorError, match=r'does not fit MotionNetwork.*output\.bias is \(2,\)'):
        load_linker(path)


def test_a_motion_network_loads_from_a_pytorch_file(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch')
    state = {k: torch.from_numpy(v) for k, v in read_safetensors(SHIPPED['motion']).items()}
    torch.save({'state_dict': state}, tmp_path / 'motion.pth')
    features = np.random.default_rng(0).normal(size=(50, 8))
    first, second = (load_linker(p) for p in (SHIPPED['motion'], tmp_path / 'motion.pth'))
    assert isinstance(first, MotionLinker)
    assert isinstance(second, MotionLinker)
    np.testing.assert_array_equal(first.score(features), second.score(features))


def test_motion_in_numpy_equals_pytorch() -> None:
    torch = pytest.importorskip('torch')
    from strongsort_ros.refinement.aflink.motion_training import MotionNetwork
    from strongsort_ros.reid.checkpoint import load_parameters

    network, linker = MotionNetwork(), load_linker('motion')
    load_parameters(network, read_safetensors(SHIPPED['motion']), SHIPPED['motion'])
    assert isinstance(linker, MotionLinker)
    features = np.random.default_rng(0).normal(scale=3.0, size=(2000, 8))
    with torch.inference_mode():
        expected = 1 - torch.sigmoid(network.double()(torch.from_numpy(features))).numpy()
    np.testing.assert_allclose(linker.score(features), expected, atol=1e-12)
