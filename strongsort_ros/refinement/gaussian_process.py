"""Gaussian process regression along time, in time and memory that are linear in the rows."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solveh_banded

from strongsort_ros.types import FloatArray, IntArray

# In length scales; the covariance is 2e-16 there, nothing beside 1 in double precision. What is
# further apart is left out, so that the matrix is a band, however long the track.
_REACH = 8.5


def posterior_mean(
    frames: IntArray, values: FloatArray, length: float, noise: FloatArray
) -> FloatArray:
    """Return the mean of a Gaussian process given values, where these were taken.

    The prior has mean 0 and the squared exponential covariance
    k(s, t) = exp(-(s - t)^2 / (2 length^2)): Rasmussen and Williams, Gaussian Processes for
    Machine Learning, equation 2.23, K (K + noise)^-1 values. That is
    values - noise (K + noise)^-1 values; one factorisation of the banded matrix serves all columns.

    Parameters
    ----------
    frames
        (N,) strictly ascending.
    values
        (N, C).
    length
        Length scale: frames.
    noise
        (N,) variances of the values, as shares of the prior's; at least 1e-10 for the matrix to
        be safely positive definite.

    Returns
    -------
    mean
        (N, C).

    Raises
    ------
    numpy.linalg.LinAlgError
        The noise is too small for the length scale.

    """
    band = _covariances(frames, length)
    band[:, 0] += noise
    weights = solveh_banded(band.T, values, overwrite_ab=True, lower=True, check_finite=False)
    mean: FloatArray = values - noise[:, None] * weights
    return mean


def _covariances(frames: IntArray, length: float) -> FloatArray:
    """Return (N, width + 1): of each frame with itself and those after it; LAPACK's lower form.

    What stands there for frames past the last is not looked at.
    """
    far = math.ceil(_REACH * length)
    width = min(len(frames) - 1, far)
    # Frames are whole numbers: there are few distances.
    covariances = np.exp(-0.5 * (np.arange(far + 2) / length) ** 2)
    covariances[-1] = 0.0
    if frames[-1] - frames[0] == len(frames) - 1:
        return np.tile(covariances[: width + 1], (len(frames), 1))
    padded = np.concatenate([frames, np.full(width, frames[-1])])
    later = np.lib.stride_tricks.sliding_window_view(padded, width + 1)
    apart = np.minimum(later - frames[:, None], far + 1)
    return covariances[apart]
