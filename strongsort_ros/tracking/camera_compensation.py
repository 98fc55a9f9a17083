"""Moves tracks with the camera's image before they are predicted."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.boxes import xyah_to_xyxy, xyxy_to_xyah
from strongsort_ros.tracking.detections import FloatArray

_IDENTITY = np.eye(3)


def is_usable(camera_motion: FloatArray, limit: float) -> bool:
    """Return whether a (3, 3) motion is finite and within `limit` of the identity."""
    distance = float(np.linalg.norm(camera_motion - _IDENTITY))
    return distance < limit  # NaN is not


def compensate(mean: FloatArray, camera_motion: FloatArray) -> None:
    """Move the boxes of states (N, 8), in place, from the previous image to the current one.

    Two corners of each box are moved; velocity and covariance stay, as in the published program.
    A box that the motion would turn inside out stays where it is.
    """
    corners = xyah_to_xyxy(mean[:, :4]).reshape(-1, 2)
    moved = (corners @ camera_motion[:2, :2].T + camera_motion[:2, 2]).reshape(-1, 4)
    proper = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    if proper.all():
        mean[:, :4] = xyxy_to_xyah(moved)
    else:
        mean[proper, :4] = xyxy_to_xyah(moved[proper])
