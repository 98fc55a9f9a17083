"""Stable identities for what a robot's detectors see: StrongSORT for ROS 2."""

from pkgutil import extend_path

# The generated messages (`strongsort_ros.msg`) may lie in another folder of the search path: in a
# sourced ROS workspace, while this is the checkout or was installed by pip.
__path__ = extend_path(__path__, __name__)

__version__ = '0.2.0'
