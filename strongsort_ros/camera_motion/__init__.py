"""Camera motion between consecutive images, as a 3 x 3 matrix."""

from __future__ import annotations

from typing import Final

from strongsort_ros.camera_motion.ecc import CameraMotionSettings, EccCameraMotion
from strongsort_ros.camera_motion.estimator import CameraMotion, CameraMotionEstimator
from strongsort_ros.camera_motion.motion_file import CameraMotionFile, SequenceMotion
from strongsort_ros.camera_motion.published import PublishedCameraMotion
from strongsort_ros.errors import SettingError

__all__ = [
    'MODES',
    'CameraMotion',
    'CameraMotionEstimator',
    'CameraMotionFile',
    'CameraMotionSettings',
    'SequenceMotion',
    'create_camera_motion',
]

MODES: Final = ('none', 'ecc', 'published')


def create_camera_motion(
    mode: str, settings: CameraMotionSettings | None = None
) -> CameraMotionEstimator | None:
    """Return an estimator, or None for the mode `none`.

    Parameters
    ----------
    mode
        One of `MODES`: `ecc` to track; `published` reproduces the StrongSORT program, to compare.
    settings
        Settings of the mode `ecc`; defaults when None.

    Raises
    ------
    SettingError
        The mode is unknown.

    """
    if mode == 'none':
        return None
    if mode == 'ecc':
        return EccCameraMotion(settings)
    if mode == 'published':
        return PublishedCameraMotion()
    raise SettingError(f'camera motion: unknown mode {mode!r}, expected one of {", ".join(MODES)}')
