"""What every extractor guarantees, and the fallback while a device fails.

The failing device is a real one: PyTorch's `meta`, from which nothing can be copied back.
"""

from __future__ import annotations

import logging

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.onnx_engine import engine_from_network
from strongsort_ros.reid.torch_engine import TorchEngine

CPU, BROKEN = torch.device('cpu'), torch.device('meta')


@pytest.fixture(params=['colour', 'torch', 'torch as on a GPU', 'onnxruntime'])
def extractor(request, network):
    match request.param:
        case 'colour':
            return ColourExtractor()
        case 'torch':
            return NetworkExtractor(network.card, TorchEngine(network, CPU))
        case 'torch as on a GPU':
            engine = TorchEngine(network, CPU, batch_sizes=(4, 8), crop_on_device=True)
            return NetworkExtractor(network.card, engine)
        case _:
            pytest.importorskip('onnxruntime')
            return NetworkExtractor(network.card, engine_from_network(network))


INVISIBLE = np.array(
    [
        [np.nan, 0, 10, 10],
        [0, 0, np.inf, 10],
        [-np.inf, 0, np.inf, 10],
        [5, 5, 0, 10],
        [5, 5, 10, -10],
        [5000, 0, 10, 10],
        [1e308, 1e308, 1e308, 1e308],
    ]
)


@pytest.mark.filterwarnings('error')
def test_invisible_boxes_give_rows_of_zeros(extractor, image, boxes):
    mixed = np.concatenate([INVISIBLE, boxes])
    embeddings = extractor.extract(image, mixed)
    assert embeddings.shape == (len(mixed), extractor.card.dimension)
    assert embeddings.dtype == np.float32
    assert not embeddings[: len(INVISIBLE)].any()
    assert np.allclose(embeddings[len(INVISIBLE) :], extractor.extract(image, boxes), atol=1e-4)
    assert (np.linalg.norm(embeddings[len(INVISIBLE) :], axis=1) > 0).all()


def test_no_boxes_and_invisible_boxes_only(extractor, image):
    assert extractor.extract(image, np.empty((0, 4))).shape == (0, extractor.card.dimension)
    assert not extractor.extract(image, INVISIBLE).any()


def test_inputs_are_not_changed(extractor, image, boxes):
    picture, given = image.copy(), boxes.copy()
    extractor.extract(picture, given)
    assert np.array_equal(picture, image)
    assert np.array_equal(given, boxes)


def test_strided_views_of_an_image_are_accepted(extractor, image, boxes):
    expected = extractor.extract(image, boxes)
    padded = np.zeros((180, 300, 4), dtype=np.uint8)
    padded[:, :240, :3] = image
    reversed_channels = np.ascontiguousarray(image[..., ::-1])
    upside_down = np.ascontiguousarray(image[::-1])
    views = [padded[:, :240, :3], reversed_channels[..., ::-1], upside_down[::-1]]
    for view in views:
        view.setflags(write=False)
        assert np.array_equal(extractor.extract(view, boxes), expected)


def test_embeddings_are_not_overwritten_by_the_next_call(extractor, image, boxes):
    first = extractor.extract(image, boxes)
    kept = first.copy()
    extractor.extract(255 - image, boxes)
    assert np.array_equal(first, kept)


def test_warm_up_does_not_change_the_embeddings(extractor, image, boxes):
    before = extractor.extract(image, boxes)
    extractor.warm_up(3)
    assert np.array_equal(extractor.extract(image, boxes), before)


def test_grey_image_is_refused(extractor, boxes):
    with pytest.raises(ValueError, match=r'image: array of shape \(20, 20\), uint8'):
        extractor.extract(np.zeros((20, 20), dtype=np.uint8), boxes)


def test_overflowing_embedding_becomes_zeros(network, image, boxes):
    engine = TorchEngine(network, CPU)
    extractor = NetworkExtractor(network.card, engine)
    engine._scale[:] = float('inf')
    assert not extractor.extract(image, boxes).any()


def with_fallback(network, engine, create_cpu_engine=None, retry_after=60.0):
    fallback = 'cpu' if create_cpu_engine else 'motion'
    return NetworkExtractor(network.card, engine, fallback, create_cpu_engine, retry_after)


def test_fallback_motion_returns_rows_of_zeros(network, image, boxes, caplog):
    broken = with_fallback(network, TorchEngine(network, BROKEN))
    assert broken.fault == ''
    for _ in range(3):
        embeddings = broken.extract(image, boxes)
        assert embeddings.shape == (len(boxes), network.card.dimension)
        assert not embeddings.any()
    assert 'PyTorch on meta' in broken.fault
    assert 'motion alone' in broken.fault
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1  # not one per frame


def test_fallback_cpu_runs_the_same_network(network, image, boxes):
    def create_cpu_engine():
        return TorchEngine(network, CPU)

    broken = with_fallback(network, TorchEngine(network, BROKEN), create_cpu_engine)
    expected = NetworkExtractor(network.card, create_cpu_engine()).extract(image, boxes)
    assert np.array_equal(broken.extract(image, boxes), expected)
    assert 'the CPU instead' in broken.fault


def test_cpu_fallback_that_fails_too_leaves_motion(network, image, boxes):
    broken = with_fallback(
        network, TorchEngine(network, BROKEN), lambda: TorchEngine(network, BROKEN)
    )
    assert not broken.extract(image, boxes).any()
    assert 'the CPU failed too' in broken.fault
    assert not broken.extract(image, boxes).any()


def test_recovered_device_is_used_again(network, image, boxes, caplog):
    engine = TorchEngine(network, BROKEN)
    recovering = with_fallback(network, engine, retry_after=0.0)
    assert not recovering.extract(image, boxes).any()
    assert recovering.fault
    vars(engine).update(vars(TorchEngine(network, CPU)))
    expected = NetworkExtractor(network.card, TorchEngine(network, CPU)).extract(image, boxes)
    assert np.array_equal(recovering.extract(image, boxes), expected)
    assert recovering.fault == ''
    assert 'works again' in caplog.text


def test_without_fallback_the_error_is_raised(network, image, boxes):
    with pytest.raises((RuntimeError, NotImplementedError)):
        NetworkExtractor(network.card, TorchEngine(network, BROKEN)).extract(image, boxes)


def test_unknown_fallback_is_refused():
    with pytest.raises(ExtractorError, match="fallback: 'gpu', expected one of motion, cpu, none"):
        load_extractor('', fallback='gpu')


class BuggyEngine(TorchEngine):
    """An engine whose code reads an attribute that does not exist."""

    def crop(self, source, xyxy):
        return self.no_such_attribute(source, xyxy)


@pytest.mark.parametrize('on_cpu', [False, True])
def test_programming_error_is_not_taken_for_a_device_failure(network, image, boxes, on_cpu):
    def buggy():
        return BuggyEngine(network, CPU)

    broken = TorchEngine(network, BROKEN) if on_cpu else buggy()
    with pytest.raises(AttributeError, match='no_such_attribute'):
        with_fallback(network, broken, buggy).extract(image, boxes)


def test_wrong_shape_is_not_taken_for_a_device_failure(network, image, boxes):
    engine = TorchEngine(network, CPU)
    engine._module = torch.nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match='shapes cannot be multiplied'):
        with_fallback(network, engine).extract(image, boxes)


@pytest.mark.parametrize(
    'error',
    [
        torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
        RuntimeError('CUDA error: unspecified launch failure'),
        RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'),
        RuntimeError("[enforce fail at alloc_cpu.cpp:116] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ],
    ids=repr,
)
def test_device_errors_are_recognised(network, error):
    assert TorchEngine(network, CPU).is_device_error(error)


def test_cpu_fallback_that_cannot_be_loaded_leaves_motion(network, image, boxes):
    def create_cpu_engine():
        raise ExtractorError('weights: the file is gone')

    broken = with_fallback(network, TorchEngine(network, BROKEN), create_cpu_engine)
    assert not broken.extract(image, boxes).any()
    assert 'the file is gone' in broken.fault
