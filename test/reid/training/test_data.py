"""Crops of Market-1501's folders and of MOTChallenge sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch')

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import load_ground_truth
from strongsort_ros.reid.training.data import (
    CropSettings,
    is_market,
    load_market,
    load_sequences,
    visible_share,
)
from test.reid.training.people import write_market
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

SIZE = (64, 32)
CROPS = CropSettings(min_height=20, min_visibility=0.5, held_out=0.5, gap=0.2)


@pytest.fixture(scope='module')
def sequence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sequence') / 'plaza'
    scene = SceneSettings(width=320, height=180, frames=12, frame_rate=25, people=6, seed=2)
    write_mot_folder(Scene(scene), folder, 'plaza')
    return folder


def test_market(tmp_path: Path) -> None:
    write_market(tmp_path / 'market')
    assert is_market(tmp_path / 'market')
    data = load_market(tmp_path / 'market')
    assert (len(data.train), len(data.query), len(data.gallery)) == (32, 4, 17)
    assert set(data.train.identities.tolist()) == set(range(2, 10))
    # A distractor is in the gallery, junk is not.
    assert sorted(set(data.gallery.identities.tolist())) == [0, 50, 51, 52, 53]
    assert set(data.gallery.cameras.tolist()) == {1, 2, 3, 4}
    assert np.isinf(data.gap)
    assert data.train.read(np.array([0, 3]), SIZE).shape == (2, 64, 32, 3)


def test_people_of_a_sequence_are_in_training_or_test(sequence: Path) -> None:
    data = load_sequences([sequence], [], CROPS, SIZE)
    trained, tested = set(data.train.identities.tolist()), set(data.query.identities.tolist())
    assert trained
    assert tested
    assert not trained & tested
    assert abs(len(trained) - len(tested)) <= 1
    again = load_sequences([sequence], [], CROPS, SIZE)
    assert np.array_equal(again.query.identities, data.query.identities)


def test_crops_are_cut_from_ground_truth(sequence: Path) -> None:
    data = load_sequences([sequence], [], CROPS.replace(max_crops=3), SIZE)
    everyone = np.concatenate([data.train.identities, data.query.identities])
    assert np.unique(everyone, return_counts=True)[1].max() == 3
    tall = CROPS.replace(min_height=50.0, held_out=0.01)
    assert len(load_sequences([sequence], [sequence], tall, SIZE).train) < len(
        load_sequences([sequence], [sequence], CROPS, SIZE).train
    )


def test_test_by_sequence(sequence: Path) -> None:
    data = load_sequences([sequence], [sequence], CROPS, SIZE)
    assert not set(data.train.identities.tolist()) & set(data.query.identities.tolist())
    assert len(data.query) >= len(data.train)


def test_visibility_is_estimated_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / 'gt.txt'
    # The second box is nearer and covers the right half of the first; the third is alone.
    path.write_text('1,1,0,0,10,20,1,1,1\n1,2,5,0,10,21,1,1,1\n1,3,50,0,10,20,1,1,1\n')
    assert visible_share(load_ground_truth(path)) == pytest.approx([0.5, 1, 1])
    path.write_text('1,1,0,0,10,20,1,1,0.9\n1,2,5,0,10,21,1,1,1\n')
    assert visible_share(load_ground_truth(path)) == pytest.approx([0.9, 1])


def test_bad_folders(sequence: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no people for the test; lower --min-height'):
        load_sequences([sequence], [sequence], CROPS.replace(min_height=1000.0), SIZE)
    with pytest.raises(InputError, match='1 of 1 people have at least 2 crops'):
        load_sequences([sequence], [sequence], CROPS.replace(min_height=60.0), SIZE)
    (tmp_path / 'market' / 'bounding_box_train').mkdir(parents=True)
    with pytest.raises(InputError, match='bounding_box_train: no crops named like'):
        load_market(tmp_path / 'market')
