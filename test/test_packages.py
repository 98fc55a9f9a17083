"""Work without optional packages, and errors where one is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from strongsort_ros.errors import MissingPackageError
from strongsort_ros.packages import is_installed, missing_package, require
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

ROOT = Path(__file__).resolve().parent.parent
OPTIONAL = ('joblib', 'onnx', 'onnxruntime', 'rich', 'rosbags', 'safetensors', 'timm', 'torch')
OPTIONAL += ('trackeval',)
TRACKER = """
from strongsort_ros.nodes.tracker_node import TrackerNode
from strongsort_ros.online.frame_processor import load_weights
from strongsort_ros.online.config import TrackerNodeConfig
print(load_weights(TrackerNodeConfig().node).card.name)
"""
AFLINK = """
from strongsort_ros.refinement.aflink.linking import link
from strongsort_ros.refinement.aflink.linking import load_linker
print(load_linker().window)
"""


def run_without(packages: tuple[str, ...], program: str, *arguments: object) -> tuple[int, str]:
    """Run Python code with packages hidden; return the exit status and the last line printed."""
    hidden = ''.join(f'sys.modules[{name!r}] = None\n' for name in packages)
    done = subprocess.run(
        [sys.executable, '-c', f'import sys\n{hidden}{program}', *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert 'Traceback' not in done.stdout + done.stderr, done.stderr
    return done.returncode, lines[-1]


def command(*arguments: object) -> tuple[str, ...]:
    return ('from strongsort_ros.cli.main import main; sys.exit(main(sys.argv[1:]))', *arguments)


@pytest.fixture(scope='module')
def sequence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sequence') / 'seq'
    write_mot_folder(Scene(SceneSettings(width=160, height=120, frames=8, people=2)), folder, 'seq')
    return folder


def test_tracker_node_needs_no_optional_package() -> None:
    pytest.importorskip('rclpy')
    assert run_without((*OPTIONAL, 'ruamel'), TRACKER)[0] == 0


def test_aflink_needs_no_optional_package() -> None:
    assert run_without(OPTIONAL, AFLINK)[0] == 0


@pytest.mark.parametrize(
    ('package', 'arguments'),
    [
        ('trackeval', ['evaluate', '--ground-truth', '{seq}', '--results', 'none.txt']),
        ('trackeval', ['replay', '{seq}', '--ground-truth', '{seq}', '-o', '{out}']),
        ('torch', ['track', '{seq}/det/det.txt', '--images', '{seq}', '--reid', '{file}.pth',
                   '-o', '{out}']),
        ('onnxruntime', ['track', '{seq}/det/det.txt', '--images', '{seq}', '--reid',
                         '{file}.onnx', '-o', '{out}']),
        ('rosbags', ['bag', '{seq}', '-o', '{out}']),
    ],
)  # fmt: skip
def test_missing_package_gives_one_line_and_no_output(
    sequence: Path, tmp_path: Path, package: str, arguments: list[str]
) -> None:
    out, file = tmp_path / 'out', tmp_path / 'file'
    for suffix in ('.pth', '.onnx'):
        file.with_suffix(suffix).touch()
    chosen = [argument.format(seq=sequence, out=out, file=file) for argument in arguments]
    status, line = run_without((package,), *command(*chosen))
    assert status == 2
    assert f'needs the Python package {package}, which is not installed: pip install' in line
    assert not out.exists()


def test_replay_with_ground_truth_does_not_start_without_trackeval(
    sequence: Path, tmp_path: Path
) -> None:
    pytest.importorskip('rclpy')
    program = 'from strongsort_ros.nodes.replayer_node import main; sys.exit(main(sys.argv))'
    options = {'bag': sequence, 'ground_truth': sequence, 'output': tmp_path / 'out'}
    arguments = [part for name, value in options.items() for part in ('-p', f'{name}:={value}')]
    status, line = run_without(('trackeval',), program, '--ros-args', *arguments)
    assert status == 2
    assert 'scoring needs the Python package trackeval' in line
    assert not list(tmp_path.iterdir())


def test_installed_packages_are_accepted() -> None:
    assert is_installed('numpy')
    require('this', 'numpy')


def test_only_optional_packages_give_an_instruction() -> None:
    assert missing_package(ModuleNotFoundError(name='no_such_module')) is None
    found = missing_package(ModuleNotFoundError(name='rosbags.highlevel'))
    assert isinstance(found, MissingPackageError)
    assert 'python3-rosbags-pip' in str(found)
