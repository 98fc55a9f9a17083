from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.refinement.aflink.linking import SHIPPED, load_linker
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.reid.checkpoint import read_state_dict
from strongsort_ros.reid.safetensors_file import read_safetensors, write_safetensors


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


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
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


def test_a_motion_network_that_does_not_fit_is_named(tmp_path: Path) -> None:
    state = read_safetensors(SHIPPED['motion']) | {'output.bias': np.zeros(2, dtype=np.float32)}
    path = tmp_path / 'other.safetensors'
    with path.open('wb') as file:
        write_safetensors(file, state)
    with pytest.raises(ExtractorError, match=r'does not fit MotionNetwork.*output\.bias is \(2,\)'):
        load_linker(path)


def test_a_motion_network_as_a_file_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch')
    state = {k: torch.from_numpy(v) for k, v in read_safetensors(SHIPPED['motion']).items()}
    torch.save({'state_dict': state}, tmp_path / 'motion.pth')
    features = np.random.default_rng(0).normal(size=(50, 8))
    first, second = (load_linker(p) for p in (SHIPPED['motion'], tmp_path / 'motion.pth'))
    assert isinstance(first, MotionLinker)
    assert isinstance(second, MotionLinker)
    np.testing.assert_array_equal(first.score(features), second.score(features))


def test_motion_in_numpy_is_motion_in_pytorch() -> None:
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
