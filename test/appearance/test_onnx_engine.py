"""ONNX files: which are taken, and what is said of the others."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from torch import nn

from strongsort_ros.appearance.factory import load_extractor
from strongsort_ros.appearance.network_extractor import NetworkExtractor
from strongsort_ros.appearance.torch_engine import TorchEngine
from strongsort_ros.errors import ExtractorError, MissingPackageError

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


def export(module, path, *shapes, dynamic=True):
    names = [f'in{i}' for i in range(len(shapes))]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module.eval(),
            tuple(torch.zeros(shape) for shape in shapes),
            str(path),
            dynamo=False,
            input_names=names,
            output_names=['out'],
            dynamic_axes={name: {0: 'n'} for name in [*names, 'out']} if dynamic else None,
        )
    return path


@pytest.mark.parametrize('dynamic', [True, False])
def test_a_file_gives_what_pytorch_gives(tmp_path, network, image, boxes, dynamic):
    path = export(network.module, tmp_path / 'mine.onnx', (3, 3, 256, 128), dynamic=dynamic)
    extractor = load_extractor(path, 'cpu')
    assert (extractor.card.name, extractor.card.dimension) == ('mine', 512)
    engine = TorchEngine(network, torch.device('cpu'))
    expected = NetworkExtractor(network.card, engine).extract(image, boxes)
    assert np.allclose(extractor.extract(image, boxes), expected, rtol=1e-3)
    extractor.warm_up(5)


def test_a_known_name_brings_its_card(tmp_path, network):
    path = export(network.module, tmp_path / 'osnet_x0_25_msmt17.onnx', (1, 3, 256, 128))
    assert load_extractor(path, 'cpu').card.name == 'osnet_x0_25'


def test_another_input_size_is_seen(tmp_path, image, boxes):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    extractor = load_extractor(export(module, tmp_path / 'a.onnx', (1, 3, 64, 32)), 'cpu')
    assert extractor.extract(image, boxes).shape == (len(boxes), 6)


def test_a_pooled_map_is_flattened(tmp_path, image, boxes):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1))
    extractor = load_extractor(export(module, tmp_path / 'a.onnx', (1, 3, 64, 32)), 'cpu')
    assert extractor.extract(image, boxes).shape == (len(boxes), 6)


def test_models_that_take_something_else(tmp_path):
    class Sum(nn.Module):
        def forward(self, a, b):
            return a + b

    for name, module, shapes in (
        ('two inputs', Sum(), [(1, 3, 8, 8), (1, 3, 8, 8)]),
        ('grey', nn.Conv2d(1, 2, 3), [(1, 1, 8, 8)]),
        ('vectors', nn.Linear(4, 2), [(1, 4)]),
    ):
        path = export(module, tmp_path / f'{name}.onnx', *shapes)
        with pytest.raises(ExtractorError, match=rf'{name}.onnx takes .*expected one tensor'):
            load_extractor(path, 'cpu')


@pytest.mark.parametrize('content', [b'', b'not a network'])
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / 'a.onnx'
    path.write_bytes(content)
    with pytest.raises(ExtractorError, match=r'a\.onnx is not an ONNX model'):
        load_extractor(path, 'cpu')


def test_truncated_file(tmp_path, network):
    path = export(network.module, tmp_path / 'a.onnx', (1, 3, 256, 128))
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ExtractorError, match=r'a\.onnx is not an ONNX model'):
        load_extractor(path, 'cpu')


def test_without_onnxruntime(tmp_path, monkeypatch):
    path = tmp_path / 'a.onnx'
    path.touch()
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(MissingPackageError, match='pip install onnxruntime'):
        load_extractor(path, 'cpu')
