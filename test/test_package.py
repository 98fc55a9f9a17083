"""The package as others build and install it: colcon in a workspace, pip without ROS."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import strongsort_ros

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ('CMakeLists.txt', 'package.xml', 'action', 'config', 'launch', 'msg', 'scripts', 'srv')
ROS_PACKAGES = {
    'builtin_interfaces',
    'cv_bridge',
    'diagnostic_msgs',
    'launch',
    'launch_ros',
    'lifecycle_msgs',
    'rcl_interfaces',
    'rclpy',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'vision_msgs',
}


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    """Run a command in a folder; return what it printed, and show all where it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def copy_sources(folder: Path, *names: str) -> Path:
    """Copy parts of the project, and the modules, into a folder."""
    folder.mkdir(parents=True)
    for name in ('strongsort_ros', *names):
        if (ROOT / name).is_dir():
            hidden = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, folder / name, ignore=hidden)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def underlay() -> str:
    """Prefixes with ROS and vision_msgs, for a build on top of them; else the test is skipped."""
    if 'AMENT_PREFIX_PATH' not in os.environ or shutil.which('colcon') is None:
        pytest.skip('needs a sourced ROS environment and colcon: make setup')
    return os.environ['AMENT_PREFIX_PATH']


def test_colcon_build(tmp_path: Path, underlay: str) -> None:
    copy_sources(tmp_path / 'src' / 'strongsort_ros', *SOURCES)
    python = f'-DPython3_EXECUTABLE={sys.executable}'
    build = ['colcon', 'build', '--cmake-args', python, '-DBUILD_TESTING=OFF']
    run(build, tmp_path, CMAKE_PREFIX_PATH=underlay)

    prefix = tmp_path / 'install' / 'strongsort_ros'
    share = prefix / 'share' / 'strongsort_ros'
    for kind, pattern in (('config', '*.*'), ('launch', '*.launch.py')):
        installed = {path.name for path in (share / kind).glob(pattern)}
        assert installed == {path.name for path in (ROOT / kind).glob(pattern)}
    for program in ('strongsort', 'tracker_node'):
        assert os.access(prefix / 'lib' / 'strongsort_ros' / program, os.X_OK)

    program = (
        'import strongsort_ros.action, strongsort_ros.msg, strongsort_ros.srv;'
        'import strongsort_ros.tracking.tracker as t;'
        'print(strongsort_ros.__path__[0], strongsort_ros.msg.__file__, t.__file__, sep="\\n")'
    )
    source = '. install/setup.sh && python -c "$PROGRAM"'
    for line in run(['sh', '-c', source], tmp_path, PROGRAM=program).splitlines():
        assert line.startswith(str(prefix))


def test_symlink_install(underlay: str) -> None:
    prefix = Path(underlay.split(os.pathsep)[0])
    installed = list(prefix.glob('lib/python*/site-packages/strongsort_ros/pipeline.py'))
    if not installed or not installed[0].is_symlink():
        pytest.skip(f'{prefix} was not built with --symlink-install: make setup')
    assert installed[0].samefile(ROOT / 'strongsort_ros' / 'pipeline.py')
    command = prefix / 'lib' / 'strongsort_ros' / 'strongsort'
    assert 'track' in run([command, '--help'], ROOT)


def test_manifest() -> None:
    packages = pytest.importorskip('catkin_pkg.package', reason='needs catkin_pkg: make setup')
    package = packages.parse_package(ROOT / 'package.xml')
    warnings: list[str] = []
    package.validate(warnings=warnings)
    assert warnings == []
    assert package.version == strongsort_ros.__version__
    assert package.get_build_type() == 'ament_cmake'
    assert [group.name for group in package.member_of_groups] == ['rosidl_interface_packages']


def test_manifest_names_what_the_nodes_import() -> None:
    packages = pytest.importorskip('catkin_pkg.package', reason='needs catkin_pkg: make setup')
    declared = {each.name for each in packages.parse_package(ROOT / 'package.xml').exec_depends}
    imported: set[str] = set()
    for path in [*(ROOT / 'strongsort_ros').rglob('*.py'), *(ROOT / 'launch').glob('*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition('.')[0])
    assert imported & ROS_PACKAGES <= declared


def test_readme_lets_rosdep_skip_what_pip_installs() -> None:
    keys = re.findall(r'<exec_depend>(\S+-pip)</exec_depend>', (ROOT / 'package.xml').read_text())
    (skipped,) = re.findall(r'--skip-keys "([^"]+)"', (ROOT / 'README.md').read_text())
    assert skipped.split() == sorted(keys)


def test_lowest_versions_are_declared_and_kept_on_robots() -> None:
    declared = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['dependencies']
    lowest = pins('lowest')
    for requirement in declared:
        name, _, version = requirement.partition('>=')
        if name != 'rosbags':  # not of Ubuntu: its newest is installed
            assert f'{lowest[name]}.'.startswith(f'{version}.'), name
    robot = pins('ubuntu-24.04')
    assert all(robot[name] == lowest[name] for name in ('numpy', 'opencv-python', 'scipy'))
    assert not {'torch', 'trackeval'} & lowest.keys()


def pins(name: str) -> dict[str, str]:
    """Return name -> version of what a file of requirements pins."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return dict(line.split('==') for line in lines if '==' in line)


def test_pip_install(tmp_path: Path) -> None:
    source = copy_sources(tmp_path / 'source', 'pyproject.toml', 'README.md', 'LICENSE', 'test')
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '--quiet']
    run([*pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', tmp_path, source], tmp_path)
    (wheel,) = tmp_path.glob('*.whl')
    tops = {name.split('/')[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {'strongsort_ros', f'strongsort_ros-{strongsort_ros.__version__}.dist-info'}
    assert (
        'strongsort_ros/refinement/aflink/weights/aflink.safetensors'
        in zipfile.ZipFile(wheel).namelist()
    )
    names = {name.split('/')[1] for name in zipfile.ZipFile(wheel).namelist()}
    assert {'tracking', 'reid', 'camera_motion', 'py.typed'} <= names
    assert 'nodes' not in names

    # Its dependencies are lent by this environment, which has the project itself, too.
    venv.create(tmp_path / 'venv', symlinks=True)
    (site,) = tmp_path.glob('venv/lib/python*/site-packages')
    (site / 'lent.pth').write_text(str(Path(pytest.__file__).parent.parent))
    python = tmp_path / 'venv' / 'bin' / 'python'
    run([*pip, '--python', python, 'install', '--no-deps', wheel], tmp_path, PYTHONPATH='')
    where = [python, '-c', 'import strongsort_ros; print(*strongsort_ros.__path__)']
    assert run(where, tmp_path, PYTHONPATH='').split()[0] == str(site / 'strongsort_ros')
    command = python.with_name('strongsort')
    assert 'track' in run([command, '--help'], tmp_path, PYTHONPATH='')
