from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
import torch

from strongsort_ros.appearance.cards import CARDS, UNMEASURED_DISTANCE, card_for
from strongsort_ros.appearance.colour import ColourExtractor
from strongsort_ros.appearance.factory import choose_device, load_extractor
from strongsort_ros.errors import ExtractorError

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU is there')


@pytest.mark.parametrize('weights', ['', 'colour'])
def test_without_weights_colours_do_and_the_log_says_so_once(weights, caplog):
    extractor = load_extractor(weights)
    assert isinstance(extractor, ColourExtractor)
    (record,) = caplog.records
    assert 'docs/weights.md' in record.getMessage()


@pytest.fixture
def file(tmp_path, network):
    path = tmp_path / 'osnet.pth'
    torch.save(network.module.state_dict(), path)
    return path


def test_a_file_of_parameters(file, image, boxes, caplog):
    with caplog.at_level('INFO'):
        extractor = load_extractor(file, 'cpu')
    assert extractor.card == CARDS['osnet_x0_25']
    assert extractor.extract(image, boxes).shape == (len(boxes), 512)
    assert 'max_cosine_distance 0.3' in caplog.text


def test_the_same_without_onnxruntime(file, image, boxes, monkeypatch):
    expected = load_extractor(file, 'cpu').extract(image, boxes)
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    found = load_extractor(file, 'cpu').extract(image, boxes)
    assert np.allclose(found, expected, rtol=1e-3)


def test_checksum_is_checked(file):
    load_extractor(file, 'cpu', sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(ExtractorError, match='SHA-256'):
        load_extractor(file, 'cpu', sha256='0' * 64)


@pytest.mark.parametrize('name', ['none.pth', 'none.onnx', 'none'])
def test_missing_files(tmp_path, name):
    with pytest.raises(ExtractorError, match=f'no file .*{name}'):
        load_extractor(tmp_path / name)


def test_an_ending_that_means_nothing(tmp_path):
    path = tmp_path / 'weights.bin'
    path.touch()
    with pytest.raises(ExtractorError, match=r"ends in '.bin': expected .pth"):
        load_extractor(path)


@pytest.mark.parametrize('device', ['gpu', 'cuda:', 'cuda:x', 'cuda:-1', 'cpu:0', ''])
def test_devices_that_mean_nothing(device):
    with pytest.raises(ExtractorError, match='device: '):
        choose_device(device)


@NO_GPU
@pytest.mark.parametrize('device', ['cuda', 'cuda:0', 'cuda:3'])
def test_a_gpu_that_is_not_there(device):
    with pytest.raises(ExtractorError, match=f"'{device}' asked for, .* sees 0 GPUs"):
        load_extractor('', device)


@NO_GPU
def test_auto_is_the_cpu_where_there_is_no_gpu():
    assert choose_device('auto') == torch.device('cpu')


def test_cards():
    assert card_for('osnet_x1_0', 512, 'x') is CARDS['osnet_x1_0']
    unknown = card_for('mine', 128, 'mine.onnx')
    assert unknown.max_cosine_distance == UNMEASURED_DISTANCE
    assert unknown.threshold_source == 'not measured'
    # The same name with another length is another network.
    assert card_for('osnet_x1_0', 128, 'x').dimension == 128
