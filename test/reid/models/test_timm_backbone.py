from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from safetensors.torch import save_file

from strongsort_ros.errors import ExtractorError, MissingPackageError
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.models.timm_backbone import load_timm

# timm's own network for tests: half a million parameters.
NAME = 'test_resnet'


@pytest.fixture
def file(timm, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / 'backbone.safetensors'
    save_file(timm.create_model(NAME, pretrained=False).state_dict(), path)
    return path


def test_weights_from_a_file(timm, file, image, boxes):
    network = load_timm(f'{NAME}.r160_in1k', str(file))
    whole = timm.create_model(NAME, pretrained=False).eval()
    whole.load_state_dict(network.module.state_dict(), strict=False)
    whole.reset_classifier(0)
    picture = torch.rand(2, 3, *network.size)
    with torch.inference_mode():
        assert torch.equal(network.module(picture), whole(picture))
    extractor = load_extractor(f'timm:{NAME}@{file}', 'cpu')
    embeddings = extractor.extract(image, boxes)
    assert extractor.card.name == f'timm:{NAME}'
    assert embeddings.shape == (len(boxes), extractor.card.dimension)
    assert np.isfinite(embeddings).all()


def test_a_network_of_fixed_size_keeps_it(timm, tmp_path):
    path = tmp_path / 'vit.pth'
    torch.save(timm.create_model('test_vit', pretrained=False).state_dict(), path)
    assert load_timm('test_vit', str(path)).size == (160, 160)


@pytest.mark.usefixtures('timm')
def test_a_file_of_another_network(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'conv1.weight': torch.zeros(3)}, path)
    with pytest.raises(ExtractorError, match=r'other.pth does not fit ResNet'):
        load_timm(NAME, str(path))


@pytest.mark.usefixtures('timm')
def test_a_missing_file(tmp_path):
    with pytest.raises(ExtractorError, match='no file'):
        load_extractor(f'timm:{NAME}@{tmp_path / "none.pth"}', 'cpu')


@pytest.mark.usefixtures('timm')
def test_an_unknown_name_brings_names_alike():
    with pytest.raises(ExtractorError, match=r"no network 'resnet5000'; similar names: resnet"):
        load_extractor('timm:resnet5000', 'cpu')


def test_what_cannot_be_downloaded_can_be_brought(timm):
    # timm has this network without weights: the download fails with no network needed.
    name = next(n for n in timm.list_models('darknet*') if not timm.models.is_model_pretrained(n))
    with pytest.raises(ExtractorError, match=f'timm:{name}@FILE'):
        load_extractor(f'timm:{name}', 'cpu')


def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(MissingPackageError, match='pip install timm'):
        load_extractor('timm:resnet18', 'cpu')
