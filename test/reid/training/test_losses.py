"""Losses against values computed by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip('torch')

from strongsort_ros.reid.training.losses import BagOfTricks, CosineSoftmax, batch_hard_triplet

LABELS = torch.tensor([0, 0, 1, 1])


def test_triplet_takes_the_farthest_and_the_nearest() -> None:
    # On a line: 0 and 2 are one person, 3 and 7 the other.
    features = torch.tensor([[0.0, 0], [2, 0], [3, 0], [7, 0]])
    # farthest same - nearest other: 2 - 3, 2 - 1, 4 - 1, 4 - 5; plus the margin of 0.5.
    expected = (0 + 1.5 + 3.5 + 0) / 4
    assert float(batch_hard_triplet(features, LABELS, 0.5)) == pytest.approx(expected)


def test_triplet_of_equal_features_has_finite_gradients() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, LABELS, 0.3)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.3)
    assert torch.isfinite(features.grad).all()


def test_bag_of_tricks_smooths_the_labels() -> None:
    loss = BagOfTricks(2, 2, smoothing=0.2, margin=0.3)
    with torch.no_grad():
        loss.classifier.weight.copy_(torch.tensor([[1.0, 0], [0, 1]]))
    embeddings = torch.tensor([[2.0, 0], [2, 0], [0, 2], [0, 2]])
    far = torch.tensor([[0.0, 0], [0, 0], [9, 0], [9, 0]])  # no triplet loss
    wrong, right = math.log(1 + math.e**2), math.log(1 + math.e**-2)
    # Smoothing gives a tenth of the label to each of the two people, and the rest to the right one.
    assert float(loss(far, embeddings, LABELS)) == pytest.approx(0.9 * right + 0.1 * wrong)


def test_cosine_softmax_ignores_lengths() -> None:
    loss = CosineSoftmax(2, 2)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[5.0, 0], [0, 0.1]]))
        loss.scale.fill_(math.log(math.e**3 - 1))  # softplus gives 3
    embeddings = torch.tensor([[7.0, 0], [0.1, 0], [0, 3], [0, 1]])
    found = loss(embeddings, embeddings, LABELS)
    assert float(found) == pytest.approx(math.log(1 + math.exp(-3)), rel=1e-5)
    assert float(loss(embeddings, embeddings, 1 - LABELS)) == pytest.approx(
        math.log(1 + math.exp(3)), rel=1e-5
    )
