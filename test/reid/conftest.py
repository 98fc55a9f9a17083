"""Images, boxes and networks for the tests of feature extractors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from strongsort_ros.errors import StrongSortError
from strongsort_ros.reid.interfaces import CARDS

if TYPE_CHECKING:
    from torch import nn

    from strongsort_ros.reid.models import Network


@pytest.fixture
def image() -> npt.NDArray[np.uint8]:
    """A smooth colour image of 180 x 240, so that resizing is well defined."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (240, 180), interpolation=cv2.INTER_CUBIC)
    picture.setflags(write=False)
    return picture


@pytest.fixture
def boxes() -> npt.NDArray[np.float64]:
    """Seven boxes inside the image, across its border and of unusual shapes."""
    return np.array(
        [
            [10.2, 20.7, 40.0, 90.0],
            [100.0, 5.0, 60.5, 150.1],
            [-15.0, -20.0, 60.0, 120.0],
            [200.0, 100.0, 80.0, 200.0],
            [0.0, 0.0, 240.0, 180.0],
            [50.0, 50.0, 2.0, 3.0],
            [120.0, 80.0, 64.0, 128.0],
        ]
    )


def _randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Set every parameter and statistic to a random value, in place."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if name.endswith('num_batches_tracked'):
            continue
        noise = torch.rand(tensor.shape, generator=generator)
        if tensor.ndim == 4 or tensor.ndim == 2:
            spread = (3 / tensor[0].numel()) ** 0.5
            tensor.copy_((2 * noise - 1) * spread)
        elif name.endswith(('running_var', 'weight')):
            tensor.copy_(0.5 + noise)
        else:
            tensor.copy_(0.2 * (noise - 0.5))
    return module.eval()


@pytest.fixture(scope='session')
def randomise() -> Callable[[nn.Module], nn.Module]:
    """Function that sets random weights in a network, in place."""
    return _randomise


@pytest.fixture(scope='session')
def network() -> Network:
    """An OSNet x0.25 with random weights."""
    pytest.importorskip('torch')
    from strongsort_ros.reid.models import Network
    from strongsort_ros.reid.models.osnet import OSNet

    return Network(_randomise(OSNet(0.25)), CARDS['osnet_x0_25'])


@pytest.fixture(scope='session')
def timm() -> Any:
    """The timm library; the test is skipped where it cannot be imported."""
    from strongsort_ros.reid.models.timm_backbone import load_timm

    try:
        load_timm('no such network')
    except StrongSortError as error:
        if 'cannot be imported' in str(error):
            pytest.skip(str(error))
    return pytest.importorskip('timm')
