"""Build this package and vision_msgs on a machine without a ROS installation.

Run it with the Python of an environment that has ROS 2 as wheels. colcon builds the messages that
no wheel has into an overlay; source `env.sh` in it to run ROS processes:

    .venv/bin/python tools/build_overlay.py .overlay
    . .overlay/env.sh
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# Everything that CMakeLists.txt and package.xml use.
SOURCES = (
    'CMakeLists.txt',
    'LICENSE',
    'action',
    'config',
    'launch',
    'msg',
    'package.xml',
    'scripts',
    'srv',
    'strongsort_ros',
)
# The CMake files in the wheels hold include paths of the machine that built them.
FOREIGN_NUMPY = re.compile(r'/opt/python/[^;"]*/numpy/_core/include')
FOREIGN_PYTHON = re.compile(r'/opt/python/[^;"]*/include/python[0-9.]+')

ROS_CLIENT = re.compile('ros-[a-z]+-rclpy')


def relocate_wheels(prefix: Path) -> int:
    """Set include paths in the wheels' CMake files; return the number of files changed."""
    changed = 0
    for path in prefix.glob('share/*/cmake/*Export.cmake'):
        text = path.read_text()
        here = FOREIGN_NUMPY.sub(np.get_include(), text)
        here = FOREIGN_PYTHON.sub(sysconfig.get_path('include'), here)
        if here != text:
            path.write_text(here)
            changed += 1
    return changed


def make_workspace(folder: Path) -> None:
    """Link the packages into a workspace: CMake rejects headers (in .venv) below the sources."""
    package = folder / 'strongsort_ros'
    package.mkdir(parents=True, exist_ok=True)
    for link, target in [
        (folder / 'vision_msgs', ROOT / 'tools' / 'vision_msgs'),
        *((package / name, ROOT / name) for name in SOURCES),
    ]:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def build(overlay: Path, prefix: Path, *, symlink_install: bool = True) -> None:
    """Run colcon; its log is in `overlay/log`.

    Raises
    ------
    SystemExit
        The build failed; the message is the end of its output.

    """
    command = [
        *(str(prefix / 'bin' / 'colcon'), '--log-base', str(overlay / 'log'), 'build'),
        *('--base-paths', str(overlay / 'src'), '--build-base', str(overlay / 'build')),
        *('--install-base', str(overlay / 'install'), '--merge-install'),
        *(['--symlink-install'] if symlink_install else []),
        *('--cmake-args', f'-DPython3_EXECUTABLE={sys.executable}', '-DBUILD_TESTING=OFF'),
    ]
    environment = {
        **os.environ,
        'PATH': f'{prefix / "bin"}{os.pathsep}{os.environ["PATH"]}',
        'AMENT_PREFIX_PATH': str(prefix),
        'CMAKE_PREFIX_PATH': str(prefix),
        'PYTHONPATH': '',
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=overlay)
    if done.returncode:
        end = '\n'.join(done.stderr.splitlines()[-40:])
        raise SystemExit(f'colcon build failed (log: {overlay / "log"}):\n{end}')


def ros_distribution() -> str:
    """Return the ROS distribution of the wheels in this environment."""
    (name,) = {each.name for each in distributions() if ROS_CLIENT.fullmatch(each.name)}
    return name.split('-')[1]


def write_environment(overlay: Path, prefix: Path) -> None:
    """Write `env.sh`, which sets the environment variables of the nodes, visible locally only."""
    install = overlay / 'install'
    modules = sysconfig.get_path('purelib', vars={'base': str(install)})
    wheel_libraries = sorted(Path(sysconfig.get_path('purelib')).glob('ros_*.libs'))
    variables: dict[str, list[Path | str]] = {
        'AMENT_PREFIX_PATH': [install, prefix],
        'LD_LIBRARY_PATH': [install / 'lib', prefix / 'lib', *wheel_libraries],
        # Sources first, so that edits apply at once; the overlay adds the generated messages.
        'PYTHONPATH': [ROOT, modules],
        'ROS_DISTRO': [ros_distribution()],
        'RMW_IMPLEMENTATION': ['rmw_fastrtps_cpp'],
        'ROS_AUTOMATIC_DISCOVERY_RANGE': ['LOCALHOST'],
        'ROS_LOG_DIR': [overlay / 'log' / 'ros'],
        # Otherwise the wheels restart Python with a longer library path.
        '_ROS_WHEELS_BOOTSTRAP_COMPLETE': ['1'],
    }
    lines = [f'# Written by tools/build_overlay.py; source it: . {overlay.name}/env.sh']
    lines += [
        f'export {name}={shlex.quote(os.pathsep.join(map(str, values)))}'
        for name, values in variables.items()
    ]
    lines.append(f'export PATH={shlex.quote(str(prefix / "bin"))}{os.pathsep}"$PATH"')
    (overlay / 'env.sh').write_text('\n'.join(lines) + '\n')


def main() -> None:
    """Build the overlay in a folder."""
    parser = argparse.ArgumentParser(description='Build the messages that no ROS wheel has.')
    parser.add_argument('overlay', type=Path, help='folder of the overlay, new or existing')
    parser.add_argument('--copy', action='store_true', help='install copies instead of links')
    arguments = parser.parse_args()
    overlay, prefix = arguments.overlay.resolve(), Path(sys.prefix)
    relocate_wheels(prefix)
    make_workspace(overlay / 'src')
    build(overlay, prefix, symlink_install=not arguments.copy)
    write_environment(overlay, prefix)


if __name__ == '__main__':
    main()
