"""Error and time of the camera motion estimators, on 1080p frames whose motion is known.

The frames are synthetic and seeded: a textured background seen by a moving camera, and people who
walk through it. `--sequence` adds real images as backgrounds. Every estimator gets the same frames,
in one process and one thread, in turns. The error of a frame is the root mean square distance,
over a grid of image points, between estimated and true position in pixels; an unknown motion
(column `unkn`) counts as no motion. Times are processor time of the thread, so that other programs
on the machine count less.

opencv      the calls of the published StrongSORT program, with the installed OpenCV
published   reproduces the published matrices with every version of OpenCV
pyramid     OpenCV's findTransformECCMultiScale (OpenCV 5) on the reduced image of `ecc`
masks       the same, with the masks of `ecc`: no pixels inside boxes
ecc         the default of this package

The last columns are ratios: `ecc` to `opencv`, and the p95 of `ecc` to its median.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strongsort_ros.types import FloatArray, Image, Matrix

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import cv2
import numpy as np

from strongsort_ros.camera_motion import create_camera_motion
from strongsort_ros.camera_motion.ecc import CameraMotionSettings
from strongsort_ros.camera_motion.estimator import CameraMotion, CameraMotionEstimator
from strongsort_ros.camera_motion.pyramid import (
    origin,
    outside_boxes,
    reduced,
    reduction,
)
from tools.simulation.walkers import Walkers, WalkerSettings

WIDTH, HEIGHT, MARGIN = 1920, 1080, 460

TEXTURES = ('rich', 'weak', 'noisy', 'flicker')
MOTIONS = ('still', 'slow pan', 'shake', 'fast pan')
MODES = ('opencv', 'published', 'pyramid', 'masks', 'ecc')
if not hasattr(cv2, 'findTransformECCMultiScale'):  # OpenCV 4
    MODES = ('opencv', 'published', 'ecc')


@dataclass(frozen=True, slots=True)
class Frame:
    """An image, the boxes of a detector, and the true motion from the previous frame."""

    image: Image
    tlwh: FloatArray
    motion: Matrix
    covered: float


def background(texture: str, rng: np.random.Generator) -> Image:
    """Return a textured plane, larger than the image by MARGIN on every side, BGR."""
    height, width = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN
    plane = np.zeros((height, width, 3), np.float32)
    octaves = 3 if texture == 'weak' else 8
    for octave in range(octaves):
        size = (7 << octave, 4 << octave)
        noise = rng.standard_normal((size[1], size[0], 3), dtype=np.float32)
        plane += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 0.7**octave
    plane = 120 + plane * (8 if texture == 'weak' else 22)
    for _ in range(25 if texture == 'weak' else 300):
        # Objects with straight edges: windows, signs.
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        box = ((x, y), tuple(rng.uniform(15, 260, 2)), rng.uniform(0, 90))
        contrast = 15 if texture == 'weak' else 60
        colour = 120 + rng.normal(0, contrast, 3)
        cv2.fillPoly(plane, [cv2.boxPoints(box).astype(np.int32)], colour.tolist())
    # The blur of a lens.
    return cv2.GaussianBlur(np.clip(plane, 0, 255).astype(np.uint8), (0, 0), 0.8)


def poses(motion: str, frames: int, rng: np.random.Generator) -> Iterator[Matrix]:
    """Yield (3, 3) maps from the image to the plane: rotations about the image centre, shifts."""
    for t in range(frames):
        x, y, angle = float(MARGIN), float(MARGIN), 0.0
        if motion == 'slow pan':
            x, y = x + 200 * np.sin(t / 90), y + 30 * np.sin(t / 40)
        elif motion == 'fast pan':
            x, y = x + 400 * np.sin(t / 10), y + 40 * np.sin(t / 9)
        if motion in ('shake', 'fast pan'):
            x, y = x + rng.normal(0, 4), y + rng.normal(0, 4)
            angle = np.deg2rad(rng.normal(0, 0.25))
        cos, sin = np.cos(angle), np.sin(angle)
        rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
        there, back = np.eye(3), np.eye(3)
        there[:2, 2] = WIDTH / 2 + x, HEIGHT / 2 + y
        back[:2, 2] = -WIDTH / 2, -HEIGHT / 2
        yield there @ rotation @ back


def draw_figure(image: Image, tlwh: FloatArray, identity: int, frame: int) -> None:
    """Draw a person with an individual coat and moving legs."""
    left, top, width, height = (float(v) for v in tlwh)
    rng = np.random.default_rng(identity)
    coat, trousers, skin = (rng.uniform(20, 235, 3).tolist() for _ in range(3))
    x, thick = left + width / 2, max(1, round(width * 0.24))
    hip, feet = top + 0.55 * height, top + height
    swing = 0.3 * width * np.sin(0.35 * frame + identity)
    for foot in (x - swing, x + swing):
        cv2.line(image, (round(x), round(hip)), (round(foot), round(feet)), trousers, thick)
    shoulder = top + 0.18 * height
    corner, other = (
        (round(x - 0.33 * width), round(shoulder)),
        (round(x + 0.33 * width), round(hip)),
    )
    cv2.rectangle(image, corner, other, coat, cv2.FILLED)
    for row in np.linspace(shoulder, hip, 5)[1:-1]:
        cv2.line(
            image, (corner[0], round(row)), (other[0], round(row)), trousers, max(1, thick // 6)
        )
    centre = (round(x), round(top + 0.09 * height))
    cv2.circle(image, centre, max(1, round(0.09 * height)), skin, cv2.FILLED)


def scene(
    plane: Image, texture: str, motion: str, people: int, frames: int, seed: int, all_boxes: bool
) -> Iterator[Frame]:
    """Yield the frames of one scene, with the boxes of all people or of those detected."""
    rng = np.random.default_rng(seed)
    sigma = 8.0 if texture == 'noisy' else 2.0
    grain = rng.normal(0, sigma, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.int8)
    walkers = iter(Walkers(WalkerSettings(people=people, dimension=0, seed=seed)))
    before = None
    for t, (pose, walker) in enumerate(zip(poses(motion, frames, rng), walkers, strict=False)):
        image = cv2.warpAffine(
            plane, pose[:2], (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        )
        # People walk on the plane; without motion the image is its centre.
        to_image = np.linalg.inv(pose) @ np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1.0]])
        for identity, box in zip(walker.ids, moved(walker.tlwh, to_image), strict=True):
            draw_figure(image, box, int(identity), t)
        if texture == 'flicker':
            image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.85, 1.15), beta=rng.normal(0, 8))
        dx, dy = rng.integers(0, 64, 2)
        image = cv2.add(image, grain[dy : dy + HEIGHT, dx : dx + WIDTH], dtype=cv2.CV_8U)
        truth = np.eye(3) if before is None else np.linalg.inv(pose) @ before
        before = pose
        people_boxes = moved(walker.tlwh, to_image)
        boxes = people_boxes if all_boxes else moved(walker.detections.tlwh, to_image)
        yield Frame(image, boxes, truth, share_covered(people_boxes))


def moved(tlwh: FloatArray, matrix: Matrix) -> FloatArray:
    """Return boxes with their centres moved by a matrix and the same sizes."""
    centres = tlwh[:, :2] + tlwh[:, 2:] / 2
    centres = centres @ matrix[:2, :2].T + matrix[:2, 2]
    return np.column_stack([centres - tlwh[:, 2:] / 2, tlwh[:, 2:]])


def share_covered(tlwh: FloatArray) -> float:
    """Return the share of the image that boxes cover."""
    mask = np.zeros((HEIGHT // 8, WIDTH // 8), np.uint8)
    for x, y, w, h in tlwh / 8:
        mask[max(0, int(y)) : max(0, int(y + h)), max(0, int(x)) : max(0, int(x + w))] = 1
    return float(mask.mean())


def rms_error(estimate: Matrix, truth: Matrix) -> float:
    """Return the RMS distance over a 9 x 5 grid of image points, pixels."""
    x, y = np.meshgrid(np.linspace(0, WIDTH - 1, 9), np.linspace(0, HEIGHT - 1, 5))
    points = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
    apart = points @ (estimate - truth)[:2].T
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


class OpenCv:
    """The calls of the published program; the motion is unknown where they raise."""

    def __init__(self) -> None:
        self._previous: cv2.typing.MatLike | None = None

    def estimate(self, image: Image, tlwh: FloatArray | None = None) -> CameraMotion:
        """Return the motion from the image of the previous call; boxes are ignored."""
        del tlwh
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        grey = cv2.resize(grey, (0, 0), fx=0.1, fy=0.1, interpolation=cv2.INTER_LINEAR)
        previous, self._previous = self._previous, grey
        if previous is None:
            return CameraMotion()
        warp = np.eye(2, 3, dtype=np.float32)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
        try:
            score, warp = cv2.findTransformECC(
                previous, grey, warp, cv2.MOTION_EUCLIDEAN, criteria, None, 1
            )
        except cv2.error:
            return CameraMotion()
        matrix = np.vstack([warp, [0, 0, 1]]).astype(np.float64)
        matrix[:2, 2] *= 10
        return CameraMotion(matrix, score)

    def reset(self) -> None:
        """Forget the previous image."""
        self._previous = None


class OpenCvMultiScale:
    """OpenCV 5's ECC over a pyramid, on the reduced image and with the masks of `ecc`.

    Parameters
    ----------
    use_masks
        Exclude the pixels inside boxes of either image.

    """

    def __init__(self, *, use_masks: bool) -> None:
        self._use_masks = use_masks
        self._settings = CameraMotionSettings()
        self._previous: tuple[Image, Image] | None = None

    def estimate(self, image: Image, tlwh: FloatArray | None = None) -> CameraMotion:
        """Return the motion from the image of the previous call to this one."""
        factor = reduction(image.shape[0] * image.shape[1], self._settings.working_pixels)
        grey = reduced(image, factor)
        boxes = tlwh if self._use_masks else None
        mask = outside_boxes(grey.shape, boxes, factor, self._settings.box_margin)
        previous, self._previous = self._previous, (grey, mask)
        if previous is None:
            return CameraMotion()
        params = cv2.ECCParameters()
        params.motionType = cv2.MOTION_EUCLIDEAN
        warp = np.eye(2, 3, dtype=np.float32)
        masks = (255 * previous[1], 255 * mask) if self._use_masks else ()
        try:
            score, warp = cv2.findTransformECCMultiScale(previous[0], grey, warp, params, *masks)
        except cv2.error:
            return CameraMotion()
        reduce = np.diag([1 / factor, 1 / factor, 1.0])
        reduce[:2, 2] = -origin(factor) / factor
        matrix = np.linalg.inv(reduce) @ np.vstack([warp, [0, 0, 1]]) @ reduce
        return CameraMotion(matrix, min(max(score, 0.0), 1.0))

    def reset(self) -> None:
        """Forget the previous image."""
        self._previous = None


@dataclass(slots=True)
class Result:
    """Errors and times of one mode."""

    errors: list[float]
    seconds: list[float]
    unknown: int = 0

    def extend(self, other: Result) -> None:
        """Add the frames of another scene."""
        self.errors += other.errors
        self.seconds += other.seconds
        self.unknown += other.unknown


def make_estimator(mode: str) -> CameraMotionEstimator:
    """Return the estimator of a column."""
    if mode in ('pyramid', 'masks'):
        return OpenCvMultiScale(use_masks=mode == 'masks')
    estimator = OpenCv() if mode == 'opencv' else create_camera_motion(mode)
    assert estimator is not None
    return estimator


def run(frames: Iterator[Frame]) -> tuple[dict[str, Result], float]:
    """Run every mode on the frames; return the results by mode, and the mean share covered."""
    estimators = [(mode, make_estimator(mode)) for mode in MODES]
    results = {mode: Result([], []) for mode in MODES}
    covered = []
    for t, frame in enumerate(frames):
        covered.append(frame.covered)
        # In turns: the first to read an image finds less of it in the processor's cache.
        estimators.append(estimators.pop(0))
        for mode, estimator in estimators:
            start = time.thread_time()
            motion = estimator.estimate(frame.image, frame.tlwh)
            seconds = time.thread_time() - start
            if t > 0:
                results[mode].errors.append(rms_error(motion.matrix, frame.motion))
                results[mode].seconds.append(seconds)
                results[mode].unknown += motion.score == 0
    return results, float(np.mean(covered))


def row(name: str, results: dict[str, Result]) -> str:
    """Return a line of the table."""
    cells = []
    for result in results.values():
        ms = np.array(result.seconds) * 1e3
        cells.append(
            f'{np.mean(result.errors):6.3f} {np.median(result.errors):6.3f} {result.unknown:4d} '
            f'{np.median(ms):5.2f} {np.percentile(ms, 95):5.2f}'
        )
    theirs, ours = results['opencv'], results['ecc']
    mean = np.mean(ours.errors) / np.mean(theirs.errors)
    median = np.median(ours.errors) / np.median(theirs.errors)
    speed = np.median(ours.seconds) / np.median(theirs.seconds)
    tail = np.percentile(ours.seconds, 95) / np.median(ours.seconds)
    return f'{name:28s} | {" | ".join(cells)} | {mean:5.2f} {median:5.2f} {speed:5.2f} {tail:5.2f}'


def heading() -> str:
    """Return the two lines above the table."""
    of_mode = '  mean median unkn    ms   p95'
    names = ' | '.join(f'{mode:^30s}' for mode in MODES)
    columns = ' | '.join([of_mode] * len(MODES))
    return (
        f'{"OpenCV " + cv2.__version__ + ", one thread":28s} | {names} | ecc / opencv\n'
        f'{"background, motion, covered":28s} | {columns} |  mean   med  time   p95'
    )


def main() -> None:
    """Run the scenes and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--frames', type=int, default=40, help='frames per scene')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--all-boxes', action='store_true', help='the detector misses nobody and is exact'
    )
    parser.add_argument(
        '--sequence',
        type=Path,
        action='append',
        default=[],
        help='MOTChallenge folder whose first image is one more background',
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(args.seed)
    planes = {texture: background(texture, rng) for texture in TEXTURES}
    for folder in args.sequence:
        image = cv2.imread(str(sorted((folder / 'img1').iterdir())[0]))
        size = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
        planes[folder.name] = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    print(heading())
    total = {mode: Result([], []) for mode in MODES}
    for i, (texture, plane) in enumerate(planes.items()):
        for j, motion in enumerate(MOTIONS):
            people = (12, 60)[(i + j) % 2]
            seed = args.seed + 10 * i + j
            frames = scene(plane, texture, motion, people, args.frames, seed, args.all_boxes)
            results, covered = run(frames)
            print(row(f'{texture}, {motion}, {covered:.0%}', results), flush=True)
            for mode in MODES:
                total[mode].extend(results[mode])
    print(row('all', total))


if __name__ == '__main__':
    main()
