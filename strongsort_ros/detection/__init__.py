"""Detectors: images in, detections out.

from strongsort_ros.detection import load_detector
"""

from strongsort_ros.detection.factory import load_detector
from strongsort_ros.detection.interface import Detector

__all__ = ['Detector', 'load_detector']
