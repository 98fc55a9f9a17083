"""Environment of the nodes' processes: security enclave, Fast DDS profile, memory, exit status.

Launch files import this module into the process of `ros2 launch`, which starts other people's
nodes, too. So importing it changes nothing, and it does not import ROS.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Final


def enclave_of(node: str, namespace: str = '') -> str:
    """Return the security enclave of a node: its namespace and name, as `/front/tracker`."""
    return '/'.join(('', *filter(None, namespace.split('/')), node))


PROFILE_VARIABLES: Final = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Environment variables that name a profile, of Fast DDS 2 and of Fast DDS 3."""


def profile_variable() -> str:
    """Return the variable that names a profile to the Fast DDS of this ROS distribution.

    Humble to Jazzy have Fast DDS 2. From Kilted on there is Fast DDS 3, which warns of the old
    name in every process.
    """
    old = os.environ.get('ROS_DISTRO', 'jazzy') in ('humble', 'iron', 'jazzy')
    return PROFILE_VARIABLES[0 if old else 1]


def profile_environment(profile: str) -> dict[str, str]:
    """Return the variables that select a profile; none where the environment already does."""
    if not profile or any(name in os.environ for name in PROFILE_VARIABLES):
        return {}
    return {profile_variable(): profile}


# Options of mallopt, from malloc.h of glibc.
M_TRIM_THRESHOLD: Final = -1
M_TOP_PAD: Final = -2
M_MMAP_THRESHOLD: Final = -3
LARGEST_THRESHOLD: Final = 32 << 20
"""Bytes; the largest M_MMAP_THRESHOLD that glibc accepts."""
KEPT: Final = 512 << 20
"""Bytes of freed memory that the process keeps; more goes back to the system."""


def keep_freed_memory() -> bool:
    """Make malloc reuse freed memory blocks of the size of images; return whether it can.

    By default malloc maps new memory for every image and unmaps it afterwards. To take a 1080p
    image from the middleware, with two copies, then takes 7 ms; with reuse it takes 0.8 ms.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    options = {
        M_MMAP_THRESHOLD: LARGEST_THRESHOLD,
        M_TRIM_THRESHOLD: KEPT,
        M_TOP_PAD: LARGEST_THRESHOLD // 2,
    }
    return all(mallopt(option, value) for option, value in options.items())


def resident_memory() -> float | None:
    """Return the resident memory of this process in MiB; None where /proc does not give it."""
    try:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    except OSError:
        return None
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


class LaunchError(RuntimeError):
    """Error that ends a launch with exit status 1."""


class EndWithNode:
    """Handler `on_exit` of a launched node: ends the launch when the node has failed for good.

    Parameters
    ----------
    respawn
        The launch restarts the node when it ends.
    max_retries
        Largest number of restarts; negative: no limit.

    """

    def __init__(self, *, respawn: bool = False, max_retries: int = 0) -> None:
        self._retries = max_retries if respawn else 0
        self._ends = 0

    def __call__(self, event: Any, context: Any) -> None:
        """Handle a launch.events.process.ProcessExited.

        Raises
        ------
        LaunchError
            The node failed and is not restarted.

        """
        self._ends += 1
        restarts = self._retries < 0 or self._ends <= self._retries
        if context.is_shutdown or restarts or event.returncode == 0:
            return
        times = f' {self._ends} times' if self._ends > 1 else ''
        raise LaunchError(
            f'{event.process_name} failed{times}, last with exit status {event.returncode}; see '
            'its log for the reason'
        )
