"""Drawn people, each on several crops, for the tests of training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from strongsort_ros.reid.interfaces import NetworkCard
from strongsort_ros.reid.models import Network
from strongsort_ros.reid.training.data import Crops, Dataset
from tools.simulation.figures import draw_figure, looks_of


def drawn_people(people: range, each: int = 6, height: int = 64, seed: int = 0) -> Crops:
    """Return crops of (height, height / 2): other places, phases, light and backgrounds."""
    rng = np.random.default_rng([seed, people.start])
    images = []
    for identity in people:
        looks = looks_of(identity, seed)
        for _ in range(each):
            grey = np.repeat(rng.integers(60, 200, (3, 2, 1), dtype=np.uint8), 3, axis=2)
            image = cv2.resize(grey, (height // 2, height), interpolation=cv2.INTER_CUBIC)
            box = np.array([0.1, 0.05, 0.8, 0.9]) * [height / 2, height, height / 2, height]
            box[:2] += rng.normal(0, 0.05 * height, 2)
            draw_figure(image, box, looks, rng.uniform(0, 6.3), int(rng.choice([-1, 1])))
            noisy = rng.uniform(0.6, 1.2) * image + rng.normal(0, 8, image.shape)
            images.append(np.clip(noisy, 0, 255).astype(np.uint8))
    n = len(images)
    identities = np.repeat(np.arange(people.start, people.stop), each)
    return Crops(images, identities, np.zeros(n, np.int64), np.arange(n, dtype=np.float64))


def drawn_dataset() -> Dataset:
    """Return 48 people to train on and 12 others."""
    test = drawn_people(range(100, 112))
    return Dataset(drawn_people(range(1, 49), 16), test, test, 0.0, 'drawn people')


def tiny_network() -> Network:
    """Return an untrained network of two convolutions and four stripes, which learns in seconds."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 5, 2, 2, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d((4, 1)), nn.Flatten(), nn.Linear(128, 64), nn.BatchNorm1d(64),
    )  # fmt: skip
    return Network(module, NetworkCard('tiny', 64, 0.3), (64, 32))


def write_market(folder: Path) -> None:
    """Write drawn people in the form of Market-1501, junk and distractors included."""
    test = drawn_people(range(50, 54), 4)
    parts = {
        'bounding_box_train': drawn_people(range(2, 10), 4),
        'query': test.select(np.arange(0, 16, 4)),
        'bounding_box_test': test,
    }
    for name, crops in parts.items():
        (folder / name).mkdir(parents=True)
        for row, image in enumerate(crops.images):
            file = f'{crops.identities[row]:04}_c{row % 4 + 1}s1_{row:06}_00.jpg'
            cv2.imwrite(str(folder / name / file), np.asarray(image))
    (folder / 'bounding_box_test' / 'Thumbs.db').touch()
    junk, distractor = '-1_c1s1_000001_01.jpg', '0000_c1s1_000001_02.jpg'
    for name in (junk, distractor):
        cv2.imwrite(str(folder / 'bounding_box_test' / name), np.zeros((64, 32, 3), np.uint8))
