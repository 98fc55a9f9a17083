"""Error of the camera motion on simulated drives, and its effect on tracking.

The camera drives along a street, turns and pitches (tools/simulation/drive.py). The true motion of
each person's box due to the camera alone is known. The error of a frame is the root mean square
distance of the corners of the boxes, moved by the estimate, from where they are, as a share of the
height of the box: the mean over all boxes, and the 90th percentile. An unknown motion (column
`unkn`) counts as no motion. HOTA and IDF1 are those of the preset `robust` with that motion, with
colour histograms and by position alone.

none             the boxes stay where they are
published        the motion of the published StrongSORT program
rotation, shift  `ecc` with `max_zoom` 0
ecc              the default of this package
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from strongsort_ros.types import FloatArray, Matrix

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import cv2
import numpy as np
from accuracy import track
from accuracy_inputs import Recording, detection_rows, truth_rows

from strongsort_ros.camera_motion import CameraMotionSettings, create_camera_motion
from strongsort_ros.camera_motion.estimator import CameraMotionEstimator
from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.tracking.settings import TrackerSettings
from tools.simulation.drive import Drive, DriveFrame, DriveSettings

DRIVES: Final = {
    'still': DriveSettings(speed=0.0),
    'forward, 6 m/s': DriveSettings(),
    'forward, turning': DriveSettings(turn=10.0),
    'forward, pitching': DriveSettings(pitch=0.6),
    'forward, turning, pitching': DriveSettings(turn=8.0, pitch=0.6),
    'car: 12 m/s, 10 Hz': DriveSettings(speed=12.0, frame_rate=10.0, turn=3.0, pitch=0.3),
    'robot: 1.2 m/s': DriveSettings(speed=1.2, turn=25.0, pitch=0.3),
}
MODES: Final = ('none', 'published', 'rotation, shift', 'ecc')


@dataclass(slots=True)
class Estimates:
    """Motion by frame, errors and times of one mode.

    Attributes
    ----------
    motion
        Frame -> (3, 3) from the frame before.
    errors
        Error of each box, in box heights.
    seconds
        Processor time of each frame.
    unknown
        Number of frames without an estimate.

    """

    motion: dict[int, Matrix] = field(default_factory=dict)
    errors: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    unknown: int = 0


def make_estimator(mode: str) -> CameraMotionEstimator | None:
    """Return the estimator of a column."""
    if mode == 'rotation, shift':
        return create_camera_motion('ecc', CameraMotionSettings(max_zoom=0.0))
    return create_camera_motion(mode)


def box_errors(frame: DriveFrame, motion: Matrix) -> FloatArray:
    """Return the (M,) error of the boxes that the camera alone moved, in box heights."""
    before, after = (
        np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]])
        for tlwh in (frame.before, frame.carried)
    )
    apart = before @ motion[:2, :2].T + motion[:2, 2] - after
    squares = (apart**2).sum(axis=1).reshape(2, -1).mean(axis=0)
    return np.asarray(np.sqrt(squares) / frame.carried[:, 3])


def estimate(frames: Sequence[DriveFrame]) -> dict[str, Estimates]:
    """Run every mode on the frames."""
    found = {mode: Estimates() for mode in MODES}
    estimators = {mode: make_estimator(mode) for mode in MODES}
    for frame in frames:
        for mode, estimator in estimators.items():
            motion, known = np.eye(3), True
            if estimator is not None:
                start = time.thread_time()
                answer = estimator.estimate(frame.image, frame.detections.tlwh)
                found[mode].seconds.append(time.thread_time() - start)
                motion, known = answer.matrix, answer.score > 0
            if frame.frame > 1:
                found[mode].motion[frame.frame] = motion
                found[mode].errors += box_errors(frame, motion).tolist()
                found[mode].unknown += not known
    return found


def recording(name: str, frames: Sequence[DriveFrame], settings: DriveSettings) -> Recording:
    """Return the detections with colour histograms, and the truth; without camera motion."""
    extractor = load_extractor('colour', 'cpu')
    embeddings = [extractor.extract(f.image, f.detections.tlwh) for f in frames]
    return Recording(
        name, range(1, len(frames) + 1), settings.frame_rate,
        detection_rows(((f.frame, f.detections) for f in frames), np.concatenate(embeddings)),
        truth_rows((f.frame, f.ids, f.tlwh, f.visibility) for f in frames),
        {}, extractor.card.max_cosine_distance, (settings.width, settings.height),
    )  # fmt: skip


def without_embeddings(one: Recording) -> Recording:
    """Return the recording with embeddings that are not known."""
    detections = replace(one.detections, embeddings=np.zeros((len(one.detections), 1), np.float32))
    return replace(one, detections=detections)


def hota_idf1(recordings: Sequence[Recording]) -> str:
    """Return HOTA / IDF1 of `robust` on the recordings together."""
    runs = [
        ScoredSequence(one.name, one.ground_truth, track(one, TrackerSettings(), True), one.frames)
        for one in recordings
    ]
    combined = score(runs).combined
    return f'{combined.hota:5.2f} / {combined.idf1:5.2f}'


def main() -> None:
    """Simulate the drives and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--frames', type=int, default=100, help='frames per drive')
    parser.add_argument('--seeds', type=int, default=3, help='drives of each kind')
    parser.add_argument('--only', choices=DRIVES, action='append', help='only this kind')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print('drive                      | mode            |  mean    90 % unkn    ms | '
          'colours       | no embeddings')  # fmt: skip
    for name in args.only or DRIVES:
        done: dict[str, Estimates] = {mode: Estimates() for mode in MODES}
        runs: dict[str, list[Recording]] = {mode: [] for mode in MODES}
        for seed in range(args.seeds):
            settings = replace(DRIVES[name], frames=args.frames, seed=seed)
            frames = list(Drive(settings))
            given = recording(f'drive {seed}', frames, settings)
            for mode, found in estimate(frames).items():
                done[mode].errors += found.errors
                done[mode].seconds += found.seconds
                done[mode].unknown += found.unknown
                runs[mode].append(replace(given, camera_motion=found.motion))
        for mode, found in done.items():
            errors, ms = 100 * np.array(found.errors), 1e3 * np.median(found.seconds or [0.0])
            print(
                f'{name:26s} | {mode:15s} | {errors.mean():5.2f} {np.percentile(errors, 90):6.2f} '
                f'{found.unknown:4d} {ms:5.2f} | {hota_idf1(runs[mode])} | '
                f'{hota_idf1([without_embeddings(one) for one in runs[mode]])}',
                flush=True,
            )


if __name__ == '__main__':
    main()
