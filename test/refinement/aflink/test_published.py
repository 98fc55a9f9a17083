"""Inference of the published network equals its layers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.refinement.aflink.published import PostLinker, PublishedLinker


@pytest.fixture(scope='module')
def network() -> PostLinker:
    """Return a network with non-trivial batch normalisations."""
    torch.manual_seed(0)
    network = PostLinker()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(64, 30, 3), torch.randn(64, 30, 3))
    return network.eval()


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-1, 1, (2, count, 30, 3)).astype(np.float32)
    return first, second


def test_has_the_parameters_of_the_published_one() -> None:
    assert sum(p.numel() for p in PostLinker().parameters()) == 1_068_482


def test_costs_are_those_of_the_layers(network: PostLinker) -> None:
    first, second = pairs(40)
    first[5:9, :, 0] = first[5, :, 0]  # columns that are the same
    with torch.no_grad():
        logits = network(torch.from_numpy(first), torch.from_numpy(second))
    expected = 1 - torch.softmax(logits, dim=1)[:, 1].numpy()
    assert np.ptp(expected) > 5e-4
    np.testing.assert_allclose(PublishedLinker(network).score(first, second), expected, atol=1e-6)


def test_costs_do_not_depend_on_the_batch(network: PostLinker) -> None:
    linker, (first, second) = PublishedLinker(network), pairs(100)
    costs = linker.score(first, second)
    assert costs.shape == (100,)
    alone = [linker.score(first[i : i + 1], second[i : i + 1])[0] for i in (0, 51, 99)]
    np.testing.assert_allclose(costs[[0, 51, 99]], alone, atol=1e-5)


def test_later_training_does_not_change_the_linker(network: PostLinker) -> None:
    linker, rows = PublishedLinker(network), pairs(4)
    before = linker.score(*rows)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    np.testing.assert_array_equal(linker.score(*rows), before)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.sub_(1.0)
