"""Gaussian process regression over time; time and memory grow linearly with the rows."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solveh_banded

from strongsort_ros.types import FloatArray, IntArray

# Length scales at which the covariance falls to 2e-16, which vanishes beside 1 in double precision.
# Pairs further apart are left out, which makes the matrix a band.
_REACH = 8.5


def posterior_mean(
    frames: IntArray, values: FloatArray, length: float, noise: FloatArray
) -> FloatArray:
    """Return the posterior mean of a Gaussian process at the frames of its observations.

    The prior has mean 0 and the squared exponential covariance
    k(s, t) = exp(-(s - t)^2 / (2 length^2)): Rasmussen and Williams, Gaussian Processes for
    Machine Learning, equation 2.23: K (K + noise)^-1 values, computed as
    values - noise (K + noise)^-1 values. One factorisation of the banded matrix serves all columns.

    Parameters
    ----------
    frames
        (N,) frame numbers, strictly ascending.
    values
        (N, C) observations.
    length
        Length scale, frames.
    noise
        (N,) variances of the observations relative to the variance of the prior; at least 1e-10,
        so that the matrix is positive definite.

    Returns
    -------
    mean
        (N, C) posterior mean.

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
    """Return (N, width + 1) covariances of each frame with itself and with the frames after it.

    This is the transpose of LAPACK's lower band form; entries past the last frame are not used.
    """
    far = math.ceil(_REACH * length)
    width = min(len(frames) - 1, far)
    # Frames are integers, so there are few distinct distances.
    covariances = np.exp(-0.5 * (np.arange(far + 2) / length) ** 2)
    covariances[-1] = 0.0
    if frames[-1] - frames[0] == len(frames) - 1:
        return np.tile(covariances[: width + 1], (len(frames), 1))
    padded = np.concatenate([frames, np.full(width, frames[-1])])
    later = np.lib.stride_tricks.sliding_window_view(padded, width + 1)
    apart = np.minimum(later - frames[:, None], far + 1)
    return covariances[apart]
