"""Parity with the published program: same boxes for its switches on four sequences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker

SWITCHES = {
    'deepsort': (),
    'nsa': ('nsa',),
    'ema': ('ema',),
    'ecc': ('ecc',),
    'mc': ('mc',),
    'woc': ('woc',),
    'bot_only': ('bot',),
    'strongsort': ('bot', 'ecc', 'nsa', 'ema', 'mc', 'woc'),
}
SEQUENCES = ('MOT17-02-FRCNN', 'MOT17-04-FRCNN', 'MOT17-05-FRCNN', 'MOT17-09-FRCNN')


def track(data_dir: Path, sequence: str, switches: tuple[str, ...]) -> np.ndarray:
    """Return rows (frame, id, left, top, width, height)."""
    table = np.load(next((data_dir / 'deepsort_features').glob(f'{sequence}_*.npy')))
    frames = table[:, 0].astype(int)
    motions = {}
    if 'ecc' in switches:
        motions = json.loads((data_dir / 'mot17' / 'ecc_val.json').read_text())[sequence]
    tracker = Tracker(TrackerSettings.from_switches(switches))
    rows = []
    for frame in range(frames.min(), frames.max() + 1):
        seen = table[frames == frame]
        motion = motions.get(str(frame))
        tracks = tracker.update(
            Detections(
                seen[:, 2:6].astype(np.float64),
                seen[:, 6].astype(np.float64),
                np.full(len(seen), 'person'),
                seen[:, 10:].astype(np.float32),
            ),
            None if motion is None else np.array(motion),
        )
        rows.append(np.column_stack([np.full(len(tracks), frame), tracks.ids, tracks.tlwh]))
    return np.concatenate(rows)


def assert_same_tracks(ours: np.ndarray, golden: np.ndarray, tolerance: float) -> None:
    """Compare rows of (frame, id, box), up to a one-to-one renumbering of ids."""
    assert len(ours) == len(golden)
    renumbered: dict[float, float] = {}
    for frame in np.unique(golden[:, 0]):
        a, b = ours[ours[:, 0] == frame], golden[golden[:, 0] == frame]
        assert len(a) == len(b), f'frame {frame:.0f}'
        difference = np.abs(a[:, None, 2:6] - b[None, :, 2:6]).max(axis=2)
        nearest = difference.argmin(axis=1)
        assert difference.min(axis=1).max() <= tolerance, f'frame {frame:.0f}'
        assert len(set(nearest.tolist())) == len(a), f'frame {frame:.0f}'
        for mine, theirs in zip(a[:, 1], b[nearest, 1], strict=True):
            assert renumbered.setdefault(mine, theirs) == theirs, f'frame {frame:.0f}'
    assert len(set(renumbered.values())) == len(renumbered)


@pytest.mark.parametrize('sequence', SEQUENCES)
@pytest.mark.parametrize('name', SWITCHES)
def test_same_rows(data_dir: Path, name: str, sequence: str) -> None:
    golden = np.loadtxt(data_dir / 'golden' / name / f'{sequence}.txt', delimiter=',')
    assert_same_tracks(track(data_dir, sequence, SWITCHES[name]), golden[:, :6], 0.02)
