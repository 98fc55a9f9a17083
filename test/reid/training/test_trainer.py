"""Training: it learns, resumes exactly, and exports what the tracker loads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.errors import InputError
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.models import Network, create_network
from strongsort_ros.reid.training.data import Dataset
from strongsort_ros.reid.training.export import export_onnx, export_safetensors
from strongsort_ros.reid.training.losses import LOSSES
from strongsort_ros.reid.training.metrics import score_embeddings
from strongsort_ros.reid.training.trainer import Trainer, TrainingSettings
from strongsort_ros.types import IntArray
from test.reid.training.people import drawn_dataset, drawn_people, tiny_network

RECIPE = TrainingSettings(epochs=2, people=8, learning_rate=0.01)


@pytest.fixture(scope='module')
def data() -> Dataset:
    return drawn_dataset()


@pytest.mark.parametrize('loss', LOSSES)
def test_two_epochs_raise_the_scores_of_others(data: Dataset, loss: str) -> None:
    trainer = Trainer(tiny_network(), data.train, RECIPE.replace(loss=loss))
    before = score_embeddings(data, trainer.embed)
    trainer.run_epoch()
    first = trainer.loss
    trainer.run_epoch()
    after = score_embeddings(data, trainer.embed)
    assert trainer.loss < first
    assert after.mean_ap > before.mean_ap + 0.3
    assert after.rank1 > 0.8


def _weights(trainer: Trainer) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in trainer.network.module.state_dict().items()}


@pytest.mark.parametrize('loss', LOSSES)
def test_resumed_training_gives_the_same_weights(tmp_path: Path, loss: str) -> None:
    crops = drawn_people(range(1, 9))
    recipe = RECIPE.replace(loss=loss)
    one = Trainer(tiny_network(), crops, recipe)
    one.run_epoch()
    one.save(tmp_path / 'checkpoint')
    one.run_epoch()
    other = Trainer(tiny_network(), crops, recipe)
    other.load(tmp_path / 'checkpoint')
    assert (other.epoch, len(list(tmp_path.iterdir()))) == (1, 1)
    other.run_epoch()
    found, expected = _weights(other), _weights(one)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    another = Trainer(tiny_network(), crops, recipe.replace(seed=1))
    another.run_epoch()
    another.run_epoch()
    assert not np.array_equal(_weights(another)['0.weight'], expected['0.weight'])


def test_an_interrupted_epoch_is_repeated(tmp_path: Path) -> None:
    crops = drawn_people(range(1, 33))
    trainer = Trainer(tiny_network(), crops, RECIPE)
    trainer.run_epoch()
    trainer.save(tmp_path / 'checkpoint')

    def interrupt(batches: Collection[IntArray]) -> Iterator[IntArray]:
        yield next(iter(batches))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.run_epoch(interrupt)
    assert trainer.epoch == 1
    again = Trainer(tiny_network(), crops, RECIPE)
    for one in (trainer, again):
        one.load(tmp_path / 'checkpoint')
        one.run_epoch()
    assert np.array_equal(_weights(trainer)['0.weight'], _weights(again)['0.weight'])


def test_checkpoints_of_other_trainings_are_refused(tmp_path: Path) -> None:
    crops = drawn_people(range(1, 9))
    path = tmp_path / 'checkpoint'
    Trainer(tiny_network(), crops, RECIPE).save(path)
    with pytest.raises(InputError, match=r'another training: learning_rate was 0.01, is 0.02'):
        Trainer(tiny_network(), crops, RECIPE.replace(learning_rate=0.02)).load(path)
    with pytest.raises(InputError, match='another training: crops was 48 crops'):
        Trainer(tiny_network(), drawn_people(range(1, 8)), RECIPE).load(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match='not a checkpoint'):
        Trainer(tiny_network(), crops, RECIPE).load(path)
    with pytest.raises(InputError, match='no such checkpoint'):
        Trainer(tiny_network(), crops, RECIPE).load(tmp_path / 'none')


def test_checkpoints_run_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / 'ran',)

    torch.save({'training': Evil()}, tmp_path / 'checkpoint')
    with pytest.raises(InputError, match='not a checkpoint'):
        Trainer(tiny_network(), drawn_people(range(1, 9)), RECIPE).load(tmp_path / 'checkpoint')
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('name', ['osnet_x0_25', 'bot_resnet50'])
def test_one_step_and_exports(tmp_path: Path, name: str) -> None:
    """Both files give the embeddings of the trained network, and its card and size."""
    crops = drawn_people(range(1, 3), 2)
    recipe = RECIPE.replace(epochs=1, people=2, each=2)
    trainer = Trainer(create_network(name, (64, 32)), crops, recipe)
    trainer.run_epoch()
    assert np.isfinite(trainer.loss)
    expected = trainer.embed(crops)
    card = replace(trainer.network.card, max_cosine_distance=0.123, source='mine')
    network = replace(trainer.network, card=card)
    export_safetensors(tmp_path / 'mine.safetensors', network)
    export_onnx(tmp_path / 'mine.onnx', network)
    for path in sorted(tmp_path.iterdir()):
        extractor = load_extractor(path, 'cpu')
        assert extractor.card == card
        for image, row in zip(crops.images, expected, strict=True):
            found = extractor.extract(np.asarray(image), np.array([[0.0, 0, 32, 64]]))[0]
            assert found == pytest.approx(row, rel=1e-3, abs=1e-3 * float(np.abs(row).max()))
    assert len(list(tmp_path.iterdir())) == 2


def test_resnest_is_trained() -> None:
    recipe = RECIPE.replace(epochs=1, people=2, each=2)
    network = create_network('bot_resnest50', (64, 32))
    before = network.module.state_dict()['heads.bottleneck.0.weight'].clone()
    trainer = Trainer(network, drawn_people(range(1, 3), 2), recipe)
    trainer.run_epoch()
    assert np.isfinite(trainer.loss)
    assert not torch.equal(before, network.module.state_dict()['heads.bottleneck.0.weight'])


def test_initial_weights(tmp_path: Path) -> None:
    first = create_network('osnet_x0_25', (64, 32), seed=1)
    export_safetensors(tmp_path / 'a.safetensors', first)
    second = create_network('osnet_x0_25', (64, 32), tmp_path / 'a.safetensors')
    assert _same(first, second)
    assert not _same(first, create_network('osnet_x0_25', (64, 32)))


def test_weights_of_torchvision(tmp_path: Path) -> None:
    network = create_network('bot_resnet50', (64, 32), seed=1)
    backbone = network.module.get_submodule('backbone').state_dict()
    torch.save({**backbone, 'fc.weight': torch.zeros(1000, 2048)}, tmp_path / 'resnet50.pth')
    found = create_network('bot_resnet50', (64, 32), tmp_path / 'resnet50.pth')
    assert _same(network, found)


def _same(one: Network, other: Network) -> bool:
    a, b = one.module.state_dict(), other.module.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)
