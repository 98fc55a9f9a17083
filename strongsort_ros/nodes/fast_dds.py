"""How Fast DDS is told of a profile such as `config/fastdds.xml`, for large images."""

from __future__ import annotations

import os

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Of Fast DDS 2 and of its successor."""


def profile_variable() -> str:
    """Return the variable that the Fast DDS of this distribution of ROS reads.

    Up to Jazzy it is Fast DDS 2, which knows the one name; from Kilted on its successor, which
    warns of that name in every process.
    """
    old = os.environ.get('ROS_DISTRO', 'jazzy') in ('humble', 'iron', 'jazzy')
    return PROFILE_VARIABLES[0 if old else 1]


def profile_environment(profile: str) -> dict[str, str]:
    """Return what to set for a profile; nothing where the environment names one already."""
    if not profile or any(name in os.environ for name in PROFILE_VARIABLES):
        return {}
    return {profile_variable(): profile}
