"""Stable identities for what a robot's detectors see: StrongSORT for ROS 2."""

__version__ = '0.1.0'
