"""Gaussian process regression along time, in time and memory that are linear in the rows."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import blas, cho_solve_banded, cholesky_banded

from strongsort_ros.tracking.detections import FloatArray, IntArray

# In length scales; the covariance is 3e-18 there, nothing beside the smallest noise of 1e-10. What
# is further apart is left out, so that the matrix is a band, however long the track.
_REACH = 9.0


def posterior_mean(
    frames: IntArray, values: FloatArray, length: float, noise: FloatArray
) -> FloatArray:
    """Return the mean of a Gaussian process given values, where these were taken.

    The prior has mean 0 and the squared exponential covariance
    k(s, t) = exp(-(s - t)^2 / (2 length^2)): Rasmussen and Williams, Gaussian Processes for
    Machine Learning, equation 2.23, K (K + noise)^-1 values. One factorisation of the banded
    matrix serves all columns.

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
    width = min(len(frames) - 1, math.ceil(_REACH * length))
    # Row i: covariances of frame i with itself and those after it; past the end they are 0.
    padded = np.concatenate([frames, np.full(width, np.inf)])
    later = np.lib.stride_tricks.sliding_window_view(padded, width + 1)
    band: FloatArray = later - frames[:, None].astype(np.float64)
    band /= length
    np.square(band, out=band)
    band *= -0.5
    covariance = np.exp(band, out=band).T  # LAPACK's lower form, in Fortran's order
    noisy = covariance.copy(order='F')
    noisy[0] += noise
    factor = cholesky_banded(noisy, overwrite_ab=True, lower=True, check_finite=False)
    weights = cho_solve_banded((factor, True), values, check_finite=False)
    # values - noise * weights is the same on paper; the published 1e-10 makes it less exact.
    columns = [blas.dsbmv(width, 1.0, covariance, column, lower=True) for column in weights.T]
    return np.column_stack(columns)
