"""Simulated people who walk, cross and occlude each other, and a detector with errors.

The demonstration, the benchmarks and the tests use them as input with ground truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import BoolArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkerSettings:
    """Settings of a crowd and its detector.

    Attributes
    ----------
    people
        People in the image at the same time; a new one enters for each that leaves.
    width, height
        Image size, pixels.
    size
        Scale of the people; at 1 they are a tenth to a third of the image height tall.
    frame_rate
        Frames per second.
    miss_rate
        Probability that a visible person is not detected in a frame.
    false_alarms
        Mean number of false detections per frame.
    hidden_share
        Fraction of a box above which an occluded person is not detected.
    embedding_noise
        Norm of the noise added to the unit-length embedding of a person.
    dimension
        Length of the embeddings; 0 for none.
    seed
        Seed of the random numbers.

    """

    people: int = 20
    width: int = 1920
    height: int = 1080
    size: float = 1.0
    frame_rate: float = 30.0
    miss_rate: float = 0.03
    false_alarms: float = 0.5
    hidden_share: float = 0.7
    embedding_noise: float = 0.6
    dimension: int = 512
    seed: int = 0


@dataclass(frozen=True, slots=True)
class WalkerFrame:
    """Ground truth and detections of one frame.

    Attributes
    ----------
    frame
        Number, from 1.
    ids
        (N,) int64 true identities, from 1, far to near.
    tlwh
        (N, 4) true boxes, pixels of a still camera.
    visibility
        (N,) fraction of each box that nearer boxes do not cover.
    detections
        Detections, with embeddings if there are any.

    """

    frame: int
    ids: IntArray
    tlwh: FloatArray
    visibility: FloatArray
    detections: Detections


class Walkers:
    """Crowd; iterating yields its frames without end, the same for the same seed."""

    def __init__(self, settings: WalkerSettings | None = None) -> None:
        self.settings = settings or WalkerSettings()
        self._rng = np.random.default_rng(self.settings.seed)
        self._next_id = 1
        n = self.settings.people
        self._ids = np.zeros(n, dtype=np.int64)
        self._feet = np.zeros((n, 2))
        self._velocity = np.zeros((n, 2))
        self._stature = np.zeros(n)
        self._embeddings = np.zeros((n, self.settings.dimension), dtype=np.float32)
        self._enter(np.ones(n, dtype=bool), anywhere=True)

    def __iter__(self) -> Iterator[WalkerFrame]:
        frame = 0
        while True:
            frame += 1
            yield self._observe(frame)
            self._walk()

    def _enter(self, entering: BoolArray, *, anywhere: bool = False) -> None:
        """Replace people by new ones, at an edge of the image or anywhere in it."""
        n, rng, s = int(entering.sum()), self._rng, self.settings
        leftwards = rng.random(n) < 0.5
        x = rng.uniform(0, s.width, n) if anywhere else np.where(leftwards, s.width, 0.0)
        self._ids[entering] = np.arange(self._next_id, self._next_id + n)
        self._next_id += n
        self._feet[entering] = np.column_stack([x, rng.uniform(0.45, 0.98, n) * s.height])
        speed = rng.uniform(0.6, 1.6, n) * np.where(leftwards, -1, 1)
        self._velocity[entering] = np.column_stack([speed, rng.normal(0, 0.12, n)])
        self._stature[entering] = rng.uniform(0.85, 1.15, n)
        embeddings = rng.standard_normal((n, s.dimension), dtype=np.float32)
        self._embeddings[entering] = embeddings / np.sqrt(max(s.dimension, 1))

    def _boxes(self) -> FloatArray:
        # People lower in the image are nearer and larger.
        height = self._stature * (0.06 + 0.42 * self._feet[:, 1] / self.settings.height)
        height = height * self.settings.height * (0.75 * self.settings.size)
        width = 0.38 * height
        left, top = self._feet[:, 0] - width / 2, self._feet[:, 1] - height
        return np.column_stack([left, top, width, height])

    def _walk(self) -> None:
        s = self.settings
        self._velocity += self._rng.normal(0, 0.02, self._velocity.shape)
        height = self._boxes()[:, 3:]
        # Walking speed is about 0.8 body heights per second.
        self._feet += self._velocity * height * (0.8 / s.frame_rate)
        y = self._feet[:, 1]
        self._velocity[:, 1] *= np.where((y < 0.4 * s.height) | (y > s.height), -1, 1)
        np.clip(y, 0.4 * s.height, s.height, out=y)
        half = self._boxes()[:, 2] / 2
        gone = (self._feet[:, 0] < -half) | (self._feet[:, 0] > s.width + half)
        if gone.any():
            self._enter(gone)

    def _observe(self, frame: int) -> WalkerFrame:
        far_to_near = np.argsort(self._feet[:, 1], kind='stable')
        tlwh = self._boxes()[far_to_near]
        visible = visibility(tlwh)
        embeddings = self._embeddings[far_to_near]
        detections = detect(tlwh, visible, embeddings, self.settings, self._rng)
        return WalkerFrame(frame, self._ids[far_to_near].copy(), tlwh, visible, detections)


def detect(
    tlwh: FloatArray,
    visible: FloatArray,
    embeddings: Float32Array,
    s: WalkerSettings,
    rng: np.random.Generator,
) -> Detections:
    """Return the detections of a detector that misses people and finds false ones.

    Parameters
    ----------
    tlwh
        (N, 4) true boxes, pixels.
    visible
        (N,) visible fraction of each box.
    embeddings
        (N, F) true embeddings of unit length; F is `s.dimension`.
    s
        Size of the image and errors of the detector.
    rng
        Source of the errors.

    """
    seen = (rng.random(len(tlwh)) >= s.miss_rate) & (visible > 1 - s.hidden_share)
    boxes = tlwh[seen] + rng.normal(0, 0.015, (int(seen.sum()), 4)) * tlwh[seen][:, 3:]
    scores = np.clip(0.62 + 0.33 * visible[seen] + rng.normal(0, 0.04, len(boxes)), 0.3, 0.99)
    false = rng.poisson(s.false_alarms)
    height = rng.uniform(0.08, 0.3, false) * s.height
    left, top = rng.uniform(0, s.width, false), rng.uniform(0, s.height - height)
    boxes = np.concatenate([boxes, np.column_stack([left, top, 0.4 * height, height])])
    scores = np.concatenate([scores, rng.uniform(0.4, 0.75, false)])
    order = rng.permutation(len(boxes))
    noise = rng.standard_normal((len(boxes), s.dimension), dtype=np.float32)
    noise *= s.embedding_noise / np.sqrt(max(s.dimension, 1))
    noise[: int(seen.sum())] += embeddings[seen]
    noise /= np.maximum(np.linalg.norm(noise, axis=1, keepdims=True), 1e-12)
    return Detections(
        tlwh=boxes[order],
        scores=scores[order],
        class_ids=np.full(len(boxes), 'person'),
        embeddings=noise[order] if s.dimension else None,
    )


def visibility(tlwh: FloatArray) -> FloatArray:
    """Return the fraction of each box that the nearer box with the largest overlap leaves visible.

    Parameters
    ----------
    tlwh
        (N, 4) boxes, far to near.

    """
    top_left, bottom_right = tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]
    low = np.maximum(top_left[:, None], top_left[None])
    high = np.minimum(bottom_right[:, None], bottom_right[None])
    covered = np.prod(np.clip(high - low, 0, None), axis=2) / np.prod(tlwh[:, 2:], axis=1)[:, None]
    nearer = np.triu(np.ones(covered.shape, dtype=bool), 1)
    share: FloatArray = 1 - np.max(covered, axis=1, where=nearer, initial=0.0)
    return share
