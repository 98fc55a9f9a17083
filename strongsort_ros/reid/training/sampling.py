"""Batches of P people with K crops each, and their augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from strongsort_ros.reid.interfaces import IMAGENET_MEAN
from strongsort_ros.types import Image, IntArray

_PADDING: Final = 10 / 256  # of the height, as in the bag of tricks
_ERASED: Final = (0.02, 0.4)
_ERASED_ASPECT: Final = (0.3, 1 / 0.3)
_ERASING_TRIES: Final = 20
_MEAN_BGR: Final = np.round(255 * np.array(IMAGENET_MEAN[::-1])).astype(np.uint8)


def pk_batches(
    labels: IntArray, people: int, each: int, rng: np.random.Generator
) -> Iterator[IntArray]:
    """Yield the batches of an epoch, in which every person occurs at least once.

    A. Hermans, L. Beyer, B. Leibe: In Defense of the Triplet Loss for Person Re-Identification,
    arXiv 1703.07737, section 2.

    Parameters
    ----------
    labels
        (N,) number of the person on each crop, 0 to the number of people - 1.
    people
        P: people in a batch; at most as many as there are.
    each
        K: crops of each person in a batch. Those with fewer occur several times.
    rng
        Draws people and crops.

    Yields
    ------
    rows
        (P * K,) row numbers, K of each person in turn.

    """
    total = int(labels.max()) + 1
    people = min(people, total)
    order = np.argsort(labels, kind='stable')
    crops = np.split(order, np.searchsorted(labels[order], np.arange(1, total)))
    batches = -(-total // people)
    # An epoch shows about every crop once: where there are many of each person, in several rounds.
    for _ in range(max(1, round(len(labels) / (batches * people * each)))):
        queue = rng.permutation(total)
        # People who fill the last batch are drawn from those that it lacks.
        full = total - total % people
        queue = np.concatenate([queue, rng.permutation(queue[:full])[: batches * people - total]])
        for chosen in queue.reshape(batches, people):
            yield np.concatenate([_draw(crops[person], each, rng) for person in chosen])


def _draw(rows: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Return `count` of the rows, each as often as any other, or once more."""
    repeats = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(repeats)[:count]


def augment(crops: Image, erasing: float, rng: np.random.Generator) -> Image:
    """Return crops that are mirrored, shifted and partly erased at random.

    Parameters
    ----------
    crops
        (N, H, W, 3) uint8 BGR; not changed.
    erasing
        Probability that a rectangle of a crop is erased (Z. Zhong et al.: Random Erasing Data
        Augmentation, arXiv 1708.04896), with the mean colour, as in the bag of tricks.
    rng
        Draws everything.

    """
    changed = np.empty_like(crops)
    height, width = crops.shape[1:3]
    pad = max(1, round(_PADDING * height))
    for crop, out in zip(crops, changed, strict=True):
        source = crop[:, ::-1] if rng.random() < 0.5 else crop
        padded = cv2.copyMakeBorder(source, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
        top, left = rng.integers(2 * pad + 1, size=2)
        out[:] = padded[top : top + height, left : left + width]
        if rng.random() < erasing:
            _erase(out, rng)
    return changed


def _erase(crop: Image, rng: np.random.Generator) -> None:
    """Fill a random rectangle of a crop, in place."""
    height, width = crop.shape[:2]
    for _ in range(_ERASING_TRIES):
        area = rng.uniform(*_ERASED) * height * width
        aspect = rng.uniform(*_ERASED_ASPECT)
        rows, columns = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < rows < height and 0 < columns < width:
            top, left = rng.integers(height - rows), rng.integers(width - columns)
            crop[top : top + rows, left : left + columns] = _MEAN_BGR
            return
