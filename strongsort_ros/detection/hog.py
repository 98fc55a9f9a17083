"""Detectors that need no weights file: OpenCV's HOG people detector, and what moves."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np

from strongsort_ros.detection.interface import ClassChoice, Detector, suppress
from strongsort_ros.errors import MissingPackageError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import FloatArray, Image

PERSON: Final = 'person'
MOVING: Final = 'moving'

_SIDE: Final = 800
"""Longer side of the image that HOG searches, pixels. It finds people from 96 pixels on."""
_BODY: Final = (0.58, 0.76)
"""Width and height of a person relative to the window around it."""
_STEEPNESS, _MIDDLE = 3.0, 0.85
"""Score 1 / (1 + exp(-steepness * (w - middle))) of the SVM's distance w.

On 15 images of MOT17-09, 95 % of the windows of w > 1 (0.6) are people, and a fifth of those
below.
"""
_HOG_IOU: Final = 0.45


def has_hog() -> bool:
    """Return whether this OpenCV has the HOG detector: 4 has it, 5 with the contrib modules."""
    return hasattr(cv2, 'HOGDescriptor')


class HogDetector(Detector):
    """Upright people of at least an eighth of the image's width in height (Dalal and Triggs).

    It finds fewer people than a network, and takes longer than a small one.

    Raises
    ------
    MissingPackageError
        This OpenCV has no HOG detector.

    """

    def __init__(self, classes: str, min_score: float) -> None:
        if not has_hog():
            raise MissingPackageError(
                f'detector hog: OpenCV {cv2.__version__} has it only with its contrib modules: '
                'pip install opencv-contrib-python'
            )
        self.name = 'hog (OpenCV)'
        self.names = {0: PERSON}
        self._choice = ClassChoice(self.names, classes, min_score)
        opencv: Any = cv2  # the type information is of one version
        self._hog = opencv.HOGDescriptor()
        self._hog.setSVMDetector(opencv.HOGDescriptor_getDefaultPeopleDetector())
        least = max(min_score, 1e-3)
        self._least = _MIDDLE - np.log(1 / least - 1) / _STEEPNESS

    def detect(self, image: Image) -> Detections:
        """Return the people in an image."""
        scale = min(_SIDE / max(image.shape[:2]), 1.0)
        small = image
        if scale < 1:
            small = np.asarray(
                cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        if small.shape[0] < 128 or small.shape[1] < 64:
            return Detections.empty()
        windows, weights = self._hog.detectMultiScale(
            small, hitThreshold=self._least, winStride=(8, 8), padding=(8, 8), scale=1.05,
            groupThreshold=0,
        )  # fmt: skip
        if not len(windows):
            return Detections.empty()
        boxes = np.asarray(windows, dtype=np.float64).reshape(-1, 4) / scale
        margins = boxes[:, 2:] * (1 - np.array(_BODY)) / 2
        xyxy = np.concatenate(
            [boxes[:, :2] + margins, boxes[:, :2] + boxes[:, 2:] - margins], axis=1
        )
        scores = 1 / (1 + np.exp(-_STEEPNESS * (np.ravel(weights).astype(np.float64) - _MIDDLE)))
        classes = np.zeros(len(xyxy), dtype=np.int64)
        rows = suppress(xyxy, scores, classes, _HOG_IOU)
        return self._choice.detections(xyxy[rows], scores[rows], classes[rows])


_HISTORY: Final = 300
_LEARNING: Final = 10
"""Frames to learn the background from, before anything counts as moving."""
_MOTION_SIDE: Final = 480
_LEAST_AREA: Final = 1 / 2000
"""Smallest moving region, as a share of the image."""
_FULL: Final = 0.5
"""Share of its box that a region fills for a score of 1."""
_MOST: Final = 0.5
"""If more of the image moves, the camera does."""


class MotionDetector(Detector):
    """Moving regions in front of a still camera, by background subtraction (MOG2).

    A region has no class but 'moving': people who walk together are one region, and what stands
    still is none. Frames must be given in their order.
    """

    def __init__(self, classes: str, min_score: float) -> None:
        self.name = 'motion (OpenCV)'
        self.names = {0: MOVING}
        self._choice = ClassChoice(self.names, classes, min_score)
        self._background = cv2.createBackgroundSubtractorMOG2(_HISTORY, 25, True)
        self._seen = 0

    def detect(self, image: Image) -> Detections:
        """Return the regions of an image that differ from the background."""
        scale = min(_MOTION_SIDE / max(image.shape[:2]), 1.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        mask = np.asarray(self._background.apply(small) == 255, np.uint8)
        self._seen += 1
        mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 7), np.uint8)))
        if self._seen <= _LEARNING or mask.mean() > _MOST:
            return Detections.empty()
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        regions: FloatArray = np.asarray(stats[1:], dtype=np.float64)
        regions = regions[regions[:, 4] >= _LEAST_AREA * mask.size]
        xyxy = np.concatenate([regions[:, :2], regions[:, :2] + regions[:, 2:4]], axis=1) / scale
        filled = regions[:, 4] / regions[:, 2:4].prod(axis=1)
        scores = np.minimum(filled / _FULL, 1.0)
        return self._choice.detections(xyxy, scores, np.zeros(len(xyxy), dtype=np.int64))
