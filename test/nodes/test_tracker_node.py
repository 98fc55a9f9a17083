"""The node as a process: images and detections in, tracks out."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from strongsort_ros.simulation.walkers import Walkers, WalkerSettings
from strongsort_ros.tracking.detections import Detections

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

PERIOD = 1_000_000_000 // 30
START = 1_000_000_000_000
Start = Callable[..., tuple[Any, Any]]


def walk(frames: int, people: int = 6, seed: int = 1) -> list[Detections]:
    walkers = Walkers(WalkerSettings(people=people, dimension=0, seed=seed))
    return [frame.detections for frame in itertools.islice(walkers, frames)]


def stamp(frame: int) -> int:
    return START + frame * PERIOD


def test_tracks_come_with_the_stamps_and_ids_of_the_input(start_tracker: Start) -> None:
    machine, process = start_tracker()
    for frame, detections in enumerate(walk(12)):
        machine.track(stamp(frame), detections)
    assert machine.stamps() == [stamp(frame) for frame in range(12)]
    last = machine.tracks[-1]
    assert last.header.frame_id == 'camera'
    print(last, process.text())
