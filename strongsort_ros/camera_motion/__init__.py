"""Camera motion between consecutive images, as a 3 x 3 matrix."""

from strongsort_ros.camera_motion.ecc import CameraMotionSettings
from strongsort_ros.camera_motion.estimator import CameraMotion, CameraMotionEstimator
from strongsort_ros.camera_motion.factory import MODES, create_camera_motion
from strongsort_ros.camera_motion.motion_file import CameraMotionFile, SequenceMotion

__all__ = [
    'MODES',
    'CameraMotion',
    'CameraMotionEstimator',
    'CameraMotionFile',
    'CameraMotionSettings',
    'SequenceMotion',
    'create_camera_motion',
]
