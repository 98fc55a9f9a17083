"""BoxMOT's OccluBoost for `accuracy.py`, in an environment with boxmot.

Each line of the input names two files: a recording to read, as `accuracy_peers.py` writes it, and
one for the tracks. Each answer is the text of an error as JSON, empty for none. The configuration
is the one that BoxMOT ships; camera motion is given.
"""

from __future__ import annotations

import json
import sys

import numpy as np


class GivenMotion:
    """Camera motion in place of BoxMOT's own estimate."""

    def __init__(self) -> None:
        self.matrix = np.eye(3)

    def apply(self, *_image_and_boxes: object) -> np.ndarray:
        """Return the (2, 3) matrix of the frame."""
        return self.matrix[:2]

    def reset(self) -> None:
        """Do nothing: there is no state."""


def track(path: str) -> dict[str, np.ndarray]:
    """Return frames (N,), ids (N,) and tlwh (N, 4) of the tracks."""
    import torch
    from boxmot import OccluBoost
    from boxmot.structures import Boxes, Detections
    from boxmot.trackers.config import load_tracker_config

    torch.set_num_threads(1)
    with np.load(path, allow_pickle=False) as stored:
        recording = dict(stored)
    known = 'embeddings' in recording
    tracker = OccluBoost(**load_tracker_config('occluboost', None, {'use_embeddings': known}))
    tracker.cmc = motion = GivenMotion()
    image = np.zeros((1080, 1920, 3), np.uint8)
    frames, ids, corners = [], [], []
    for frame, matrix in zip(recording['frames'], recording['matrices'], strict=True):
        rows = recording['detection_frames'] == frame
        motion.matrix = matrix
        columns = (recording['xyxy'][rows], recording['scores'][rows])
        boxes, scores = (torch.from_numpy(column.astype(np.float32)) for column in columns)
        embeddings = torch.from_numpy(recording['embeddings'][rows]) if known else None
        classes = torch.zeros(len(scores), dtype=torch.int64)
        detections = Detections(
            Boxes(boxes), scores.clip(0, 1), classes, 'frame', embeddings=embeddings
        )
        tracks = tracker.update(detections, image)
        frames.append(np.full(len(tracks), frame))
        ids.append(tracks.track_ids.numpy())
        corners.append(tracks.geometry.values.numpy().reshape(-1, 4))
    xyxy = np.concatenate(corners)
    tlwh = np.hstack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])
    return {'frames': np.concatenate(frames), 'ids': np.concatenate(ids), 'tlwh': tlwh}


def main() -> None:
    """Answer requests until the input ends."""
    replies, sys.stdout = sys.stdout, sys.stderr  # BoxMOT prints to stdout
    for line in sys.stdin:
        source, target = line.split()
        try:
            np.savez(target, **track(source))
            print(json.dumps(''), file=replies, flush=True)
        except Exception as error:  # the benchmark reports it
            print(json.dumps(f'{type(error).__name__}: {error}'), file=replies, flush=True)


if __name__ == '__main__':
    main()
