"""The filter of DeepSORT written out with full 8x8 matrices, one track at a time.

An independent statement of the same equations, to hold the batched filter against.
"""

from __future__ import annotations

import numpy as np

_H = np.eye(4, 8)


def _squares(h: float, position: float, velocity: float) -> np.ndarray:
    return np.diag(
        np.square([position * h, position * h, 1e-2, position * h,
                   velocity * h, velocity * h, 1e-5, velocity * h])
    )  # fmt: skip


def initiate(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([z, np.zeros(4)]), _squares(z[3], 2 / 20, 10 / 160)


def predict(x: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f = np.eye(8) + np.eye(8, k=4)
    return f @ x, f @ p @ f.T + _squares(x[3], 1 / 20, 1 / 160)


def project(x: np.ndarray, p: np.ndarray, shrink: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    h = x[3]
    r = np.diag(np.square(np.array([h / 20, h / 20, 1e-1, h / 20]) * shrink))
    return _H @ x, _H @ p @ _H.T + r


def gate(x: np.ndarray, p: np.ndarray, z: np.ndarray) -> float:
    mean, s = project(x, p)
    return float((z - mean) @ np.linalg.solve(s, z - mean))


def update(
    x: np.ndarray, p: np.ndarray, z: np.ndarray, shrink: float
) -> tuple[np.ndarray, np.ndarray]:
    mean, s = project(x, p, shrink)
    k = np.linalg.solve(s, _H @ p).T
    return x + k @ (z - mean), p - k @ s @ k.T


def full(covariance: np.ndarray) -> np.ndarray:
    """Return the 8x8 matrix of one row of the batched filter's (N, 12) covariance."""
    p = np.diag(covariance[:8])
    index = np.arange(4)
    p[index, index + 4] = p[index + 4, index] = covariance[8:]
    return p
