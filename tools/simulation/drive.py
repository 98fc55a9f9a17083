"""Drawn drive along a street with ground truth: a camera that drives forward, turns and pitches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import FloatArray, Image, IntArray
from tools.simulation.figures import Looks, draw_figure, looks_of
from tools.simulation.scene import share_inside
from tools.simulation.street import HALF_WIDTH, Pose, Street
from tools.simulation.walkers import WalkerSettings, detect, visibility

_CAMERA_HEIGHT = 1.6
_NEAREST, _FARTHEST = 5.0, 50.0
_TURN_SECONDS, _PITCH_SECONDS = 7.0, 0.9
_LEAST_IN_IMAGE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveSettings:
    """Size, length, people and camera of a drive.

    Attributes
    ----------
    width, height
        Image size, pixels.
    frames
        Number of frames.
    frame_rate
        Frames per second.
    people
        People in the street ahead.
    speed
        Speed of the camera, m/s.
    turn
        Amplitude of the heading, degrees; it turns to both sides with a period of 7 s.
    pitch
        Amplitude of the pitch, degrees; it nods with a period of 0.9 s.
    noise
        Standard deviation of the sensor noise, grey levels.
    seed
        Seed of the random numbers.

    """

    width: int = 960
    height: int = 540
    frames: int = 150
    frame_rate: float = 20.0
    people: int = 14
    speed: float = 6.0
    turn: float = 0.0
    pitch: float = 0.0
    noise: float = 3.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DriveFrame:
    """Image, ground truth and detections of one frame.

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
    before
        (M, 4) true boxes of people in the previous image.
    carried
        (M, 4) the same people at the same places in the street, in this image: where the motion of
        the camera alone takes the boxes `before`.

    """

    frame: int
    image: Image
    ids: IntArray
    tlwh: FloatArray
    visibility: FloatArray
    detections: Detections
    before: FloatArray
    carried: FloatArray


class Drive:
    """Drive along a street; iterating yields its frames, the same for the same seed."""

    def __init__(self, settings: DriveSettings | None = None) -> None:
        s = self.settings = settings or DriveSettings()
        rng = np.random.default_rng(s.seed)
        self.street = Street(s.width, s.height, 0.8 * s.width, rng)
        noise = rng.standard_normal((s.height + 64, s.width + 64, 3), np.float32) * s.noise
        self._noise = np.clip(np.round(noise), -127, 127).astype(np.int16)

    def pose(self, frame: int) -> Pose:
        """Return the pose of the camera in a frame, counted from 1."""
        s = self.settings
        seconds = (frame - 1) / s.frame_rate
        swing = 2 * math.pi * seconds / _TURN_SECONDS
        turn = math.radians(s.turn)
        # The camera moves where it looks: x is the integral of speed x sine of the heading, for
        # small headings.
        x = s.speed * turn * _TURN_SECONDS / (2 * math.pi) * (1 - math.cos(swing))
        pitch = math.radians(s.pitch) * math.sin(2 * math.pi * seconds / _PITCH_SECONDS)
        position = np.array([x, -_CAMERA_HEIGHT, s.speed * seconds])
        return Pose(position, turn * math.sin(swing), pitch)

    def __iter__(self) -> Iterator[DriveFrame]:
        s = self.settings
        people = _People(s)
        rng = np.random.default_rng([s.seed, 2])
        pose = self.pose(1)
        people.enter(pose)
        for frame in range(1, s.frames + 1):
            before = carried = np.empty((0, 4))
            if frame > 1:
                last, pose = pose, self.pose(frame)
                before = people.boxes(self.street, last)
                carried = people.boxes(self.street, pose)
                known = np.isfinite(carried).all(axis=1) & np.isfinite(before).all(axis=1)
                known &= share_inside(np.nan_to_num(before), s.width, s.height) >= _LEAST_IN_IMAGE
                before, carried = before[known], carried[known]
                people.walk()
                people.enter(pose)
            yield self._picture(frame, pose, people, before, carried, rng)

    def _picture(
        self,
        frame: int,
        pose: Pose,
        people: _People,
        before: FloatArray,
        carried: FloatArray,
        rng: np.random.Generator,
    ) -> DriveFrame:
        s = self.settings
        order = np.argsort(-people.feet[:, 1], kind='stable')
        tlwh = people.boxes(self.street, pose)[order]
        inside = share_inside(np.nan_to_num(tlwh), s.width, s.height)
        order, tlwh, inside = order[inside > 0], tlwh[inside > 0], inside[inside > 0]
        ids = people.ids[order]
        image = self.street.draw(pose)
        for i, box in zip(order.tolist(), tlwh, strict=True):
            draw_figure(image, box, people.looks[i], people.phase[i], people.facing(i))
        y, x = rng.integers(0, 64, 2)
        noise = self._noise[y : y + s.height, x : x + s.width]
        image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)
        kept = inside >= _LEAST_IN_IMAGE
        visible = (visibility(tlwh) * inside)[kept]
        detector = WalkerSettings(width=s.width, height=s.height, dimension=0)
        detections = detect(
            tlwh[kept], visible, np.empty((int(kept.sum()), 0), np.float32), detector, rng
        )
        return DriveFrame(frame, image, ids[kept], tlwh[kept], visible, detections, before, carried)


class _People:
    """People who stand in a street, walk along it or cross it; (N, 2) places are x and z."""

    def __init__(self, settings: DriveSettings) -> None:
        self._settings = s = settings
        self._rng = np.random.default_rng([s.seed, 1])
        self._next_id = 1
        self.ids = np.zeros(s.people, np.int64)
        self.feet = np.full((s.people, 2), -np.inf)
        self.phase = np.zeros(s.people)
        self.looks: list[Looks] = [looks_of(0, s.seed)] * s.people
        self._velocity = np.zeros((s.people, 2))
        self._stature = np.zeros(s.people)

    def boxes(self, street: Street, pose: Pose) -> FloatArray:
        """Return (N, 4) boxes, pixels; NaN for people behind the camera."""
        ground = np.column_stack([self.feet[:, 0], np.zeros(len(self.feet)), self.feet[:, 1]])
        feet = street.project(ground, pose)
        head = street.project(ground - np.outer(self._stature, (0, 1, 0)), pose)
        height = feet[:, 1] - head[:, 1]
        middle = (feet[:, 0] + head[:, 0]) / 2
        return np.column_stack([middle - 0.19 * height, head[:, 1], 0.38 * height, height])

    def facing(self, i: int) -> int:
        """Return 1 for a person who walks to the right, -1 to the left."""
        return 1 if self._velocity[i, 0] >= 0 else -1

    def walk(self) -> None:
        """Move everybody by one frame."""
        seconds = 1 / self._settings.frame_rate
        self.feet += self._velocity * seconds
        self.phase += 2 * math.pi * np.hypot(*self._velocity.T) * seconds / 1.4
        turning = np.abs(self.feet[:, 0]) > HALF_WIDTH - 1
        self._velocity[turning, 0] = -np.sign(self.feet[turning, 0]) * np.abs(
            self._velocity[turning, 0]
        )

    def enter(self, pose: Pose) -> None:
        """Replace the people whom the camera has passed by new ones far ahead."""
        ahead = self.feet[:, 1] - pose.position[2]
        first = not self.ids.any()
        for i in np.flatnonzero(~(ahead > _NEAREST)):
            rng = self._rng
            self.ids[i] = self._next_id
            self.looks[i] = looks_of(self._next_id, self._settings.seed)
            self._next_id += 1
            distance = rng.uniform(_NEAREST + 3 if first else 0.6 * _FARTHEST, _FARTHEST)
            self.feet[i] = rng.uniform(-8, 8), pose.position[2] + distance
            speed = rng.uniform(0.8, 1.7) * rng.choice([-1, 1])
            self._velocity[i] = ((0, 0), (0, speed), (speed, 0))[rng.integers(3)]
            self._stature[i] = rng.uniform(1.55, 1.9)
            self.phase[i] = 2.4 * i
