from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from safetensors.torch import save_file

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.models.timm_backbone import load_timm

# A network of timm for tests, with half a million parameters.
NAME = 'test_resnet'


@pytest.fixture
def file(timm, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / 'backbone.safetensors'
    save_file(timm.create_model(NAME, pretrained=False).state_dict(), path)
    return path


def test_weights_load_from_a_file(timm, file, image, boxes):
    network = load_timm(f'{NAME}.r160_in1k', str(file))
    expected = timm.create_model(NAME, pretrained=False).eval()
    expected.load_state_dict(network.module.state_dict(), strict=False)
    expected.reset_classifier(0)
    picture = torch.rand(2, 3, *network.size)
    with torch.inference_mode():
        assert torch.equal(network.module(picture), expected(picture))
    extractor = load_extractor(f'timm:{NAME}@{file}', 'cpu')
    embeddings = extractor.extract(image, boxes)
    assert extractor.card.name == f'timm:{NAME}'
    assert embeddings.shape == (len(boxes), extractor.card.dimension)
    assert np.isfinite(embeddings).all()


def test_fixed_input_size_is_kept(timm, tmp_path):
    path = tmp_path / 'vit.pth'
    torch.save(timm.create_model('test_vit', pretrained=False).state_dict(), path)
    assert load_timm('test_vit', str(path)).size == (160, 160)


@pytest.mark.usefixtures('timm')
def test_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'conv1.weight': torch.zeros(3)}, path)
    with pytest.raises(ExtractorError, match=r'other.pth does not fit ResNet'):
        load_timm(NAME, str(path))


@pytest.mark.usefixtures('timm')
def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ExtractorError, match='no file'):
        load_extractor(f'timm:{NAME}@{tmp_path / "none.pth"}', 'cpu')


@pytest.mark.usefixtures('timm')
def test_unknown_name_is_answered_with_similar_names():
    with pytest.raises(ExtractorError, match=r"no network 'resnet5000'; similar names: resnet"):
        load_extractor('timm:resnet5000', 'cpu')


def test_failed_download_suggests_a_file(timm):
    # timm has no weights for this network, so loading them fails without internet access.
    name = next(n for n in timm.list_models('darknet*') if not timm.models.is_model_pretrained(n))
    with pytest.raises(ExtractorError, match=f'timm:{name}@FILE'):
        load_extractor(f'timm:{name}', 'cpu')


def test_missing_timm_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(MissingPackageError, match='pip install timm'):
        load_extractor('timm:resnet18', 'cpu')
