"""Camera motion compensation: moves tracks with the image before they are predicted."""

from __future__ import annotations

import math

import numpy as np

from strongsort_ros.tracking.boxes import xyah_to_xyxy, xyxy_to_xyah
from strongsort_ros.types import FloatArray

_IDENTITY = np.eye(3)
_MIN_SCALE = 0.1


def is_usable(camera_motion: FloatArray, limit: float) -> bool:
    """Return whether a (3, 3) camera motion is plausible.

    It must be finite, within `limit` of the identity (Frobenius norm), not mirror the image, and
    not shrink it in any direction to less than a tenth, which could not be inverted.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        distance = float(np.linalg.norm(camera_motion - _IDENTITY))
    if not distance < limit:  # NaN is not
        return False
    (a, b), (c, d) = camera_motion[:2, :2].tolist()
    determinant = a * d - b * c
    # The smallest singular value is the determinant over the largest, which is at most this norm.
    return bool(determinant > _MIN_SCALE * math.sqrt(a * a + b * b + c * c + d * d))


def compensate(mean: FloatArray, camera_motion: FloatArray) -> None:
    """Move the boxes of states (N, 8), in place, from the previous image to the current one.

    Two corners of each box are moved; velocity and covariance stay, as in the published program.
    A box that the motion would turn inside out stays where it is. One that is inside out already,
    as a prediction can make it, is moved as the published program does.
    """
    corners = xyah_to_xyxy(mean[:, :4]).reshape(-1, 2)
    moved = (corners @ camera_motion[:2, :2].T + camera_motion[:2, 2]).reshape(-1, 4)
    proper = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    if proper.all():
        mean[:, :4] = xyxy_to_xyah(moved)
        return
    inside_out = (mean[:, 2:4] <= 0).any(axis=1) & (moved[:, 3] != moved[:, 1])
    movable = proper | inside_out
    mean[movable, :4] = xyxy_to_xyah(moved[movable])
