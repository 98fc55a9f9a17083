"""Keep the memory of large messages for the next ones."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Final


def enclave_of(node: str, namespace: str = '') -> str:
    """Return the enclave that bears a node's name with its namespace.

    Without security it is a name that nobody asks for.
    """
    return '/'.join(('', *filter(None, namespace.split('/')), node))


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


# From malloc.h of glibc.
M_TRIM_THRESHOLD: Final = -1
M_TOP_PAD: Final = -2
M_MMAP_THRESHOLD: Final = -3
LARGEST_THRESHOLD: Final = 32 << 20
"""Bytes; glibc refuses more."""
KEPT: Final = 512 << 20
"""Bytes; more than this, when freed, goes back to the system."""


def keep_freed_memory() -> bool:
    """Tell malloc to reuse freed memory of the size of images; False where it cannot be told.

    By default the memory of every image is new from the system, page by page, and given back
    when the image is freed. Taking a 1080p image from the middleware, two copies, takes 7 ms with
    that and 0.8 ms without.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = {
        M_MMAP_THRESHOLD: LARGEST_THRESHOLD,
        M_TRIM_THRESHOLD: KEPT,
        M_TOP_PAD: LARGEST_THRESHOLD // 2,
    }
    return all(mallopt(option, value) for option, value in wanted.items())


def resident_memory() -> str:
    """Return the memory that this process holds; '' where the system does not say."""
    try:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    except OSError:
        return ''
    return f'{pages * os.sysconf("SC_PAGE_SIZE") / 2**20:.0f} MiB'


class LaunchError(RuntimeError):
    """Raised in a launch, it ends the launch with status 1."""


class EndWithNode:
    """Handler `on_exit` of a launched node: ends the launch when the node has failed for good.

    Parameters
    ----------
    respawn
        The node is started again when it ends.
    max_retries
        Times that it is started again, in all; negative: without limit.

    """

    def __init__(self, *, respawn: bool = False, max_retries: int = 0) -> None:
        self._retries = max_retries if respawn else 0
        self._ends = 0

    def __call__(self, event: Any, context: Any) -> None:
        """Take a launch.events.process.ProcessExited.

        Raises
        ------
        LaunchError
            The node has failed, and is not started again.

        """
        self._ends += 1
        again = self._retries < 0 or self._ends <= self._retries
        if context.is_shutdown or again or event.returncode == 0:
            return
        times = f' {self._ends} times' if self._ends > 1 else ''
        raise LaunchError(
            f'{event.process_name} has failed{times}, last with status {event.returncode}: its log '
            'says why'
        )
