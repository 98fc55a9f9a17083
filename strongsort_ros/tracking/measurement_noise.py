"""Measurement noise: from scores (NSA), or learnt from the innovations."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strongsort_ros.types import BoolArray, FloatArray

_START: Final = np.array([0.3, 0.3, 0.3, 1.0])
_LEAST: Final = np.array([0.3, 0.3, 0.05, 1.0])
_MOST: Final = 2.0
"""Start and bounds of the learnt scales. The errors of weak detectors last for some frames, above
all in height, and look like motion then, so the height's noise is at least the published one.
"""
_RATE: Final = 0.1
"""Change of the logarithm of a scale by a correlation of 1 of one track."""
_LEAST_SHARE, _MOST_SHARE = 1 / 3, 3.0
"""Bounds of the variance by score, relative to that of a mean score: NSA's, by its square root."""
_SMOOTHING: Final = 0.98
_LEAST_MEAN: Final = 1e-3


def nsa_scale(scores: FloatArray) -> FloatArray:
    """Return (N, 1) factors of the measurement variance for scores (N,) c.

    The standard deviation is multiplied by 1 - c (StrongSORT, arXiv 2202.13514, equation 3, squared
    as in its program). For scores above 1 it is not changed.
    """
    scale: FloatArray = np.where(scores <= 1.0, (1.0 - scores) ** 2, 1.0)[:, None]
    return scale


class AdaptiveNoise:
    """Scales of the measurement noise of x, y, aspect and height, learnt from the innovations.

    The innovations of a Kalman filter with the right noise are white (Mehra, "On the identification
    of variances and adaptive Kalman filtering", IEEE TAC 1970). Here the sign of their correlation
    from one match to the next changes the scales: if a track's box is now on one side of the
    prediction and now on the other, the filter follows the jitter of the detector, and the noise is
    increased; if it stays on one side, the filter lags, and the noise is decreased. Scores are used
    only relative to each other, so a detector that is always sure does no harm. Tracks that were
    lost in between count, too: where boxes are often missing, predictions must hold for longer.

    Attributes
    ----------
    scale
        (4,) factors of the published standard deviations.

    """

    def __init__(self) -> None:
        self.scale: FloatArray = _START.copy()
        self._mean: float | None = None

    def add_scores(self, scores: FloatArray) -> None:
        """Add the scores (N,) of a frame to the running mean of 1 - score."""
        if len(scores):
            mean = 1.0 - float(scores.sum()) / len(scores)
            if self._mean is None:
                self._mean = mean
            self._mean += (1 - _SMOOTHING) * (mean - self._mean)

    def learn(self, innovations: FloatArray, previous: FloatArray, known: BoolArray) -> None:
        """Adapt the scales to N matched tracks.

        Parameters
        ----------
        innovations, previous
            (N, 4) innovations of this match and of the one before, in box heights; the aspect's as
            they are.
        known
            (N,) whether a track's previous innovation is known.

        """
        count = int(np.count_nonzero(known))
        if count == 0:
            return
        power = innovations * innovations
        power += previous * previous
        correlation = innovations * previous
        correlation /= np.maximum(power, 1e-12, out=power)
        mean = known @ correlation * (2.0 / count)
        self.scale *= np.exp(-_RATE * math.sqrt(count) * mean)
        self.scale = np.minimum(np.maximum(self.scale, _LEAST), _MOST)  # faster than clip()

    def variance_scale(self, scores: FloatArray) -> FloatArray:
        """Return (N, 4) factors of the measurement variance for scores (N,)."""
        mean = max(self._mean if self._mean is not None else 1.0, _LEAST_MEAN)
        share = np.minimum(np.maximum((1.0 - scores) / mean, _LEAST_SHARE), _MOST_SHARE)
        scale: FloatArray = share[:, None] * self.scale**2
        return scale
