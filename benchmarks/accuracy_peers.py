"""Peers of `accuracy.py`, each run in an environment of its own, on the same inputs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from accuracy_inputs import Recording

from strongsort_ros.files.rows import TrackRows

PEERS = {'occluboost': Path(__file__).resolve().parent / 'accuracy_occluboost.py'}
"""Name -> program that tracks recordings."""


def track_with_peer(python: Path, name: str, recording: Recording) -> TrackRows:
    """Return the tracks of a peer.

    Parameters
    ----------
    python
        Interpreter of the environment that has the peer.
    name
        One of `PEERS`.
    recording
        Input; the peer is not told the frame rate.

    Raises
    ------
    RuntimeError
        The peer failed.

    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / 'recording.npz', Path(folder) / 'tracks.npz'
        np.savez(source, **_arrays(recording))
        worker = _worker(python, name)
        assert worker.stdin is not None
        assert worker.stdout is not None
        print(source, target, file=worker.stdin, flush=True)
        if error := json.loads(worker.stdout.readline() or '"the process ended"'):
            raise RuntimeError(f'{name}, {recording.name}: {error}')
        with np.load(target, allow_pickle=False) as tracks:
            frames, ids, tlwh = (tracks[key] for key in ('frames', 'ids', 'tlwh'))
    count = len(frames)
    return TrackRows(
        frames.astype(np.int64), ids, tlwh.astype(float), np.ones(count), np.full(count, 'person')
    )


@lru_cache
def _worker(python: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, PEERS[name]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {'PYTHONPATH': ''},
    )


def _arrays(recording: Recording) -> dict[str, np.ndarray]:
    rows = recording.detections
    matrices = [recording.camera_motion.get(frame, np.eye(3)) for frame in recording.frames]
    arrays = {
        'frames': np.asarray(recording.frames),
        'matrices': np.stack(matrices),
        'detection_frames': rows.frames,
        'xyxy': np.hstack([rows.tlwh[:, :2], rows.tlwh[:, :2] + rows.tlwh[:, 2:]]),
        'scores': rows.scores,
    }
    if rows.embeddings is not None:
        norms = np.linalg.norm(rows.embeddings, axis=1, keepdims=True)
        arrays['embeddings'] = rows.embeddings / np.maximum(norms, 1e-12)
    return arrays
