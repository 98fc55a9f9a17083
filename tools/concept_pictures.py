"""Draw the pictures of docs/concepts.md, each computed by the code that it explains.

    python -m tools.concept_pictures [FOLDER]

They need Matplotlib, which TrackEval installs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from strongsort_ros import refine_tracks
from strongsort_ros.camera_motion import create_camera_motion
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings
from strongsort_ros.tracking.gallery import Gallery
from strongsort_ros.tracking.kalman_filter import POSITION, KalmanFilter
from strongsort_ros.tracking.measurement_noise import nsa_scale
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import Float32Array, FloatArray
from tools.simulation.drive import Drive, DriveSettings

FOLDER: Final = Path(__file__).resolve().parent.parent / 'docs' / 'images' / 'concepts'
BLUE, ORANGE, GREEN, GREY = '#1f6fb4', '#d9711c', '#2c8c4b', '#8a8f98'
GATE: Final = 9.4877
"""95 % quantile of the chi-square distribution with four degrees of freedom."""


def axes(title: str, x: str, y: str) -> tuple[Figure, Any]:
    """Return a figure with one diagram."""
    figure = Figure(figsize=(6.4, 3.4), layout='constrained')
    diagram = figure.subplots()
    diagram.set(title=title, xlabel=x, ylabel=y)
    diagram.spines[['top', 'right']].set_visible(False)
    return figure, diagram


def lost_track(frames: int) -> list[tuple[FloatArray, FloatArray]]:
    """Return mean and covariance of a person who walks, frame by frame after the last match."""
    kalman = KalmanFilter(TrackerSettings.strongsort())
    mean, covariance = kalman.initiate(np.array([[100.0, 200, 0.4, 100]]))
    for frame in range(1, 20):
        kalman.predict(mean, covariance)
        measured = np.array([[100.0 + 4 * frame, 200, 0.4, 100]])
        kalman.update(mean, covariance, measured, np.ones((1, 1)))
    states = []
    for _ in range(frames):
        kalman.predict(mean, covariance)
        states.append((mean.copy(), covariance.copy()))
    return states


def gate() -> Figure:
    """Draw where a detection may be to continue a track that has no match."""
    figure, diagram = axes('The gate grows while a track has no match', 'x, pixels', 'y, pixels')
    kalman = KalmanFilter(TrackerSettings.strongsort())
    for frame, (mean, covariance) in enumerate(lost_track(10), 1):
        if frame not in (1, 3, 6, 10):
            continue
        # The variance of a detection at the mean: the distance to a point one pixel away.
        centre = mean[0, :2]
        size = []
        for axis in range(2):
            beside = mean[:, POSITION].copy()
            beside[0, axis] += 1
            distance = float(kalman.mahalanobis(mean, covariance, beside)[0, 0])
            size.append(2 * np.sqrt(GATE / distance))
        diagram.add_patch(Ellipse(tuple(centre), *size, fill=False, color=BLUE))
        diagram.annotate(
            f'{frame} frames' if frame > 1 else '1 frame',
            (centre[0], centre[1] - size[1] / 2),
            ha='center',
            color=BLUE,
        )
    diagram.set(xlim=(100, 320), ylim=(310, 90))
    diagram.set_aspect('equal')
    return figure


def cascade() -> Figure:
    """Draw why DeepSORT matches tracks that were seen last first."""
    figure, diagram = axes(
        'The same distance counts less, the longer a track is lost',
        'frames since the last match', 'squared Mahalanobis distance',
    )  # fmt: skip
    kalman = KalmanFilter(TrackerSettings.strongsort())
    for pixels, colour in ((20, GREEN), (40, BLUE), (80, ORANGE)):
        distances = []
        for mean, covariance in lost_track(30):
            beside = mean[:, POSITION] + np.array([[pixels, 0.0, 0, 0]])
            distances.append(float(kalman.mahalanobis(mean, covariance, beside)[0, 0]))
        diagram.semilogy(range(1, 31), distances, color=colour, label=f'{pixels} px away')
    diagram.axhline(GATE, color=GREY, linestyle='--', label='gate')
    diagram.legend(frameon=False)
    return figure


def walk_of_embeddings(length: int, rng: np.random.Generator) -> Float32Array:
    """Return embeddings of one person whose look changes slowly, with noise and an occlusion."""
    one, other, hidden = rng.standard_normal((3, 64))
    share = np.linspace(0, 1, length)[:, None]
    looks = (1 - share) * one + share * other + 0.5 * rng.standard_normal((length, 64))
    looks[length // 2 : length // 2 + 8] = hidden + 0.5 * rng.standard_normal((8, 64))
    return np.asarray(looks / np.linalg.norm(looks, axis=1, keepdims=True), np.float32)


def ema() -> Figure:
    """Draw the cosine distance of new embeddings to the gallery of a track."""
    figure, diagram = axes(
        'EMA: one embedding that follows the person', 'frame', 'cosine distance to the track'
    )
    seen = walk_of_embeddings(160, np.random.default_rng(4))
    for preset, label, colour in (
        ('deepsort', 'DeepSORT: nearest of the last 100', ORANGE),
        ('strongsort', 'EMA, StrongSORT: running average', BLUE),
    ):
        gallery = Gallery(TrackerSettings.preset(preset))
        gallery.forget(seen.shape[1])
        slot = gallery.allocate(1)
        distances = [np.nan]
        gallery.add(slot, seen[:1])
        for embedding in seen[1:]:
            first = np.zeros(1, dtype=np.int64)
            similarity = gallery.cosine_similarity(slot, first, embedding[None])
            distances.append(1 - float(similarity[0]))
            gallery.add(slot, embedding[None])
        diagram.plot(distances, color=colour, label=label)
    diagram.axvspan(80, 88, color=GREY, alpha=0.3, lw=0, label='another person in front')
    diagram.set_ylim(0, 1.3)
    diagram.legend(frameon=False, loc='upper left')
    return figure


def nsa() -> Figure:
    """Draw the measurement noise that a detection's score stands for."""
    figure, diagram = axes(
        'NSA: detections with high scores are trusted more', 'score',
        'noise, relative to DeepSORT',
    )  # fmt: skip
    scores = np.linspace(0, 1, 101)
    diagram.plot(scores, np.sqrt(nsa_scale(scores))[:, 0], color=BLUE, label='NSA: 1 - score')
    diagram.axhline(1, color=ORANGE, label='DeepSORT: the same for all')
    diagram.axvspan(0.97, 1, color=GREY, alpha=0.3, lw=0, label='almost no noise is left')
    diagram.legend(frameon=False)
    return figure


def camera_motion() -> Figure:
    """Draw what differs between two images of a moving camera, before and after compensation."""
    settings = DriveSettings(frames=31, turn=8.0, pitch=0.6, noise=2.0)
    before, after = list(Drive(settings))[28:30]
    estimator = create_camera_motion('ecc')
    assert estimator is not None
    estimator.estimate(before.image, before.detections.tlwh)
    motion = estimator.estimate(after.image, after.detections.tlwh)
    size = settings.width, settings.height
    moved = cv2.warpAffine(before.image, motion.matrix[:2], size, borderMode=cv2.BORDER_REPLICATE)
    figure = Figure(figsize=(9.6, 3.0), layout='constrained')
    for diagram, image, title in zip(
        figure.subplots(1, 2), (before.image, moved),
        ('Difference of two images of a car', 'after the camera motion is undone'), strict=True,
    ):  # fmt: skip
        difference = cv2.absdiff(after.image, image).mean(axis=2)
        diagram.imshow(difference, cmap='inferno', vmax=80)
        diagram.set_title(title)
        diagram.axis('off')
    return figure


def broken_walk(rng: np.random.Generator) -> FloatArray:
    """Return rows of a person who is hidden in frames 60 to 100 and gets another id."""
    frames = np.array([*range(20, 60), *range(100, 150)])
    left = 100 + 5 * frames + rng.normal(0, 3, len(frames))
    top = 300 + rng.normal(0, 2, len(frames))
    ids = np.where(frames < 80, 1, 2)
    size = np.full((len(frames), 2), (60.0, 160.0))
    return np.column_stack([frames, ids, left, top, size, np.ones(len(frames))])


def aflink() -> Figure:
    """Draw two tracklets of one person, and the one that AFLink makes of them."""
    figure, diagram = axes('AFLink joins broken tracks, GSI fills the gap', 'frame', 'x, pixels')
    rows = broken_walk(np.random.default_rng(2))
    linked = refine_tracks(rows, aflink=AflinkSettings(), gsi=False)
    filled = refine_tracks(linked, gsi=GsiSettings(interval=60))
    colours = {1: BLUE, 2: ORANGE}
    for number, colour in colours.items():
        part = rows[rows[:, 1] == number]
        diagram.plot(part[:, 0], part[:, 2] + 60, '.', color=colour, label=f'id {number}, tracker')
        part = linked[linked[:, 1] == number]
        if len(part):
            diagram.plot(part[:, 0], part[:, 2], '.', color=colour, alpha=0.5)
    diagram.plot(filled[:, 0], filled[:, 2], color=GREEN, label='id 1, refined')
    diagram.legend(frameon=False)
    return figure


def smoothing() -> Figure:
    """Draw a jittering track with a gap, and what the two smoothers make of it."""
    figure, diagram = axes('GSI and RTS fill gaps and remove jitter', 'frame', 'x, pixels')
    rng = np.random.default_rng(7)
    frames = np.array([*range(1, 31), *range(44, 71)])
    truth = 200 + 60 * np.sin(frames / 12)
    rows = np.column_stack([
        frames, np.ones(len(frames)), truth + rng.normal(0, 4, len(frames)),
        np.full(len(frames), 100.0), np.full((len(frames), 2), (60.0, 160.0)),
        np.full(len(frames), 0.8),
    ])  # fmt: skip
    diagram.plot(frames, rows[:, 2], '.', color=GREY, label='tracker')
    every = np.arange(1, 71)
    diagram.plot(every, 200 + 60 * np.sin(every / 12), '--', color=GREY, lw=1, label='truth')
    for options, label, colour in (
        ({'gsi': True}, 'GSI', ORANGE),
        ({'smooth': 'rts'}, 'RTS', BLUE),
    ):
        smooth = refine_tracks(rows, **options)
        diagram.plot(smooth[:, 0], smooth[:, 2], color=colour, label=label)
    diagram.legend(frameon=False)
    return figure


PICTURES: Final[dict[str, Callable[[], Figure]]] = {
    'gate.svg': gate,
    'cascade.svg': cascade,
    'ema.svg': ema,
    'nsa.svg': nsa,
    'camera_motion.webp': camera_motion,
    'aflink.svg': aflink,
    'smoothing.svg': smoothing,
}


def main(folder: Path = FOLDER) -> None:
    """Write all pictures."""
    # Text stays text, and no date or random number makes the files differ.
    mpl.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'strongsort_ros'})
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        metadata: dict[str, Any] | None = {'Date': None} if name.endswith('.svg') else None
        draw().savefig(folder / name, dpi=80, metadata=metadata)
        print(folder / name)


if __name__ == '__main__':
    main(*map(Path, sys.argv[1:]))
