from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch')

from strongsort_ros.cli.main import main
from strongsort_ros.errors import InputError
from strongsort_ros.refinement.aflink.linking import load_linker
from strongsort_ros.refinement.aflink.published import PublishedLinker
from strongsort_ros.refinement.aflink.published_training import (
    AflinkTrainingSettings,
    load_training_tracks,
    load_true_tracks,
    pair_accuracy,
    train_published,
    training_pairs,
    validation_pairs,
)
from test.refinement.tracks import write_ground_truth


def test_shipped_network_classifies_pairs_of_the_second_halves(data_dir: Path) -> None:
    folders = [data_dir / 'mot17' / f'MOT17-{n}-FRCNN' for n in ('02', '04', '05', '09')]
    linker = load_linker('published')
    assert isinstance(linker, PublishedLinker)
    assert pair_accuracy(linker, load_training_tracks(folders, 'second')) >= 0.96


def test_training_half_is_found(data_dir: Path) -> None:
    tracks = load_true_tracks(data_dir / 'mot17' / 'MOT17-10-FRCNN', 'first')
    assert tracks
    assert max(track[-1, 0] for track in tracks) <= 328
    assert min(len(track) for track in tracks) >= 30


def test_halves_share_no_frame(tmp_path: Path) -> None:
    folder = write_ground_truth(tmp_path / 'seq', people=2, length=100)
    first, second = load_true_tracks(folder, 'first'), load_true_tracks(folder, 'second')
    assert first[0][-1, 0] == 51
    assert second[0][0, 0] == 52
    assert len(load_true_tracks(folder)[0]) == 100


def test_pairs_are_one_same_and_three_others(tmp_path: Path) -> None:
    tracks = load_true_tracks(write_ground_truth(tmp_path / 'seq', people=3, length=40))
    for samples in (training_pairs(tracks, np.random.default_rng(0)), validation_pairs(tracks)):
        earlier, later, labels = samples
        assert earlier.shape == later.shape == (12, 30, 3)
        assert labels.tolist() == [1, 0, 0, 0] * 3
        both = np.concatenate([earlier, later], axis=1)
        np.testing.assert_allclose(both.min(axis=1), -1, atol=1e-3)
        np.testing.assert_allclose(both.max(axis=1), 1, atol=1e-3)
        # The first frames of the later part come after the last of the earlier; swapped, before.
        assert (later[::4, 0, 0] > earlier[::4, -1, 0]).all()


def test_learns(tmp_path: Path) -> None:
    tracks = load_true_tracks(write_ground_truth(tmp_path / 'seq', people=12, length=80))
    linker = PublishedLinker(train_published(tracks, AflinkTrainingSettings(epochs=40, batch=4)))
    assert pair_accuracy(linker, tracks) > 0.75  # three of four pairs are of two objects


def test_is_reproducible(tmp_path: Path) -> None:
    tracks = load_true_tracks(write_ground_truth(tmp_path / 'seq', people=12, length=80))
    recipe = AflinkTrainingSettings(epochs=3, batch=4)
    earlier, later, _ = validation_pairs(tracks)
    costs, again, other = (
        PublishedLinker(train_published(tracks, recipe.replace(seed=seed))).score(earlier, later)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(again, costs)
    assert not np.array_equal(other, costs)


def test_command_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_ground_truth(tmp_path / 'seq', people=4, length=80)
    out = tmp_path / 'mine.safetensors'
    arguments = [
        '--recipe',
        'published',
        '--first-half',
        '--epochs',
        '1',
        '--validate',
        str(folder),
    ]
    assert main(['train', 'aflink', str(folder), '-o', str(out), *arguments]) == 0
    assert '4 tracks, 1 epoch' in (said := capsys.readouterr().out)
    assert 'validation accuracy' in said
    assert load_linker(out).window.max_gap == 30


def test_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(write_ground_truth(tmp_path / 'seq', people=2, length=20))
    cases = [
        ([folder, '-o', 'out.pth'], 'does not end in .safetensors'),
        ([folder, '-o', 'out.safetensors'], 'no track of at least 30 boxes'),
        (['nowhere', '-o', 'out.safetensors'], 'nowhere/gt/gt.txt: cannot read it'),
        (
            [folder, '-o', 'out.safetensors', '--epochs', '0'],
            "--epochs: '0' is not a positive integer",
        ),
    ]
    for arguments, message in cases:
        assert main(['train', 'aflink', '--recipe', 'published', *arguments]) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(InputError, match='no folder'):
        load_training_tracks([])
