"""Run or check every command of the README, and check the links of the documentation."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from strongsort_ros.files.yaml_file import parse_texts
from strongsort_ros.reid.models.osnet import OSNet
from strongsort_ros.replay.settings import ReplayerSettings
from test.files.clips import write_clip
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
SET_UP = {'cd', 'export', 'git', 'python', 'python3', 'rosdep', 'source', 'touch'}
"""Programs that prepare a robot's workspace; the ROS package is built by test_package.py."""


def commands(program: str) -> list[list[str]]:
    """Return the arguments of every command of a program in the README's shell blocks."""
    blocks = re.findall(r'```bash\n(.*?)```', README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [command[1:] for line in words for command in _split(line) if command[0] == program]


def _split(line: list[str]) -> list[list[str]]:
    """Return the commands of a line that `&&` joins."""
    parts: list[list[str]] = [[]]
    for word in line:
        if word == '&&':
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


@pytest.fixture(scope='module')
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp('desk')
    scene = Scene(SceneSettings(width=320, height=240, frames=20, people=4))
    write_mot_folder(scene, folder / 'my_sequence', 'my_sequence')
    write_clip(folder / 'street.mp4')
    torch.manual_seed(0)
    torch.save(OSNet(0.25).state_dict(), folder / 'osnet_x0_25.pth')
    return folder


def test_the_strongsort_commands_run_in_their_order(desk: Path) -> None:
    """Each succeeds and writes its output."""
    for arguments in commands('strongsort'):
        done = subprocess.run(
            [sys.executable, '-m', 'strongsort_ros', *arguments],
            cwd=desk, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, f'{arguments}: {done.stderr}'
        outputs = [
            desk / value
            for option, value in pairwise(arguments)
            if option in ('-o', '--html', '--json', '--video')
        ]
        assert outputs, arguments
        assert all(output.exists() for output in outputs), arguments


def test_make_targets_exist_and_are_run_by_ci_or_a_test() -> None:
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    ci = (ROOT / '.ci' / 'run').read_text(encoding='utf-8')
    for target, *_ in commands('make'):
        assert re.search(rf'^{target}:', makefile, re.MULTILINE), target
        assert f'make {target}' in ci or (ROOT / 'test' / target).is_dir(), target


def test_pip_installs_extras_and_files_that_exist() -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    words = [word for arguments in commands('pip') for word in arguments]
    assert words
    for word in words:
        if extras := re.fullmatch(r'\.\[(.*)\]', word):
            assert set(extras[1].split(',')) <= set(project['optional-dependencies'])
        elif word.startswith('src/strongsort_ros/'):
            assert (ROOT / word.removeprefix('src/strongsort_ros/')).is_file()


def test_ros_commands_name_files_arguments_and_fields_that_exist() -> None:
    """What they start is tested in test/nodes."""
    ros = commands('ros2')
    assert ros
    for arguments in ros:
        match arguments:
            case ['launch', 'strongsort_ros', file, *given]:
                text = (ROOT / 'launch' / file).read_text(encoding='utf-8')
                declared = {*re.findall(r"'(\w+)'", text)}
                if file == 'replay.launch.py':  # declares the replayer's settings
                    declared |= {*ReplayerSettings.specs()}
                assert {name.split(':=')[0] for name in given} <= declared, arguments
            case ['service', 'call', _, service, request]:
                kind = Path(service.removeprefix('strongsort_ros/')).with_suffix('.srv')
                fields = (ROOT / kind).read_text(encoding='utf-8').split('---')[0]
                assert all(re.search(rf'\b{name}\b', fields) for name in parse_texts(request))
            case _:
                pytest.fail(f'no test for: ros2 {shlex.join(arguments)}')


def test_no_other_command_is_shown() -> None:
    blocks = re.findall(r'```bash\n(.*?)```', README, re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    programs = {command[0] for line in lines for command in _split(line)}
    assert programs <= SET_UP | {'make', 'pip', 'ros2', 'strongsort'}


def test_the_python_examples_run(tmp_path: Path) -> None:
    examples = re.findall(r'```python\n(.*?)```', README, re.DOTALL)
    assert examples
    for example in examples:
        done = subprocess.run(
            [sys.executable, '-c', example], cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in re.findall(r'\]\(([^)]+)\)', page.read_text(encoding='utf-8')):
        name, _, anchor = link.partition('#')
        target = (page.parent / name).resolve() if name else page
        assert link.startswith('https://') or target.exists(), link
        if anchor and target.suffix == '.md':
            assert anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r'^#+ (.*)$', page.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}
