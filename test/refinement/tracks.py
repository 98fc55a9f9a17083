"""Simulated tracks for the tests of linking and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strongsort_ros.files.rows import TrackRows


def walk(
    track: int, first: int, length: int, start: tuple[float, float], class_id: str = 'person'
) -> TrackRows:
    """Return a person who walks to the right by 2 px per frame."""
    steps = np.arange(length)
    tlwh = np.column_stack([
        start[0] + 2.0 * steps, np.full(length, start[1]), np.full(length, 40.0),
        np.full(length, 100.0),
    ])  # fmt: skip
    ids, classes = np.full(length, track), np.full(length, class_id)
    return TrackRows(first + steps, ids, tlwh, np.ones(length), classes)


def together(*tracks: TrackRows) -> TrackRows:
    """Return the rows of all tracks, track by track."""
    return TrackRows(
        np.concatenate([t.frames for t in tracks]),
        np.concatenate([t.ids for t in tracks]),
        np.concatenate([t.tlwh for t in tracks]),
        np.concatenate([t.scores for t in tracks]),
        np.concatenate([t.class_ids for t in tracks]),
    )


def write_ground_truth(
    folder: Path, people: int, length: int, seed: int = 0, hidden: range = range(0)
) -> Path:
    """Write a MOTChallenge folder of people who walk straight on, with noise; return it.

    In the frames `hidden` nobody is visible.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(1, people + 1):
        start, speed = rng.uniform(0, 1000, 2), rng.normal(0, 3, 2)
        for frame in range(1, length + 1):
            visible = int(frame not in hidden)
            x, y = start + speed * frame + rng.normal(0, 0.5, 2)
            lines.append(f'{frame},{person},{x:.2f},{y:.2f},40,100,1,1,{visible}\n')
    (folder / 'gt').mkdir(parents=True)
    (folder / 'gt' / 'gt.txt').write_text(''.join(lines))
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nname={folder.name}\nframeRate=30\nseqLength={length}\n'
    )
    return folder
