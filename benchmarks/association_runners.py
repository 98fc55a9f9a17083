"""Run one tracker over recorded detections and report its speed.

Worker of `association.py`: runs in the environment of the tracker (other trackers have a separate
one), reads lines `name file.npz` and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Frame(NamedTuple):
    """Detections of a frame as plain arrays."""

    tlwh: np.ndarray
    scores: np.ndarray
    embeddings: np.ndarray

    @property
    def xyxy(self) -> np.ndarray:
        """Corners (N, 4) float32."""
        corners = np.concatenate([self.tlwh[:, :2], self.tlwh[:, :2] + self.tlwh[:, 2:]], axis=1)
        return corners.astype(np.float32)


Step = Callable[[Any], object]
Prepare = Callable[[Frame], Any]


def _preset(name: str) -> tuple[Step, Prepare]:
    from strongsort_ros.tracking.detections import Detections
    from strongsort_ros.tracking.settings import TrackerSettings
    from strongsort_ros.tracking.tracker import Tracker

    tracker = Tracker(TrackerSettings.preset(name))
    return tracker.update, lambda f: Detections(
        f.tlwh, f.scores, np.full(len(f.scores), 'person'), f.embeddings
    )


def robust() -> tuple[Step, Prepare]:
    """Return this project's tracker with its default preset."""
    return _preset('robust')


def strongsort() -> tuple[Step, Prepare]:
    """Return this project's tracker as StrongSORT, to compare with the published program."""
    return _preset('strongsort')


def deepsort() -> tuple[Step, Prepare]:
    """Return this project's tracker as DeepSORT."""
    return _preset('deepsort')


def published() -> tuple[Step, Prepare]:
    """Return the published StrongSORT program's tracker; its checkout is on the path."""
    from scipy.optimize import linear_sum_assignment

    # Removed from scikit-learn since the program was written.
    solver: Any = types.ModuleType('sklearn.utils.linear_assignment_')
    solver.linear_assignment = lambda costs: np.column_stack(linear_sum_assignment(costs))
    sys.modules[solver.__name__] = solver
    sys.argv = ['published', 'MOT17', 'val', '--BoT', '--NSA', '--EMA', '--MC', '--woC']
    from deep_sort.detection import Detection
    from deep_sort.nn_matching import NearestNeighborDistanceMetric
    from deep_sort.tracker import Tracker

    tracker = Tracker(NearestNeighborDistanceMetric('cosine', 0.45, 1))

    def step(frame: Frame) -> None:
        used = np.argsort(-frame.scores)[: np.count_nonzero(frame.scores >= 0.6)]
        detections = [Detection(frame.tlwh[i], frame.scores[i], frame.embeddings[i]) for i in used]
        tracker.predict()
        tracker.update(detections)

    return step, lambda frame: frame


def _boxmot(name: str, **arguments: object) -> tuple[Step, Prepare]:
    import boxmot
    import torch
    from boxmot.structures import Boxes, Detections

    torch.set_num_threads(1)
    tracker = getattr(boxmot, name)(**arguments)
    image = np.zeros((1080, 1920, 3), dtype=np.uint8)

    def prepare(f: Frame) -> Any:
        return Detections(
            Boxes(torch.from_numpy(f.xyxy)),
            torch.from_numpy(f.scores.astype(np.float32)),
            torch.zeros(len(f.scores), dtype=torch.int64),
            'frame',
            embeddings=torch.from_numpy(f.embeddings) if name != 'ByteTrack' else None,
        )

    return lambda detections: tracker.update(detections, image), prepare


def boxmot_strongsort() -> tuple[Step, Prepare]:
    """Return BoxMOT's StrongSORT, without camera motion where that can be switched off."""
    step, prepare = _boxmot('StrongSort', min_conf=0.6, max_cos_dist=0.45)
    return step, prepare


def boxmot_botsort() -> tuple[Step, Prepare]:
    """Return BoxMOT's BoT-SORT with embeddings, without camera motion."""
    return _boxmot('BotSort', use_cmc=False)


def boxmot_bytetrack() -> tuple[Step, Prepare]:
    """Return BoxMOT's ByteTrack, which uses no appearance."""
    return _boxmot('ByteTrack')


def _roboflow(name: str) -> tuple[Step, Prepare]:
    import supervision
    import trackers

    tracker = getattr(trackers, name)()
    return tracker.update, lambda f: supervision.Detections(
        f.xyxy, confidence=f.scores.astype(np.float32), class_id=np.zeros(len(f.scores), int)
    )


def roboflow_sort() -> tuple[Step, Prepare]:
    """Return roboflow/trackers' SORT, which uses no appearance."""
    return _roboflow('SORTTracker')


def roboflow_bytetrack() -> tuple[Step, Prepare]:
    """Return roboflow/trackers' ByteTrack, which uses no appearance."""
    return _roboflow('ByteTrackTracker')


def deep_sort_realtime() -> tuple[Step, Prepare]:
    """Return deep-sort-realtime, with given embeddings."""
    from deep_sort_realtime.deepsort_tracker import DeepSort

    tracker = DeepSort(embedder=None, nn_budget=100, max_cosine_distance=0.3)

    def prepare(f: Frame) -> Any:
        rows = zip(f.tlwh.tolist(), f.scores.tolist(), strict=True)
        return [(box, score, 'person') for box, score in rows], f.embeddings

    return lambda pair: tracker.update_tracks(pair[0], embeds=pair[1]), prepare


RUNNERS: dict[str, Callable[[], tuple[Step, Prepare]]] = {
    runner.__name__: runner
    for runner in (
        robust, strongsort, deepsort, published, boxmot_strongsort, boxmot_botsort,
        boxmot_bytetrack, roboflow_sort, roboflow_bytetrack, deep_sort_realtime,
    )
}  # fmt: skip
"""Name -> what makes a fresh tracker: a step, and what makes a frame into the step's input."""


def load(path: str) -> list[Frame]:
    """Read the frames that `association.py` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        cuts = np.cumsum(stored['counts'])[:-1]
        columns = [np.split(stored[name], cuts) for name in Frame._fields]
    return [Frame(*row) for row in zip(*columns, strict=True)]


def main() -> None:
    """Answer requests until the input ends."""
    frames: dict[str, list[Frame]] = {}
    for line in sys.stdin:
        name, path = line.split()
        if path not in frames:
            frames = {path: load(path)}
        try:
            step, prepare = RUNNERS[name]()
            inputs = [prepare(frame) for frame in frames[path]]
            start = time.perf_counter()
            for detections in inputs:
                step(detections)
            answer: dict[str, object] = {'fps': len(inputs) / (time.perf_counter() - start)}
        except Exception as error:  # a peer that fails is a cell of the table
            answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
