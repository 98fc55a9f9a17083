from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from strongsort_ros.appearance.weights import read_state
from strongsort_ros.errors import ExtractorError
from strongsort_ros.refinement.aflink_motion import MotionLinker
from strongsort_ros.refinement.aflink_network import SHIPPED, load_linker
from strongsort_ros.refinement.aflink_postlinker import PostLinker
from strongsort_ros.refinement.aflink_published import PublishedLinker


def test_published_checkpoint_loads(data_dir: Path, tmp_path: Path) -> None:
    published = data_dir / 'aflink' / 'aflink_official_recipe.pth'
    save_file(read_state(published, ignored=()), tmp_path / 'same.safetensors')
    rows = np.random.default_rng(0).uniform(-1, 1, (2, 3, 30, 3)).astype(np.float32)
    linkers = [load_linker(path) for path in (published, tmp_path / 'same.safetensors')]
    assert all(isinstance(linker, PublishedLinker) for linker in linkers)
    first, again = (linker.score(*rows) for linker in linkers)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ('name', 'kind'), [('motion', MotionLinker), ('published', PublishedLinker)]
)
def test_shipped_checkpoints(name: str, kind: type) -> None:
    assert SHIPPED[name].stat().st_size < 5_000_000
    assert isinstance(load_linker(name), kind)
    assert isinstance(load_linker(SHIPPED[name]), kind)


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
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ExtractorError, match=message):
        load_linker(tmp_path / name)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    state = PostLinker().state_dict()
    del state['classifier.fc2.bias']
    state['classifier.fc1.bias'] = torch.zeros(3)
    path = tmp_path / 'other.safetensors'
    save_file(state, path)
    message = (
        r'other\.safetensors does not fit PostLinker.*classifier\.fc2\.bias.*fc1\.bias is \(3,'
    )
    with pytest.raises(ExtractorError, match=message):
        load_linker(path)
