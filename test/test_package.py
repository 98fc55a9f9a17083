"""The package as colcon and pip build and install it."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import strongsort_ros

ROOT = Path(__file__).resolve().parent.parent
SHARED = ('package.xml', 'LICENSE', 'action', 'config', 'launch', 'msg', 'scripts', 'srv')
COLCON_SOURCES = ('CMakeLists.txt', *SHARED)
PIP_SOURCES = ('MANIFEST.in', 'README.md', 'pyproject.toml', 'resource', 'setup.py', *SHARED)
NODES = ('refiner_node', 'replayer_node', 'tracker_node')
SITE = f'lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages'

# Files that only one of the two installs, and why.
ONLY_PIP = (
    'bin/strongsort',  # entry point; after colcon: ros2 run strongsort_ros strongsort
    f'{SITE}/strongsort_ros-*.dist-info/*',
)
ONLY_COLCON = (
    # Generated from the interfaces.
    'include/*',
    'lib/libstrongsort_ros__*.so',
    f'{SITE}/strongsort_ros-*-info/*',
    f'{SITE}/strongsort_ros/*.so',
    f'{SITE}/strongsort_ros/_strongsort_ros_s.ep.*.c',
    *(f'{SITE}/strongsort_ros/{kind}/*' for kind in ('action', 'msg', 'srv')),
    *(f'share/strongsort_ros/{kind}/*.{suffix}' for kind in ('action', 'msg', 'srv')
      for suffix in ('idl', 'json', 'msg')),
    # For packages that build on this one, and for the setup files of the workspace.
    *(f'share/ament_index/resource_index/{kind}/strongsort_ros'
      for kind in ('package_run_dependencies', 'parent_prefix_path', 'rosidl_interfaces')),
    'share/colcon-core/*',
    *(f'share/strongsort_ros/{name}'
      for name in ('cmake/*', 'environment/*', 'hook/*', 'local_setup.*', 'package.[!x]*')),
)  # fmt: skip
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
    """Run a command in a folder and return its standard output; fail with all output."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def copy_sources(folder: Path, names: tuple[str, ...]) -> Path:
    """Copy parts of the project, and the modules, into a folder."""
    folder.mkdir(parents=True)
    for name in ('strongsort_ros', *names):
        if (ROOT / name).is_dir():
            hidden = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, folder / name, ignore=hidden)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope='module')
def underlay() -> str:
    """Prefixes of ROS and vision_msgs to build on; skip the test where there are none."""
    if 'AMENT_PREFIX_PATH' not in os.environ or shutil.which('colcon') is None:
        pytest.skip('needs a sourced ROS environment and colcon: make setup')
    return os.environ['AMENT_PREFIX_PATH']


@pytest.fixture(scope='module')
def workspace(tmp_path_factory: pytest.TempPathFactory, underlay: str) -> Path:
    """Workspace in which colcon has built the package."""
    folder = tmp_path_factory.mktemp('workspace')
    copy_sources(folder / 'src' / 'strongsort_ros', COLCON_SOURCES)
    python = f'-DPython3_EXECUTABLE={sys.executable}'
    build = ['colcon', 'build', '--cmake-args', python, '-DBUILD_TESTING=OFF']
    run(build, folder, CMAKE_PREFIX_PATH=underlay)
    return folder


@pytest.fixture(scope='module')
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source distribution, built offline."""
    folder = tmp_path_factory.mktemp('sdist')
    source = copy_sources(folder / 'source', PIP_SOURCES)
    build = 'import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])'
    run([sys.executable, '-c', build, str(folder)], source)
    (archive,) = folder.glob('*.tar.gz')
    return archive


@pytest.fixture(scope='module')
def pip_prefix(tmp_path_factory: pytest.TempPathFactory, sdist: Path) -> Path:
    """Fresh prefix into which pip has installed the source distribution."""
    prefix = tmp_path_factory.mktemp('prefix')
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check', 'install', '--quiet']
    options = ['--no-deps', '--no-build-isolation', '--no-compile', '--ignore-installed']
    run([*pip, *options, '--prefix', str(prefix), str(sdist)], prefix)
    return prefix


def tree(prefix: Path) -> dict[str, Path]:
    """Return the installed files by their path below the prefix."""
    files = (path for path in prefix.rglob('*') if path.is_file())
    return {str(path.relative_to(prefix)): path for path in files if path.suffix != '.pyc'}


def unexpected(names: set[str], patterns: tuple[str, ...]) -> list[str]:
    """Return the names that no pattern matches."""
    return sorted(
        name for name in names if not any(fnmatch.fnmatch(name, each) for each in patterns)
    )


def test_pip_and_colcon_install_the_same_files(pip_prefix: Path, workspace: Path) -> None:
    by_pip, by_colcon = tree(pip_prefix), tree(workspace / 'install' / 'strongsort_ros')
    assert unexpected(by_pip.keys() - by_colcon.keys(), ONLY_PIP) == []
    assert unexpected(by_colcon.keys() - by_pip.keys(), ONLY_COLCON) == []
    for name in by_pip.keys() & by_colcon.keys():
        assert by_pip[name].read_bytes() == by_colcon[name].read_bytes(), name
        assert os.access(by_pip[name], os.X_OK) == os.access(by_colcon[name], os.X_OK), name


def test_both_install_every_file_of_the_project(pip_prefix: Path, workspace: Path) -> None:
    shared = {f'share/strongsort_ros/{name}' for name in project_files(*SHARED[2:])}
    programs = {f'lib/strongsort_ros/{path.name}' for path in (ROOT / 'scripts').iterdir()}
    modules = {f'{SITE}/{name}' for name in project_files('strongsort_ros')}
    expected = {name for name in shared if '/scripts/' not in name} | programs | modules
    expected |= {
        'share/ament_index/resource_index/packages/strongsort_ros',
        'share/strongsort_ros/package.xml',
    }
    for prefix in (pip_prefix, workspace / 'install' / 'strongsort_ros'):
        installed = tree(prefix)
        assert expected - installed.keys() == set()
        assert all(os.access(installed[name], os.X_OK) for name in programs)


def project_files(*folders: str) -> Iterator[str]:
    """Yield the files in folders of the project, by their path in it."""
    for folder in folders:
        for path in (ROOT / folder).rglob('*'):
            if path.is_file() and '__pycache__' not in path.parts:
                yield str(path.relative_to(ROOT))


def test_colcon_imports_what_it_installed(workspace: Path) -> None:
    program = (
        'import strongsort_ros.action, strongsort_ros.msg, strongsort_ros.srv;'
        'import strongsort_ros.tracking.tracker as t;'
        'print(strongsort_ros.__path__[0], strongsort_ros.msg.__file__, t.__file__, sep="\\n")'
    )
    source = '. install/setup.sh && python -c "$PROGRAM"'
    for line in run(['sh', '-c', source], workspace, PROGRAM=program).splitlines():
        assert line.startswith(str(workspace / 'install' / 'strongsort_ros'))


def test_ament_finds_what_pip_installed(pip_prefix: Path, underlay: str) -> None:
    program = (
        'from ament_index_python.packages import *;'
        'print(get_package_prefix("strongsort_ros"), get_package_share_directory("strongsort_ros"))'
    )
    prefixes = f'{pip_prefix}{os.pathsep}{underlay}'
    found = run([sys.executable, '-c', program], pip_prefix, AMENT_PREFIX_PATH=prefixes)
    assert found.split() == [str(pip_prefix), str(pip_prefix / 'share' / 'strongsort_ros')]


@pytest.mark.parametrize('name', NODES)
def test_node_of_pip_reports_missing_messages(pip_prefix: Path, underlay: str, name: str) -> None:
    done = subprocess.run(
        [pip_prefix / 'lib' / 'strongsort_ros' / name], cwd=pip_prefix, timeout=60,
        env={**os.environ, 'AMENT_PREFIX_PATH': underlay, 'PYTHONPATH': str(pip_prefix / SITE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count('\n')) == (1, 1), done.stderr
    assert done.stderr.startswith(f'{name} cannot start: ')
    assert 'pip install builds no messages' in done.stderr


@pytest.mark.parametrize('name', ['refiner_node', 'tracker_node'])
def test_node_of_pip_runs_with_messages_of_a_workspace(
    pip_prefix: Path, workspace: Path, underlay: str, name: str
) -> None:
    built = workspace / 'install' / 'strongsort_ros'
    vision_msgs = Path(underlay.split(os.pathsep)[0])
    prefixes = (pip_prefix, built, underlay)
    libraries = f'{built / "lib"}{os.pathsep}{os.environ["LD_LIBRARY_PATH"]}'
    modules = (prefix / SITE for prefix in (pip_prefix, built, vision_msgs))
    node = subprocess.Popen(
        [pip_prefix / 'lib' / 'strongsort_ros' / name,
         '--ros-args', '-p', 'autostart:=true', '-p', f'allowed_root:={pip_prefix}'],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=pip_prefix,
        env={
            **os.environ, 'OMP_NUM_THREADS': '1', 'LD_LIBRARY_PATH': libraries,
            'AMENT_PREFIX_PATH': os.pathsep.join(map(str, prefixes)),
            'PYTHONPATH': os.pathsep.join(map(str, modules)),
        },
    )  # fmt: skip
    assert node.stdout is not None
    try:
        lines = list(takewhile(lambda line: 'configured in' not in line, node.stdout))
        node.send_signal(signal.SIGINT)
        lines += node.stdout.readlines()
        assert node.wait(60) == 0, lines
    finally:
        node.kill()
        node.wait()


def test_command_of_pip_runs(pip_prefix: Path) -> None:
    command = pip_prefix / 'bin' / 'strongsort'
    assert 'track' in run([command, '--help'], pip_prefix, PYTHONPATH=str(pip_prefix / SITE))


def test_source_distribution_holds_the_project_without_its_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {name.split('/')[1] for name in archive.getnames() if '/' in name}
    generated = {'PKG-INFO', 'setup.cfg', 'strongsort_ros.egg-info'}
    assert tops == {'strongsort_ros', *PIP_SOURCES, *generated}


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


def test_manifest_lists_imported_ros_packages() -> None:
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


def test_readme_skips_rosdep_keys_installed_by_pip() -> None:
    keys = re.findall(r'<exec_depend>(\S+-pip)</exec_depend>', (ROOT / 'package.xml').read_text())
    (skipped,) = re.findall(r'--skip-keys "([^"]+)"', (ROOT / 'README.md').read_text())
    assert skipped.split() == sorted(keys)


def test_the_citation_names_this_version_and_both_papers() -> None:
    text = (ROOT / 'CITATION.cff').read_text(encoding='utf-8')
    citation = YAML(typ='safe', pure=True).load(text)
    assert citation['version'] == strongsort_ros.__version__
    papers = {paper['identifiers'][0]['value'] for paper in citation['references']}
    assert papers == {'arXiv:2202.13514', 'arXiv:1703.07402'}


def test_declared_versions_match_lowest_and_robot_requirements() -> None:
    declared = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['dependencies']
    lowest = pins('lowest')
    for requirement in declared:
        name, _, version = requirement.partition('>=')
        if name != 'rosbags':  # not in Ubuntu
            assert f'{lowest[name]}.'.startswith(f'{version}.'), name
    robot = pins('ubuntu-24.04')
    assert all(robot[name] == lowest[name] for name in ('numpy', 'opencv-python', 'scipy'))
    assert not {'torch', 'trackeval'} & lowest.keys()


def pins(name: str) -> dict[str, str]:
    """Return name -> version of the packages pinned in a requirements file."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return dict(line.split('==') for line in lines if '==' in line)
