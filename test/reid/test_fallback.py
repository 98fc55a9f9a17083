"""A device that fails, for real: PyTorch's `meta`, which gives nothing back."""

from __future__ import annotations

import logging

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.torch_engine import TorchEngine

CPU, BROKEN = torch.device('cpu'), torch.device('meta')


def extractor(network, engine, create_cpu_engine=None, retry_after=60.0):
    fallback = 'cpu' if create_cpu_engine else 'motion'
    return NetworkExtractor(network.card, engine, fallback, create_cpu_engine, retry_after)


def test_without_a_spare_boxes_have_no_appearance(network, image, boxes, caplog):
    broken = extractor(network, TorchEngine(network, BROKEN))
    assert broken.fault == ''
    for _ in range(3):
        embeddings = broken.extract(image, boxes)
        assert embeddings.shape == (len(boxes), network.card.dimension)
        assert not embeddings.any()
    assert 'PyTorch on meta' in broken.fault
    assert 'motion alone' in broken.fault
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(said) == 1  # not once a frame


def test_with_a_spare_the_network_goes_on_there(network, image, boxes):
    def spare():
        return TorchEngine(network, CPU)

    broken = extractor(network, TorchEngine(network, BROKEN), spare)
    expected = NetworkExtractor(network.card, spare()).extract(image, boxes)
    assert np.array_equal(broken.extract(image, boxes), expected)
    assert 'the CPU instead' in broken.fault


def test_a_spare_that_fails_too_leaves_motion(network, image, boxes):
    broken = extractor(network, TorchEngine(network, BROKEN), lambda: TorchEngine(network, BROKEN))
    assert not broken.extract(image, boxes).any()
    assert 'the CPU failed too' in broken.fault
    assert not broken.extract(image, boxes).any()


def test_a_device_that_comes_back_is_used_again(network, image, boxes, caplog):
    engine = TorchEngine(network, BROKEN)
    recovering = extractor(network, engine, retry_after=0.0)
    assert not recovering.extract(image, boxes).any()
    assert recovering.fault
    vars(engine).update(vars(TorchEngine(network, CPU)))
    expected = NetworkExtractor(network.card, TorchEngine(network, CPU)).extract(image, boxes)
    assert np.array_equal(recovering.extract(image, boxes), expected)
    assert recovering.fault == ''
    assert 'works again' in caplog.text


def test_without_a_fallback_the_error_is_the_callers(network, image, boxes):
    with pytest.raises((RuntimeError, NotImplementedError)):
        NetworkExtractor(network.card, TorchEngine(network, BROKEN)).extract(image, boxes)


def test_an_unknown_fallback_is_refused():
    with pytest.raises(ExtractorError, match="fallback: 'gpu', expected one of motion, cpu, none"):
        load_extractor('', fallback='gpu')


class WithAMistake(TorchEngine):
    """An engine whose code reads an attribute that does not exist."""

    def crop(self, source, xyxy):
        return self.no_such_attribute(source, xyxy)


@pytest.mark.parametrize('spare', [False, True])
def test_a_mistake_in_the_program_keeps_its_traceback(network, image, boxes, spare):
    def mistaken():
        return WithAMistake(network, CPU)

    broken = TorchEngine(network, BROKEN) if spare else mistaken()
    with pytest.raises(AttributeError, match='no_such_attribute'):
        extractor(network, broken, mistaken).extract(image, boxes)


def test_a_network_of_the_wrong_shape_is_no_failure_of_the_device(network, image, boxes):
    engine = TorchEngine(network, CPU)
    engine._module = torch.nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match='shapes cannot be multiplied'):
        extractor(network, engine).extract(image, boxes)


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
def test_what_counts_as_a_failure_of_the_device(network, error):
    assert TorchEngine(network, CPU).is_device_error(error)


def test_a_spare_that_cannot_be_made_leaves_motion(network, image, boxes):
    def spare():
        raise ExtractorError('weights: the file is gone')

    broken = extractor(network, TorchEngine(network, BROKEN), spare)
    assert not broken.extract(image, boxes).any()
    assert 'the file is gone' in broken.fault
