"""Both engines give the same embeddings for all batch sizes, number types and devices."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

import cv2
from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.reid.crops import clip_boxes, crop_with_opencv
from strongsort_ros.reid.interfaces import IMAGENET_MEAN, IMAGENET_STD
from strongsort_ros.reid.onnx_engine import engine_from_network
from strongsort_ros.reid.torch_engine import TorchEngine, crop_with_torch

CPU = torch.device('cpu')


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def reference(network, image, xyxy):
    """Embed box by box with the module alone."""
    rows = []
    for left, top, right, bottom in xyxy:
        cut = cv2.resize(image[top:bottom, left:right], (128, 256))[..., ::-1] / 255
        planes = ((cut - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
        with torch.inference_mode():
            rows.append(network.module(torch.tensor(planes[None], dtype=torch.float32)).numpy())
    return np.concatenate(rows)


def engines(network):
    return {
        'onnxruntime': engine_from_network(network),
        'PyTorch': TorchEngine(network, CPU),
        # As on a GPU, except for the number type: crops made on the device, padded batches.
        'as on a GPU': TorchEngine(network, CPU, batch_sizes=(4, 16), crop_on_device=True),
        'as on a GPU, 16 bits': TorchEngine(
            network, CPU, batch_sizes=(4, 16), crop_on_device=True, dtype=torch.bfloat16
        ),
        'as on a GPU, several batches': TorchEngine(
            network, CPU, batch_sizes=(1, 2, 3), crop_on_device=True
        ),
    }


def test_every_engine_gives_the_embeddings_of_the_module(network, image, boxes):
    pytest.importorskip('onnxruntime')
    xyxy, _ = clip_boxes(boxes, *image.shape[:2])
    expected = reference(network, image, xyxy)
    for name, engine in engines(network).items():
        found = engine.embed(image, xyxy)
        assert found.dtype == np.float32
        tolerance = 1e-2 if '16 bits' in name else 1e-4
        assert cosines(found, expected).min() > 1 - tolerance, name


def test_embedding_does_not_depend_on_the_other_boxes(network, image, boxes):
    xyxy, _ = clip_boxes(boxes, *image.shape[:2])
    engine = TorchEngine(network, CPU, batch_sizes=(4, 8), crop_on_device=True)
    together = engine.embed(image, xyxy)
    alone = np.concatenate([engine.embed(image, box[None]) for box in xyxy])
    assert np.allclose(together, alone, atol=1e-4)


def test_image_size_may_change(network, image):
    engine = TorchEngine(network, CPU, crop_on_device=True)
    box = np.array([[0, 0, 50, 100]])
    first = engine.embed(image, box)
    engine.embed(np.zeros((120, 90, 3), dtype=np.uint8), box)
    assert np.array_equal(engine.embed(image, box), first)


def test_engine_does_not_change_the_network(network, image):
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    engine = TorchEngine(network, CPU, dtype=torch.bfloat16)
    engine.embed(image, np.array([[0, 0, 50, 100]]))
    after = network.module.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_warm_up_runs_every_batch_size(network):
    engine = TorchEngine(network, CPU, batch_sizes=(1, 2, 4, 8))
    seen = []
    engine._module.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    engine.warm_up(3)
    assert seen == [1, 2, 4]


def test_without_onnxruntime_the_network_runs_in_pytorch(network, monkeypatch, caplog):
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    with caplog.at_level('INFO'):
        assert engine_from_network(network) is None
    assert 'onnxruntime' in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA GPU')
def test_gpu_gives_the_embeddings_of_the_cpu(network, image, boxes):
    xyxy, _ = clip_boxes(boxes, *image.shape[:2])
    engine = TorchEngine(network, torch.device('cuda:0'))
    engine.warm_up(8)
    expected = TorchEngine(network, CPU).embed(image, xyxy)
    for _ in range(3):
        assert cosines(engine.embed(image, xyxy), expected).min() > 1 - 1e-2


@given(st.integers(0, 2**32 - 1))
def test_torch_and_opencv_crops_agree(seed):
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8), (61, 83))
    low = rng.integers(0, (60, 82), (5, 2))
    high = low + 1 + rng.integers(0, (61, 83) - low)
    xyxy = np.concatenate([low, high], axis=1)
    expected = crop_with_opencv(picture, xyxy, (32, 16)).transpose(0, 3, 1, 2)
    found = crop_with_torch(torch.from_numpy(picture), torch.from_numpy(xyxy), (32, 16))
    # OpenCV rounds weights to 1/2048 and results to integers.
    assert np.abs(found.numpy() - expected).max() <= 1.0


def test_crop_has_no_pixels_outside_its_box():
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    picture[10:20, 10:20] = 200
    xyxy = np.array([[10, 10, 20, 20]])
    found = crop_with_torch(torch.from_numpy(picture), torch.from_numpy(xyxy), (64, 64))
    assert torch.allclose(found, torch.tensor(200.0), atol=0.05)
