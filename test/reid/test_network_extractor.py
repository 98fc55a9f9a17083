"""What every extractor promises, for each of them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.onnx_engine import engine_from_network
from strongsort_ros.reid.torch_engine import TorchEngine

CPU = torch.device('cpu')


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


NOTHING = np.array(
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
def test_boxes_that_show_nothing_give_rows_of_zeros(extractor, image, boxes):
    mixed = np.concatenate([NOTHING, boxes])
    embeddings = extractor.extract(image, mixed)
    assert embeddings.shape == (len(mixed), extractor.card.dimension)
    assert embeddings.dtype == np.float32
    assert not embeddings[: len(NOTHING)].any()
    assert np.allclose(embeddings[len(NOTHING) :], extractor.extract(image, boxes), atol=1e-4)
    assert (np.linalg.norm(embeddings[len(NOTHING) :], axis=1) > 0).all()


def test_no_boxes_and_only_bad_ones(extractor, image):
    assert extractor.extract(image, np.empty((0, 4))).shape == (0, extractor.card.dimension)
    assert not extractor.extract(image, NOTHING).any()


def test_inputs_are_only_read(extractor, image, boxes):
    picture, given = image.copy(), boxes.copy()
    extractor.extract(picture, given)
    assert np.array_equal(picture, image)
    assert np.array_equal(given, boxes)


def test_any_view_of_an_image_will_do(extractor, image, boxes):
    expected = extractor.extract(image, boxes)
    padded = np.zeros((180, 300, 4), dtype=np.uint8)
    padded[:, :240, :3] = image
    reversed_channels = np.ascontiguousarray(image[..., ::-1])
    upside_down = np.ascontiguousarray(image[::-1])
    views = [padded[:, :240, :3], reversed_channels[..., ::-1], upside_down[::-1]]
    for view in views:
        view.setflags(write=False)
        assert np.array_equal(extractor.extract(view, boxes), expected)


def test_the_answer_is_not_overwritten_by_the_next(extractor, image, boxes):
    first = extractor.extract(image, boxes)
    kept = first.copy()
    extractor.extract(255 - image, boxes)
    assert np.array_equal(first, kept)


def test_warm_up_is_harmless(extractor, image, boxes):
    before = extractor.extract(image, boxes)
    extractor.warm_up(3)
    assert np.array_equal(extractor.extract(image, boxes), before)


def test_a_grey_image_is_refused(extractor, boxes):
    with pytest.raises(ValueError, match='image: uint8'):
        extractor.extract(np.zeros((20, 20), dtype=np.uint8), boxes)


def test_an_embedding_that_overflows_says_nothing(network, image, boxes):
    engine = TorchEngine(network, CPU)
    extractor = NetworkExtractor(network.card, engine)
    engine._scale[:] = float('inf')
    assert not extractor.extract(image, boxes).any()
