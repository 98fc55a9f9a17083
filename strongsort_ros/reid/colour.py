"""Colour histograms of the upper and the lower body, a descriptor without weights.

It distinguishes people by their clothes, in one camera and steady light. It is no substitute for a
ReID network, but needs no download.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from strongsort_ros.arrays import box_array, check_image
from strongsort_ros.reid.crops import clip_boxes, crop_with_opencv
from strongsort_ros.reid.interfaces import NetworkCard
from strongsort_ros.types import Float32Array, FloatArray, Image, IntArray

BINS: Final = (8, 4, 4)
# Number of values of hue, saturation and value; OpenCV stores half the hue, 0 to 179.
LEVELS: Final = (180, 256, 256)
SIZE: Final = (64, 32)
# Parts of the box, as shares of its height and width: without head, feet and most background.
UPPER: Final = (0.15, 0.5)
LOWER: Final = (0.5, 0.9)
COLUMNS: Final = (0.15, 0.85)

_COLOURS: Final = int(np.prod(BINS))
CARD: Final = NetworkCard(
    'colour',
    2 * _COLOURS,
    0.30,
    'colour histograms; no weights',
    'measured on MOT17-09, TUD-Campus and KITTI-17',
)


class ColourExtractor:
    """Turns boxes into colour histograms of the upper and the lower body; see `Extractor`."""

    card: Final = CARD
    device: Final = 'NumPy on cpu'
    fault: Final = ''  # no device can fail

    def __init__(self) -> None:
        weights = (BINS[1] * BINS[2], BINS[2], 1)
        # For each channel: a table from value to its part of the index of the histogram bin.
        self._tables = [
            (np.minimum(np.arange(256) * bins // levels, bins - 1) * weight).astype(np.int32)
            for bins, levels, weight in zip(BINS, LEVELS, weights, strict=True)
        ]
        rows, columns = (np.arange(n) / n for n in SIZE)
        self._rows = slice(*np.searchsorted(rows, (UPPER[0], LOWER[1])).tolist())
        self._columns = slice(*np.searchsorted(columns, COLUMNS).tolist())
        lower = rows[self._rows] >= LOWER[0]
        self._parts = (lower * _COLOURS).astype(np.int32)[:, None]

    def extract(self, image: Image, tlwh: FloatArray) -> Float32Array:
        """Return (N, 256) float32 of unit length; zeros for a box that is empty in the image.

        Rows are the square roots of histograms, so the cosine of two rows is the Bhattacharyya
        coefficient of their histograms.
        """
        check_image(image)
        tlwh = box_array('tlwh', tlwh)
        xyxy, visible = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), CARD.dimension), dtype=np.float32)
        if len(xyxy):
            histograms = self._histograms(crop_with_opencv(image, xyxy, SIZE))
            embeddings[visible] = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Do nothing: the first frame is as fast as the others."""

    def _histograms(self, crops: Image) -> IntArray:
        """Return (N, 256) counts: the upper body's bins, then the lower body's."""
        n = len(crops)
        body = np.ascontiguousarray(crops[:, self._rows, self._columns])
        tall = cv2.cvtColor(body.reshape(-1, body.shape[2], 3), cv2.COLOR_BGR2HSV)
        hsv = tall.reshape(body.shape)
        bins = sum(table[hsv[..., channel]] for channel, table in enumerate(self._tables))
        bins = bins + self._parts + (np.arange(n, dtype=np.int32) * CARD.dimension)[:, None, None]
        counts = np.bincount(bins.ravel(), minlength=n * CARD.dimension)
        return counts.reshape(n, CARD.dimension)
