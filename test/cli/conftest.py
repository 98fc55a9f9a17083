"""A small simulated sequence for the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

SCENE = SceneSettings(width=320, height=180, frames=12, frame_rate=25, people=4, seed=2)


@pytest.fixture(scope='session')
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a sequence, plaza: 12 frames, ground truth, detections, camera motion."""
    folder = tmp_path_factory.mktemp('drawn') / 'plaza'
    write_mot_folder(Scene(SCENE), folder, 'plaza')
    return folder
