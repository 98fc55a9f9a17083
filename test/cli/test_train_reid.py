"""`strongsort train reid`: outputs, interrupts and errors."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch')

from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.safetensors_file import read_safetensors
from test.cli.command import Capture, run
from test.reid.training.people import write_market
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

SMALL = ('--size', '64x32', '--people', '4', '--each', '2', '--device', 'cpu')


@pytest.fixture(scope='module')
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('data') / 'market'
    write_market(folder)
    return folder


def test_trains_on_market(market: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / 'mine.safetensors'
    assert run('train', 'reid', market, '-o', out, '--epochs', 1, *SMALL) == 0
    said = capsys.readouterr().out
    assert '32 crops of 8 people; test: 4 of 4 others' in said
    assert 'epoch 1 of 1: loss ' in said
    assert 'rank-1 ' in said
    assert 'mAP ' in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ['mine.onnx', 'mine.safetensors']
    cards = [load_extractor(path, 'cpu').card for path in tmp_path.iterdir()]
    assert cards[0] == cards[1]
    assert cards[0].source.startswith('trained on market')
    assert f'max_cosine_distance {cards[0].max_cosine_distance:g} ' in said


def test_trains_on_sequences(tmp_path: Path, capsys: Capture) -> None:
    for seed, name in enumerate('ab'):
        scene = SceneSettings(width=320, height=180, frames=12, people=6, seed=seed)
        write_mot_folder(Scene(scene), tmp_path / 'data' / name, name)
    options = ('--min-height', 20, '--gap', 0.2, '--epochs', 1, *SMALL)
    one, other = tmp_path / 'one.safetensors', tmp_path / 'other.safetensors'
    assert run('train', 'reid', tmp_path / 'data', '-o', one, *options) == 0
    assert 'rank-1' in capsys.readouterr().out
    a, b = tmp_path / 'data' / 'a', tmp_path / 'data' / 'b'
    assert 'equal error rate' in load_extractor(one, 'cpu').card.threshold_source
    cosine = ('--gap', 100, '--validate', b, '--loss', 'cosine-softmax', '--weights', one)
    assert run('train', 'reid', a, '-o', other, *options, *cosine) == 0
    assert 'no scores: nobody of the test' in capsys.readouterr().out
    card = load_extractor(other, 'cpu').card
    assert (card.max_cosine_distance, card.threshold_source) == (0.45, 'not measured')


class _Keyboard(io.StringIO):
    """Standard output at which the user presses Ctrl-C after an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def write(self, text: str) -> int:
        if text.startswith(f'epoch {self._epoch} of'):
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def test_goes_on_after_ctrl_c(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out, checkpoint = tmp_path / 'a.safetensors', tmp_path / 'a.checkpoint'
    command = ('train', 'reid', market, '--epochs', 2, *SMALL, '-o', out)
    with monkeypatch.context() as patch:
        patch.setattr(sys, 'stdout', _Keyboard(1))
        assert run(*command) == 130
    expected = f'interrupted; epoch 1 is kept in {checkpoint}; go on with --resume\n'
    assert capsys.readouterr().err.endswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ['a.checkpoint']
    assert run(*command) == 2
    assert 'go on with --resume, or remove it' in capsys.readouterr().err
    assert run(*command, '--resume', '--seed', 1) == 2
    assert 'another training: seed was 0, is 1' in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(sys, 'stdout', _Keyboard(2))
        assert run(*command, '--resume') == 130
    assert f'epoch 2 is kept in {checkpoint}' in capsys.readouterr().err
    assert run(*command, '--resume') == 0
    assert 'goes on after epoch 2' in capsys.readouterr().out
    assert not checkpoint.exists()
    straight = tmp_path / 'b.safetensors'
    assert run(*command[:-1], straight) == 0
    resumed, whole = read_safetensors(out), read_safetensors(straight)
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('-o', 'a.pth'), '--output: a.pth does not end in .safetensors'),
        (('-o', 'a.safetensors', '--size', '64'), "'64' is not HEIGHTxWIDTH"),
        (('-o', 'a.safetensors', '--people', '1'), 'people: 1'),
        (('-o', 'a.safetensors', '--resume'), 'a.checkpoint: no such checkpoint'),
        (('-o', 'a.safetensors', '--weights', 'none.pth'), 'no file none.pth'),
        (('-o', 'a.safetensors', '--validate', 'b'), 'has its own test'),
    ],
)
def test_bad_input(
    market: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run('train', 'reid', market, *arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_missing_images(tmp_path: Path, capsys: Capture) -> None:
    assert run('train', 'reid', tmp_path / 'none', '-o', tmp_path / 'a.safetensors') == 2
    assert 'none: no such folder of images' in capsys.readouterr().err
