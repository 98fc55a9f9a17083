"""Drawn street scene with ground truth: walkers, a detector and a shaking camera."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import cv2
import numpy as np

from strongsort_ros.errors import SettingError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import BoolArray, FloatArray, Image, IntArray
from tools.simulation.camera import ShakingCamera
from tools.simulation.figures import Looks, draw_figure, looks_of
from tools.simulation.plaza import draw_plaza
from tools.simulation.walkers import WalkerFrame, Walkers, WalkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSettings:
    """Size, length, crowd and camera of a scene.

    Attributes
    ----------
    width, height
        Image size, pixels.
    frames
        Number of frames.
    frame_rate
        Frames per second.
    people
        People present at the same time, in the image and just outside.
    camera_pan, camera_shake
        Amplitudes of the slow and the fast motion of the camera, pixels; both 0 for a still camera.
    noise
        Standard deviation of the sensor noise, grey levels.
    seed
        Seed of the random numbers.

    """

    width: int = 960
    height: int = 540
    frames: int = 300
    frame_rate: float = 30.0
    people: int = 16
    camera_pan: float = 60.0
    camera_shake: float = 10.0
    noise: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width < 64 or self.height < 64:
            raise SettingError(f'scene of {self.width} x {self.height}: at least 64 x 64 pixels')
        if self.frames < 1 or self.people < 1 or not self.frame_rate > 0:
            raise SettingError(
                f'scene of {self.frames} frames, {self.people} people at {self.frame_rate} '
                'frames/s: each must be positive'
            )


@dataclass(frozen=True, slots=True)
class SceneFrame:
    """Image, ground truth and detections of one frame, all in pixels of this image.

    Attributes
    ----------
    frame
        Number, from 1.
    image
        (H, W, 3) uint8 BGR.
    ids
        (N,) int64 true identities, far to near.
    tlwh
        (N, 4) true boxes, pixels; they may extend beyond the image.
    visibility
        (N,) fraction of each box that is in the image and not occluded by nearer boxes.
    detections
        Detections, without embeddings.
    camera_motion
        (3, 3) Euclidean, pixels of the previous frame to this frame; identity for the first frame.

    """

    frame: int
    image: Image
    ids: IntArray
    tlwh: FloatArray
    visibility: FloatArray
    detections: Detections
    camera_motion: FloatArray


class Scene:
    """Scene of walkers; iterating yields its frames, the same for the same seed."""

    _LEAST_IN_IMAGE = 0.4  # people less visible are neither ground truth nor detected
    _STEP_LENGTH = 0.42  # body heights

    def __init__(self, settings: SceneSettings | None = None) -> None:
        s = self.settings = settings or SceneSettings()
        rng = np.random.default_rng(s.seed)
        roll = math.degrees(s.camera_shake / s.width)
        self.camera = ShakingCamera(
            (s.width / 2, s.height / 2), s.frame_rate,
            pan=s.camera_pan, shake=s.camera_shake, roll=roll, rng=rng,
        )  # fmt: skip
        self._margin = math.ceil(s.camera_pan + 2 * s.camera_shake) + 2
        self._background = draw_plaza(s.width, s.height, self._margin, rng)
        noise = rng.standard_normal((s.height + 64, s.width + 64, 3), np.float32) * s.noise
        self._noise = np.clip(np.round(noise), -127, 127).astype(np.int16)
        self._noise_corners = rng.integers(0, 64, (s.frames, 2))

    def __iter__(self) -> Iterator[SceneFrame]:
        s = self.settings
        # The crowd fills everything that the panning camera sees.
        crowd = Walkers(
            WalkerSettings(
                people=s.people, width=s.width + 2 * self._margin, height=s.height,
                frame_rate=s.frame_rate, dimension=0, seed=s.seed,
            )
        )  # fmt: skip
        gaits: dict[int, _Gait] = {}
        for now, after in islice(pairwise(crowd), s.frames):
            gaits = self._walk(gaits, now, after)
            yield self._picture(now, gaits)

    def background(self, pose: FloatArray) -> Image:
        """Return the image without people for a pose of the camera."""
        s = self.settings
        matrix = pose @ _shift(-self._margin, -self._margin)
        warped = cv2.warpAffine(
            self._background, matrix[:2], (s.width, s.height), borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(warped, np.uint8)

    def _walk(
        self, gaits: dict[int, _Gait], now: WalkerFrame, after: WalkerFrame
    ) -> dict[int, _Gait]:
        """Return the gaits of the people present, with direction and speed from the next frame."""
        next_left = dict(zip(after.ids.tolist(), after.tlwh[:, 0], strict=True))
        walking: dict[int, _Gait] = {}
        for identity, (left, _, _, height) in zip(now.ids.tolist(), now.tlwh, strict=True):
            gait = gaits.get(identity) or _Gait(
                looks_of(identity, self.settings.seed), 2.4 * identity
            )
            ahead = next_left.get(identity, left) - left
            if ahead:
                gait.facing = 1 if ahead > 0 else -1
            gait.phase += math.pi * abs(ahead) / (self._STEP_LENGTH * height)
            walking[identity] = gait
        return walking

    def _picture(self, now: WalkerFrame, gaits: dict[int, _Gait]) -> SceneFrame:
        s = self.settings
        pose = self.camera.pose(now.frame)
        to_pose = pose @ _shift(-self._margin, 0)
        tlwh = move_boxes(now.tlwh, to_pose)
        image = self.background(pose)
        self._draw_shadows(image, tlwh)
        for identity, box in zip(now.ids.tolist(), tlwh, strict=True):
            gait = gaits[identity]
            draw_figure(image, box, gait.looks, gait.phase, gait.facing)
        y, x = self._noise_corners[now.frame - 1]
        noise = self._noise[y : y + s.height, x : x + s.width]
        image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)
        inside = share_inside(tlwh, s.width, s.height)
        kept = inside >= self._LEAST_IN_IMAGE
        return SceneFrame(
            now.frame, image, now.ids[kept], tlwh[kept], (now.visibility * inside)[kept],
            self._detected(now.detections, to_pose),
            self.camera.motion(now.frame) if now.frame > 1 else np.eye(3),
        )  # fmt: skip

    def _detected(self, detections: Detections, pose: FloatArray) -> Detections:
        tlwh = move_boxes(detections.tlwh, pose)
        inside = share_inside(tlwh, self.settings.width, self.settings.height)
        kept: BoolArray = inside >= self._LEAST_IN_IMAGE
        return Detections(tlwh[kept], detections.scores[kept], detections.class_ids[kept])

    def _draw_shadows(self, image: Image, tlwh: FloatArray) -> None:
        """Darken the pavement below the people."""
        shade = np.full(image.shape[:2], 255, np.uint8)
        for left, top, width, height in tlwh:
            centre = (round(left + 0.62 * width), round(top + 0.985 * height))
            axes = (round(0.6 * width), round(0.035 * height))
            cv2.ellipse(shade, centre, axes, 0, 0, 360, 150, cv2.FILLED, cv2.LINE_AA)
        soft = cv2.blur(shade, (7, 3))
        cv2.multiply(image, cv2.merge([soft, soft, soft]), dst=image, scale=1 / 255)


@dataclass(slots=True)
class _Gait:
    """Looks of a person and phase of the stride, radians."""

    looks: Looks
    phase: float
    facing: int = 1


def move_boxes(tlwh: FloatArray, pose: FloatArray) -> FloatArray:
    """Move the feet of boxes by a Euclidean matrix; the boxes stay upright.

    Parameters
    ----------
    tlwh
        (N, 4) pixels.
    pose
        (3, 3) matrix that moves the feet.

    """
    feet = tlwh[:, :2] + tlwh[:, 2:] * (0.5, 1.0)
    moved = tlwh.copy()
    moved[:, :2] += feet @ (pose[:2, :2] - np.eye(2)).T + pose[:2, 2]
    return moved


def share_inside(tlwh: FloatArray, width: int, height: int) -> FloatArray:
    """Return the fraction of the area of each box, (N, 4) -> (N,), that is in the image."""
    low = np.maximum(tlwh[:, :2], 0)
    high = np.minimum(tlwh[:, :2] + tlwh[:, 2:], (width, height))
    area = np.maximum(np.prod(tlwh[:, 2:], axis=1), 1e-9)
    share: FloatArray = np.prod(np.clip(high - low, 0, None), axis=1) / area
    return share


def _shift(x: float, y: float) -> FloatArray:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
