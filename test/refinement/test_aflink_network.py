from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from strongsort_ros.appearance.errors import ExtractorError
from strongsort_ros.refinement.aflink_network import SHIPPED, PostLinker, link_costs, load_linker


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-1, 1, (2, count, 30, 3)).astype(np.float32)
    return first, second


def test_has_the_parameters_of_the_published_one() -> None:
    assert sum(p.numel() for p in PostLinker().parameters()) == 1_068_482


def test_published_checkpoint_loads(data_dir: Path, tmp_path: Path) -> None:
    published = data_dir / 'aflink' / 'aflink_official_recipe.pth'
    network = load_linker(published)
    assert not network.training
    save_file(network.state_dict(), tmp_path / 'same.safetensors')
    again = load_linker(tmp_path / 'same.safetensors')
    np.testing.assert_array_equal(link_costs(again, *pairs(3)), link_costs(network, *pairs(3)))


def test_shipped_checkpoint_is_small() -> None:
    assert SHIPPED.stat().st_size < 5_000_000
    assert not load_linker().training


def test_costs_do_not_depend_on_the_batch() -> None:
    network, (first, second) = load_linker(), pairs(600)
    costs = link_costs(network, first, second)
    assert costs.shape == (600,)
    assert ((costs >= 0) & (costs <= 1)).all()
    alone = [link_costs(network, first[i : i + 1], second[i : i + 1])[0] for i in (0, 511, 599)]
    np.testing.assert_allclose(costs[[0, 511, 599]], alone, atol=1e-5)
    assert link_costs(network, first[:0], second[:0]).shape == (0,)


def test_inference_is_what_was_trained() -> None:
    """The normalisation, put together for inference, is that of the layers."""
    network, (first, second) = load_linker(), pairs(4)
    x = torch.from_numpy(first).permute(2, 0, 1)[:, :, None]
    block = network.TemporalModule_1[0]
    with torch.no_grad():
        columns = block.conv(x.permute(1, 2, 3, 0)).unbind(3)
        norms = (block.bnf, block.bnx, block.bny)
        expected = torch.stack([n(c) for n, c in zip(norms, columns, strict=True)]).relu()
        np.testing.assert_allclose(block(x), expected, atol=1e-5)
    assert len(second) == 4


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
