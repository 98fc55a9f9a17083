from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.interfaces import CARDS

CPU_TORCH = 'PyTorch on cpu, float32'


@pytest.mark.parametrize('weights', ['', 'colour'])
def test_without_weights_colours_are_used_with_one_warning(weights, caplog):
    extractor = load_extractor(weights)
    assert isinstance(extractor, ColourExtractor)
    (record,) = caplog.records
    assert 'docs/weights.md' in record.getMessage()


@pytest.fixture
def file(tmp_path, network):
    torch = pytest.importorskip('torch')
    path = tmp_path / 'osnet.pth'
    torch.save(network.module.state_dict(), path)
    return path


def test_pth_file_loads(file, image, boxes, caplog):
    with caplog.at_level('INFO'):
        extractor = load_extractor(file, 'cpu')
    assert extractor.card == CARDS['osnet_x0_25']
    assert extractor.extract(image, boxes).shape == (len(boxes), 512)
    assert 'max_cosine_distance 0.45' in caplog.text


def test_embeddings_are_the_same_without_onnxruntime(file, image, boxes, monkeypatch):
    expected = load_extractor(file, 'cpu').extract(image, boxes)
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    found = load_extractor(file, 'cpu').extract(image, boxes)
    assert np.allclose(found, expected, rtol=1e-3)


def test_checksum_is_checked(file):
    load_extractor(file, 'cpu', sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(ExtractorError, match='SHA-256'):
        load_extractor(file, 'cpu', sha256='0' * 64)


@pytest.mark.parametrize('name', ['none.pth', 'none.onnx', 'none'])
def test_missing_file_is_named(tmp_path, name):
    with pytest.raises(ExtractorError, match=f'no file .*{name}'):
        load_extractor(tmp_path / name)


def test_unknown_suffix_is_refused(tmp_path):
    path = tmp_path / 'weights.bin'
    path.touch()
    with pytest.raises(ExtractorError, match=r"ends in '.bin', expected .pth"):
        load_extractor(path)


@pytest.mark.parametrize('device', ['gpu', 'cuda:', 'cuda:x', 'cuda:-1', 'cpu:0', ''])
def test_unknown_device_is_refused(device):
    with pytest.raises(ExtractorError, match='device: '):
        load_extractor('', device)


@pytest.mark.parametrize('device', ['cuda', 'cuda:0', 'cuda:3'])
def test_missing_gpu_is_reported(file, device):
    if pytest.importorskip('torch').cuda.is_available():
        pytest.skip('this machine has a GPU')
    with pytest.raises(ExtractorError, match=f"'{device}' requested, .* sees 0 GPUs"):
        load_extractor(file, device)


def test_auto_uses_the_cpu_without_a_gpu(file):
    if pytest.importorskip('torch').cuda.is_available():
        pytest.skip('this machine has a GPU')
    assert load_extractor(file).device in ('onnxruntime on CPUExecutionProvider', CPU_TORCH)


@pytest.mark.parametrize('package', ['', 'onnxruntime'])
def test_number_of_threads_is_set(file, monkeypatch, package):
    torch = pytest.importorskip('torch')
    before = torch.get_num_threads()
    if package:
        monkeypatch.setitem(sys.modules, package, None)
    try:
        extractor = load_extractor(file, 'cpu', threads=2)
        assert torch.get_num_threads() == 2
        if not package:
            options = extractor.engine.session.get_session_options()
            assert options.intra_op_num_threads == 2
        load_extractor(file, 'cpu')
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_zero_threads_are_refused():
    with pytest.raises(ExtractorError, match='threads: 0, expected at least 1'):
        load_extractor('', threads=0)


@pytest.mark.parametrize(
    ('name', 'package', 'install'),
    [
        ('a.pth', 'torch', "pip install torch (extra 'reid') (rosdep key python3-pytorch-pip)"),
        ('a.safetensors', 'torch', 'pip install torch'),
        ('a.onnx', 'onnxruntime', 'pip install onnxruntime'),
        ('timm:resnet18', 'torch', 'pip install torch'),
    ],
)
def test_missing_package_is_named_with_its_install_command(
    tmp_path, monkeypatch, name, package, install
):
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, package, None)
    weights = name if name.startswith('timm:') else tmp_path / name
    with pytest.raises(MissingPackageError) as caught:
        load_extractor(weights)
    assert f'weights: {weights} needs the Python package {package}' in str(caught.value)
    assert install in str(caught.value)
