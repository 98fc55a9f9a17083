"""Replay of a MOT17 bag gives exactly the tracks of the pipeline on its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.writer import write_sequence
from strongsort_ros.camera_motion import create_camera_motion
from strongsort_ros.files.motchallenge import load_detections, load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.sequence import ImageFolder
from strongsort_ros.online.config import TrackerNodeConfig
from strongsort_ros.pipeline import Pipeline
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.replay.replay import replay


@pytest.mark.parametrize('preset', ['robust', 'strongsort'])
def test_replay_of_mot17_is_the_pipeline_on_its_files(
    data_dir: Path, tmp_path: Path, preset: str
) -> None:
    folder = data_dir / 'mot17' / 'MOT17-09-FRCNN'
    write_sequence(folder, tmp_path / 'bag', compressed=True)
    settings = TrackerNodeConfig().with_defaults({'preset': preset})
    replayed = replay(tmp_path / 'bag', tmp_path / 'out', settings)
    assert replayed.counts['matched'] == 150
    images, rows = ImageFolder(folder), load_detections(folder / 'det' / 'yolox.txt')
    motion = create_camera_motion(settings.node.camera_motion, settings.motion)
    pipeline = Pipeline(settings.tracker, load_extractor(''), motion)
    expected = TrackRows.collect(
        (frame, pipeline.step(rows.at(frame), images.read(frame)).tracks) for frame in images.paths
    )
    pipeline.close()
    bag, text = read_tracks(tmp_path / 'out', '/tracks'), load_tracks(tmp_path / 'out.txt')
    assert len(expected) > 1000
    for found, digits in ((bag, 1e-9), (text, 0.005 + 1e-9)):
        np.testing.assert_array_equal(found.frames, expected.frames)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_allclose(found.tlwh, expected.tlwh, rtol=0, atol=digits)
