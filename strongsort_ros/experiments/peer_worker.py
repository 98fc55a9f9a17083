"""Run a tracker of another library on a recording; a program that imports nothing of this package.

    PYTHON peer_worker.py list
    PYTHON peer_worker.py track NAME RECORDING.npz TRACKS.npz

PYTHON may be the interpreter of another environment. `list` prints the trackers that can be run
there and their versions as JSON. Each tracker has the configuration that its library ships.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Update = Callable[['Frame'], Any]


class Frame:
    """Detections of a frame: corners, scores, unit embeddings or None, camera motion, image."""

    def __init__(self, recording: Arrays, index: int, image: Any) -> None:
        frame = recording['frames'][index]
        low, high = np.searchsorted(recording['detection_frames'], (frame, frame + 1))
        rows = slice(int(low), int(high))
        self.number = int(frame)
        self.xyxy = recording['xyxy'][rows].astype(np.float32)
        self.scores = recording['scores'][rows].astype(np.float32).clip(0, 1)
        known = 'embeddings' in recording
        self.embeddings = recording['embeddings'][rows].astype(np.float32) if known else None
        self.motion = recording['matrices'][index]
        self.image = image


class GivenMotion:
    """Camera motion of the recording in place of an estimate of the library."""

    def __init__(self) -> None:
        self.matrix = np.eye(3)

    def apply(self, *_: Any, **__: Any) -> Any:
        """Return the (2, 3) matrix of the frame."""
        return self.matrix[:2]

    def reset(self) -> None:
        """Do nothing: there is no state."""

    reset_params = reset


def boxmot(name: str, recording: Arrays) -> Update:
    """Return BoxMOT's tracker: (ids, corners) of a frame."""
    import boxmot as library
    import torch
    from boxmot.structures import Boxes, Detections
    from boxmot.trackers.config import load_tracker_config

    torch.set_num_threads(1)
    known = 'embeddings' in recording
    kind = {key.lower(): key for key in dir(library)}[name]
    changed = {'use_embeddings': known} if name == 'occluboost' else {}
    tracker = getattr(library, kind)(**load_tracker_config(name, None, changed))
    motion = GivenMotion()
    if hasattr(tracker, 'cmc'):
        tracker.cmc = motion

    def update(frame: Frame) -> Any:
        motion.matrix = frame.motion
        embeddings = None if frame.embeddings is None else torch.from_numpy(frame.embeddings)
        classes = torch.zeros(len(frame.scores), dtype=torch.int64)
        boxes = Boxes(torch.from_numpy(frame.xyxy))
        scores = torch.from_numpy(frame.scores)
        given = Detections(boxes, scores, classes, 'frame', embeddings=embeddings)
        found = tracker.update(given, frame.image)
        return found.track_ids.numpy(), found.geometry.values.numpy().reshape(-1, 4)

    return update


def ultralytics(name: str, recording: Arrays) -> Update:
    """Return the tracker of ultralytics."""
    from ultralytics import trackers
    from ultralytics.engine.results import Boxes
    from ultralytics.utils import ROOT, YAML

    settings = YAML.load(ROOT / 'cfg' / 'trackers' / f'{name}.yaml')
    # The image is black: camera motion could not be estimated.
    settings['gmc_method'] = 'none'
    kind = {key.lower(): key for key in dir(trackers)}[{'bytetrack': 'bytetracker'}.get(name, name)]
    try:
        tracker = getattr(trackers, kind)(SimpleNamespace(**settings))
    except TypeError:
        rate = round(float(recording['frame_rate']))
        tracker = getattr(trackers, kind)(SimpleNamespace(**settings), rate)

    def update(frame: Frame) -> Any:
        count = len(frame.scores)
        rows = np.column_stack([frame.xyxy, frame.scores, np.zeros(count, np.float32)])
        boxes = Boxes(rows.reshape(-1, 6), frame.image.shape[:2])
        found = np.asarray(tracker.update(boxes, frame.image)).reshape(-1, 8)
        return found[:, 4].astype(np.int64), found[:, :4]

    return update


def roboflow(name: str, recording: Arrays) -> Update:
    """Return the tracker of roboflow/trackers."""
    import supervision as sv
    import trackers as library

    kinds = {key.lower().removesuffix('tracker'): key for key in dir(library)}
    try:
        tracker = getattr(library, kinds[name])(frame_rate=float(recording['frame_rate']))
    except TypeError:
        tracker = getattr(library, kinds[name])()

    def update(frame: Frame) -> Any:
        given = sv.Detections(
            frame.xyxy.reshape(-1, 4), confidence=frame.scores,
            class_id=np.zeros(len(frame.scores), int),
        )  # fmt: skip
        found = tracker.update(given)
        ids = np.asarray([] if found.tracker_id is None else found.tracker_id, np.int64)
        return ids[ids >= 0], found.xyxy[ids >= 0]

    return update


LIBRARIES: dict[str, tuple[str, Callable[[str, Arrays], Update], tuple[str, ...]]] = {
    'boxmot': (
        'boxmot', boxmot,
        ('bytetrack', 'ocsort', 'botsort', 'strongsort', 'boosttrack', 'occluboost'),
    ),
    'ultralytics': ('ultralytics', ultralytics, ('bytetrack', 'botsort', 'ocsort', 'tracktrack')),
    'roboflow': ('trackers', roboflow, ('sort', 'bytetrack', 'ocsort')),
}  # fmt: skip
"""Library -> its distribution, the adapter, and names of trackers."""


def available() -> dict[str, str]:
    """Return the version of each tracker's library that is installed here."""
    found: dict[str, str] = {}
    for library, (distribution, _, names) in LIBRARIES.items():
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        found |= {f'{library}:{name}': version for name in names}
    return found


def track(name: str, recording: Arrays) -> Arrays:
    """Return frames, ids and tlwh of the tracks, the seconds of the updates, and peak memory."""
    library, _, kind = name.partition(':')
    update = LIBRARIES[library][1](kind, recording)
    width, height = (int(side) for side in recording['image_size'])
    image = np.zeros((height, width, 3), np.uint8)
    results: list[tuple[int, Any, Any]] = []
    seconds = 0.0
    for frame in _frames(recording, image):
        start = time.perf_counter()
        ids, corners = update(frame)
        seconds += time.perf_counter() - start
        results.append((frame.number, np.asarray(ids), np.asarray(corners).reshape(-1, 4)))
    xyxy = np.concatenate([corners for _, _, corners in results])
    return {
        'frames': np.repeat([n for n, _, _ in results], [len(ids) for _, ids, _ in results]),
        'ids': np.concatenate([ids for _, ids, _ in results]).astype(np.int64),
        'tlwh': np.hstack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]]).astype(float),
        'seconds': seconds,
        'memory': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _frames(recording: Arrays, image: Any) -> Iterator[Frame]:
    for index in range(len(recording['frames'])):
        yield Frame(recording, index, image)


def main() -> None:
    """Answer one request."""
    if sys.argv[1] == 'list':
        sys.stdout.write(json.dumps(available()))
        return
    name, source, target = sys.argv[2:]
    with np.load(source, allow_pickle=False) as stored:
        recording = dict(stored)
    np.savez(target, **track(name, recording))


if __name__ == '__main__':
    main()
