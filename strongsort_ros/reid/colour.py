"""A descriptor without weights: histograms of the colours of the upper and the lower body.

It tells people apart by their clothes, within one camera and one light. It is no network for
re-identification, but it keeps everything running where there are no weights.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.reid.crops import check_image, clip_boxes, cut_with_opencv
from strongsort_ros.reid.interfaces import NetworkCard
from strongsort_ros.types import Image

BINS: Final = (8, 4, 4)
# Hue, as OpenCV codes it in eight bits, ends at 180.
LEVELS: Final = (180, 256, 256)
SIZE: Final = (64, 32)
# Shares of the box: upper and lower body, without head, feet and most of the background.
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
    """Upper- and lower-body colour histograms behind the interface of `Extractor`."""

    def __init__(self) -> None:
        weights = (BINS[1] * BINS[2], BINS[2], 1)
        # For each channel: value -> its share of the number of the bin.
        self._tables = [
            (np.minimum(np.arange(256) * bins // levels, bins - 1) * weight).astype(np.int32)
            for bins, levels, weight in zip(BINS, LEVELS, weights, strict=True)
        ]
        rows, columns = (np.arange(n) / n for n in SIZE)
        self._rows = slice(*np.searchsorted(rows, (UPPER[0], LOWER[1])).tolist())
        self._columns = slice(*np.searchsorted(columns, COLUMNS).tolist())
        lower = rows[self._rows] >= LOWER[0]
        self._parts = (lower * _COLOURS).astype(np.int32)[:, None]

    @property
    def card(self) -> NetworkCard:
        """The descriptor's card."""
        return CARD

    @property
    def device(self) -> str:
        """What runs it, and where."""
        return 'NumPy on cpu'

    @property
    def fault(self) -> str:
        """Always '': NumPy does not fail."""
        return ''

    def extract(self, image: Image, tlwh: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return (N, 256) float32 of unit length; zeros where a box shows nothing.

        The square root makes the cosine of two rows the Bhattacharyya coefficient of their
        histograms.
        """
        check_image(image)
        xyxy, shown = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), CARD.dimension), dtype=np.float32)
        if len(xyxy):
            histograms = self._histograms(cut_with_opencv(image, xyxy, SIZE))
            embeddings[shown] = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Do nothing: there is nothing to warm."""

    def _histograms(self, cuts: Image) -> npt.NDArray[np.int64]:
        """Return (N, 256) counts: the upper body's bins, then the lower body's."""
        n = len(cuts)
        body = np.ascontiguousarray(cuts[:, self._rows, self._columns])
        tall = cv2.cvtColor(body.reshape(-1, body.shape[2], 3), cv2.COLOR_BGR2HSV)
        hsv = tall.reshape(body.shape)
        bins = sum(table[hsv[..., channel]] for channel, table in enumerate(self._tables))
        bins = bins + self._parts + (np.arange(n, dtype=np.int32) * CARD.dimension)[:, None, None]
        counts = np.bincount(bins.ravel(), minlength=n * CARD.dimension)
        return counts.reshape(n, CARD.dimension)
