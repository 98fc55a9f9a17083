from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.reid.crops import clip_boxes
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.models import load_network
from strongsort_ros.reid.models.osnet import WIDTHS, OSNet
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.torch_engine import TorchEngine

# Millions of parameters at inference, from torchreid's model zoo.
MILLIONS = {'osnet_x0_25': 0.2, 'osnet_x0_5': 0.6, 'osnet_x0_75': 1.3, 'osnet_x1_0': 2.2}


@pytest.mark.parametrize('name', WIDTHS)
def test_number_of_parameters_is_the_published_one(name):
    network = OSNet(WIDTHS[name]).eval()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count / 1e6, 1) == MILLIONS[name]
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 256, 128)).shape == (2, 512)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope='module')
def crowd(data_dir):
    """Images of MOT17-09 with their boxes and published features."""
    import cv2

    rows = np.load(data_dir / 'deepsort_features' / 'MOT17-09-FRCNN_osnet512.npy')
    frames = []
    for frame in (264, 310, 413):
        file = data_dir / 'mot17' / 'MOT17-09-FRCNN' / 'img1' / f'{frame:06d}.jpg'
        of_frame = rows[rows[:, 0] == frame]
        frames.append((cv2.imread(str(file)), of_frame[:, 2:6], of_frame[:, 10:]))
    return frames


def test_module_gives_the_embeddings_of_the_onnx_file(data_dir, crowd):
    onnxruntime = pytest.importorskip('onnxruntime')
    session = onnxruntime.InferenceSession(
        str(data_dir / 'reid' / 'osnet_x0_25_msmt17.onnx'), providers=['CPUExecutionProvider']
    )
    network = load_network(data_dir / 'reid' / 'osnet_x0_25_msmt17.pth')
    engine = TorchEngine(network, torch.device('cpu'))
    for image, tlwh, _ in crowd:
        cuts = engine.crop(image, clip_boxes(tlwh, *image.shape[:2])[0])
        with torch.inference_mode():
            found = network.module(cuts).numpy()
        (expected,) = session.run(None, {session.get_inputs()[0].name: cuts.numpy()})
        assert cosines(found, expected).min() > 0.9999


@pytest.mark.parametrize('file', ['osnet_x0_25_msmt17.pth', 'osnet_x0_25_msmt17.onnx'])
def test_extractors_give_the_published_features(data_dir, crowd, file):
    pytest.importorskip('onnxruntime')
    extractor = load_extractor(data_dir / 'reid' / file, 'cpu')
    assert extractor.card.name == 'osnet_x0_25'
    assert extractor.card.max_cosine_distance == 0.45
    for image, tlwh, features in crowd:
        assert cosines(extractor.extract(image, tlwh), features).min() > 0.9999


@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.float32, 1e-3), (torch.bfloat16, 1e-2)], ids=str
)
def test_gpu_code_path_gives_the_published_features(data_dir, crowd, dtype, tolerance):
    network = load_network(data_dir / 'reid' / 'osnet_x0_25_msmt17.pth')
    engine = TorchEngine(
        network, torch.device('cpu'), dtype=dtype, batch_sizes=(4, 16), crop_on_device=True
    )
    extractor = NetworkExtractor(network.card, engine)
    for image, tlwh, features in crowd:
        assert cosines(extractor.extract(image, tlwh), features).min() > 1 - tolerance
