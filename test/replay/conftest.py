"""A drawn scene as a sequence folder and as a bag."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.bags.writer import write_sequence
from test.replay.bags import SCENE
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene


@pytest.fixture(scope='session')
def drawn_sequence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a sequence: 40 frames with a shaking camera, ground truth and detections."""
    folder = tmp_path_factory.mktemp('drawn') / 'plaza'
    write_mot_folder(Scene(SCENE), folder, 'plaza')
    return folder


@pytest.fixture(scope='session')
def drawn_bag(drawn_sequence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bag of the sequence, with compressed images."""
    bag = tmp_path_factory.mktemp('bags') / 'plaza'
    write_sequence(drawn_sequence, bag, compressed=True)
    return bag
