"""Detectors of other packages: those that are installed run, the others say how to install them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.detection import load_detector
from strongsort_ros.errors import InputError, MissingPackageError
from strongsort_ros.packages import is_installed

NETWORK = 'ssdlite320_mobilenet_v3_large'


@pytest.mark.parametrize('name', ['ultralytics', 'rfdetr', 'torchvision'])
def test_a_missing_package_is_named(name: str) -> None:
    if is_installed(name):
        pytest.skip('it is installed')
    with pytest.raises(MissingPackageError, match=f'needs the Python package {name}.*pip install'):
        load_detector(f'{name}:model')


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a network of torchvision, as they are before training."""
    torch = pytest.importorskip('torch')
    try:
        from torchvision.models import get_model
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f'needs torchvision that fits torch: {str(error).splitlines()[0][:60]}')
    torch.manual_seed(0)
    network = get_model(NETWORK, weights=None, weights_backbone=None, num_classes=91)
    torch.save(network.state_dict(), tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


def test_torchvision(weights: Path) -> None:
    detector = load_detector(f'torchvision:{NETWORK}:{weights}', min_score=0.005)
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    found = detector.detect(image)
    assert len(found) > 0
    assert found.scores.min() >= 0.005
    assert set(found.class_ids.tolist()) <= set(detector.names.values())
    for name in (f'torchvision:none:{weights}', f'torchvision:{NETWORK}'):
        with pytest.raises(InputError, match=f'with a NAME of .*{NETWORK}'):
            load_detector(name)
    with pytest.raises(InputError, match='not weights of fcos_resnet50_fpn'):
        load_detector(f'torchvision:fcos_resnet50_fpn:{weights}')


def test_torchvision_of_another_torch() -> None:
    torch = pytest.importorskip('torch')
    try:
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except RuntimeError:
        with pytest.raises(InputError, match='torchvision does not fit torch'):
            load_detector('torchvision:a:b')
    except ImportError:
        pytest.skip('needs torchvision')
