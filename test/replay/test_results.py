"""Latencies in the report of a playback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.camera import CameraTopics
from strongsort_ros.replay.results import PlaybackResult, latencies


def test_latencies_of_the_diagnostics_and_the_round_trip() -> None:
    pytest.importorskip('diagnostic_msgs', reason='needs ROS 2')
    from strongsort_ros.nodes.diagnostics import latency_values

    played = PlaybackResult(
        bag=Path('bag'),
        topics=CameraTopics('/detections', '', compressed=False, frames=3),
        tracks_topic='/tracks',
        stamps=np.array([1, 2, 3]),
        tracked=2,
        seconds=0.5,
        round_trips=np.array([0.004, 0.006]),
        diagnostics={
            'state': 'active',
            **{k: str(v) for k, v in latency_values('total', [0.001, 0.002, 0.003]).items()},
        },
    )
    assert str(played) == '2 of 3 frames tracked, 4 frames/s'
    found = {each.stage: (each.p50, each.largest) for each in latencies(played)}
    assert found == {'pipeline': (2.0, 3.0), 'round trip over ROS': (5.0, 6.0)}
