"""A written scene can be read as a MOTChallenge sequence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import load_detections, load_ground_truth
from strongsort_ros.files.sequence import (
    ImageFolder,
    find_detections,
    load_sequence_info,
)
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

SETTINGS = SceneSettings(width=320, height=180, frames=5, frame_rate=25, people=4, seed=2)


def test_written_scene_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / 'scene'
    write_mot_folder(Scene(SETTINGS), folder, 'tiny')
    info = load_sequence_info(folder)
    assert (info.name, info.frame_rate, info.length) == ('tiny', 25.0, 5)
    images, truth = ImageFolder(folder), load_ground_truth(folder / 'gt' / 'gt.txt')
    seen = load_detections(find_detections(folder))
    motion = json.loads((folder / 'camera_motion.json').read_text())['tiny']
    assert list(images.paths) == [1, 2, 3, 4, 5]
    for frame in Scene(SETTINGS):
        image = images.read(frame.frame)
        assert image is not None
        assert np.abs(image.astype(int) - frame.image).mean() < 4
        order, rows = np.argsort(frame.ids), truth.select(truth.frames == frame.frame)
        np.testing.assert_array_equal(rows.ids, frame.ids[order])
        np.testing.assert_allclose(rows.tlwh, frame.tlwh[order], atol=1e-3)
        np.testing.assert_allclose(rows.visibility, frame.visibility[order], atol=1e-4)
        np.testing.assert_allclose(seen.at(frame.frame).tlwh, frame.detections.tlwh, atol=1e-3)
        np.testing.assert_allclose(motion[str(frame.frame)], frame.camera_motion, atol=1e-8)
    assert (truth.classes == 1).all()
    assert truth.considered.all()


def test_existing_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / 'scene').mkdir()
    with pytest.raises(InputError, match='exists already'):
        write_mot_folder(Scene(SETTINGS), tmp_path / 'scene')
    assert list(tmp_path.rglob('*')) == [tmp_path / 'scene']
