"""Losses of the bag of tricks and of the cosine softmax classifier."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from torch.nn import functional

BAG_OF_TRICKS: Final = 'bag-of-tricks'
COSINE_SOFTMAX: Final = 'cosine-softmax'
LOSSES: Final = (BAG_OF_TRICKS, COSINE_SOFTMAX)

# Initial scale of the cosines; the published program begins at softplus(0) = 0.69 and needs many
# more steps to raise it.
_SCALE: Final = 16.0


def batch_hard_triplet(features: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Return the batch-hard triplet loss.

    A. Hermans, L. Beyer, B. Leibe, arXiv 1703.07737, equation 5: for each crop, the distance to the
    farthest crop of the same person less that to the nearest of another, plus the margin, where
    that is positive; the mean over the batch.

    Parameters
    ----------
    features
        (N, D); distances are Euclidean.
    labels
        (N,) numbers of the people.
    margin
        In units of the distance.

    """
    squares = features.square().sum(1)
    squared = squares[:, None] + squares - 2 * features @ features.T
    # The square root has no finite derivative at 0.
    distances = squared.clamp(min=1e-12).sqrt()
    same = labels[:, None] == labels
    farthest = distances.masked_fill(~same, 0).amax(dim=1)
    nearest = distances.masked_fill(same, torch.inf).amin(dim=1)
    return functional.relu(farthest - nearest + margin).mean()


class BagOfTricks(nn.Module):
    """Identity loss after the batch normalisation neck, triplet loss before it.

    H. Luo et al.: Bag of Tricks and a Strong Baseline for Deep Person Re-Identification, CVPRW 2019
    (arXiv 1903.07071).

    Parameters
    ----------
    dimension
        Length of the embeddings.
    people
        Number of people.
    smoothing
        Label smoothing of the identity loss.
    margin
        Margin of the triplet loss.

    """

    def __init__(self, dimension: int, people: int, smoothing: float, margin: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(dimension, people, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)
        self._smoothing, self._margin = smoothing, margin

    def forward(
        self, before: torch.Tensor, embeddings: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of (N, D) features before and after the neck."""
        logits = self.classifier(embeddings)
        identity = functional.cross_entropy(logits, labels, label_smoothing=self._smoothing)
        return identity + batch_hard_triplet(before, labels, self._margin)


class CosineSoftmax(nn.Module):
    """Softmax over scaled cosines between the embedding and a direction for each person.

    N. Wojke, A. Bewley: Deep Cosine Metric Learning for Person Re-Identification, WACV 2018
    (arXiv 1812.00442), equation 4; the scale is learnt. DeepSORT's network is trained so.

    Parameters
    ----------
    dimension
        Length of the embeddings.
    people
        Number of people.

    """

    def __init__(self, dimension: int, people: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(people, dimension) / dimension**0.5)
        self.scale = nn.Parameter(torch.tensor(_SCALE))

    def forward(
        self, _before: torch.Tensor, embeddings: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of (N, D) embeddings; what is before the neck is not used."""
        directions = functional.normalize(self.directions)
        cosines = functional.normalize(embeddings) @ directions.T
        return functional.cross_entropy(functional.softplus(self.scale) * cosines, labels)
