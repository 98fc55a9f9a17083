"""Types of the public names as a type checker sees them: mypy checks this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

from strongsort_ros import (
    Detections,
    Pipeline,
    StrongSORT,
    Tracker,
    TrackerSettings,
    Tracks,
    load_extractor,
    refine_tracks,
)
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.reid.interfaces import Extractor

Array = npt.NDArray[np.float64]


def names_have_types(rows: Array, path: Path, frame: npt.NDArray[np.uint8]) -> None:
    tracker = StrongSORT(reid='osnet_x0_25.pth', frame_rate=30, max_age=60)
    tracks = tracker.update(rows, frame, timestamp=0.1)
    assert_type(tracks, Tracks)
    assert_type(tracks.all, Tracks)
    assert_type(tracks.xyxy, Array)
    assert_type(tracks.to_supervision(), Any)
    assert_type(Tracker(TrackerSettings()).update(Detections.empty()), Tracks)
    assert_type(load_extractor('colour'), Extractor)
    assert_type(Pipeline(TrackerSettings()).step(Detections.empty()).tracks, Tracks)
    assert_type(refine_tracks(rows), Array)
    assert_type(refine_tracks(path), TrackRows)
