"""ONNX files: which are accepted, and the errors for others."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from onnx import TensorProto, helper
from torch import nn

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.torch_engine import TorchEngine


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
def test_onnx_file_gives_the_embeddings_of_pytorch(tmp_path, network, image, boxes, dynamic):
    path = export(network.module, tmp_path / 'mine.onnx', (3, 3, 256, 128), dynamic=dynamic)
    extractor = load_extractor(path, 'cpu')
    assert (extractor.card.name, extractor.card.dimension) == ('mine', 512)
    engine = TorchEngine(network, torch.device('cpu'))
    expected = NetworkExtractor(network.card, engine).extract(image, boxes)
    assert np.allclose(extractor.extract(image, boxes), expected, rtol=1e-3)
    extractor.warm_up(5)


def test_known_name_gets_its_card(tmp_path, network):
    path = export(network.module, tmp_path / 'osnet_x0_25_msmt17.onnx', (1, 3, 256, 128))
    assert load_extractor(path, 'cpu').card.name == 'osnet_x0_25'


def test_input_size_is_read_from_the_file(tmp_path, image, boxes):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    extractor = load_extractor(export(module, tmp_path / 'a.onnx', (1, 3, 64, 32)), 'cpu')
    assert extractor.extract(image, boxes).shape == (len(boxes), 6)


def test_pooled_feature_map_is_flattened(tmp_path, image, boxes):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1))
    extractor = load_extractor(export(module, tmp_path / 'a.onnx', (1, 3, 64, 32)), 'cpu')
    assert extractor.extract(image, boxes).shape == (len(boxes), 6)


def test_models_with_other_inputs_are_refused(tmp_path):
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
def test_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / 'a.onnx'
    path.write_bytes(content)
    with pytest.raises(ExtractorError, match=r'a\.onnx is not an ONNX model'):
        load_extractor(path, 'cpu')


def test_truncated_file_is_refused(tmp_path, network):
    path = export(network.module, tmp_path / 'a.onnx', (1, 3, 256, 128))
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ExtractorError, match=r'a\.onnx is not an ONNX model'):
        load_extractor(path, 'cpu')


def test_missing_onnxruntime_is_reported(tmp_path, monkeypatch):
    path = tmp_path / 'a.onnx'
    path.touch()
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(MissingPackageError, match='pip install onnxruntime'):
        load_extractor(path, 'cpu')


def model(path, shape, *, output=('n', 2), output_type=TensorProto.FLOAT, node=None):
    """Write a small model with an input of the given shape."""
    node = node or helper.make_node('Flatten', ['in'], ['out'])
    graph = helper.make_graph(
        [node],
        'graph',
        [helper.make_tensor_value_info('in', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('out', output_type, output)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize(
    'shape',
    [
        ('n', 3, 100_000, 100_000),
        ('n', 3, 0, 4),
        ('n', 3, 4, 0),
        (1_000_000, 3, 8, 4),
        (0, 3, 8, 4),
        (200, 3, 1024, 1024),
    ],
    ids=str,
)
def test_absurd_input_sizes_are_refused(tmp_path, shape):
    path = model(tmp_path / 'a.onnx', shape, output=None)
    with pytest.raises(ExtractorError, match=r'a\.onnx takes .*expected a height and width'):
        load_extractor(path, 'cpu')


def test_absurd_embedding_length_is_refused(tmp_path):
    path = model(tmp_path / 'a.onnx', ('n', 3, 128, 128), output=None)
    with pytest.raises(ExtractorError, match='embeddings of length 49152, expected at most 16384'):
        load_extractor(path, 'cpu')


def test_output_without_one_row_per_crop_is_refused(tmp_path):
    node = helper.make_node('ReduceSum', ['in'], ['out'], keepdims=1)
    path = model(tmp_path / 'a.onnx', ('n', 3, 8, 8), output=None, node=node)
    with pytest.raises(ExtractorError, match='expected one row per crop'):
        load_extractor(path, 'cpu')


def test_output_of_another_type_is_refused(tmp_path):
    node = helper.make_node('Cast', ['in'], ['out'], to=TensorProto.INT64)
    path = model(
        tmp_path / 'a.onnx', ('n', 3, 8, 8), output=None, output_type=TensorProto.INT64, node=node
    )
    with pytest.raises(ExtractorError, match=r'returns tensor\(int64\), expected tensor\(float\)'):
        load_extractor(path, 'cpu')


def test_model_that_fails_to_run_is_refused(tmp_path):
    node = helper.make_node('Reshape', ['in', 'in'], ['out'])
    path = model(tmp_path / 'a.onnx', ('n', 3, 8, 8), output=None, node=node)
    with pytest.raises(ExtractorError, match='is not an ONNX model that runs'):
        load_extractor(path, 'cpu')


def test_onnx_file_needs_no_pytorch(tmp_path):
    path = model(tmp_path / 'a.onnx', ('n', 3, 8, 4))
    program = (
        'import sys; sys.modules["torch"] = None\n'
        'from strongsort_ros.reid.factory import load_extractor\n'
        'print(load_extractor(sys.argv[1]).card.dimension)'
    )
    done = subprocess.run(
        [sys.executable, '-c', program, path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, '96\n'), done.stderr
