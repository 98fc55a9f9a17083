"""The README's commands do what it says, on a drawn sequence."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from strongsort_ros.reid.models.osnet import OSNet
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'```(bash|python)\n(.*?)```', README, re.DOTALL)
COMMANDS = [
    line.split('#')[0].strip()
    for kind, text in BLOCKS
    if kind == 'bash'
    for line in text.split('\n')
]


@pytest.fixture(scope='module')
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp('desk')
    scene = Scene(SceneSettings(width=320, height=240, frames=20, people=4))
    write_mot_folder(scene, folder / 'my_sequence', 'my_sequence')
    torch.manual_seed(0)
    torch.save(OSNet(0.25).state_dict(), folder / 'osnet_x0_25.pth')
    return folder


def test_the_commands_on_a_desk_run_in_their_order(desk: Path) -> None:
    commands = [shlex.split(c) for c in COMMANDS if c.startswith('strongsort ')]
    named = {'track', 'refine', 'evaluate', 'render', 'bag', 'replay', 'embed'}
    assert {c[1] for c in commands} == named
    for _, *arguments in commands:
        done = subprocess.run(
            [sys.executable, '-m', 'strongsort_ros', *arguments],
            cwd=desk, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, f'{arguments}: {done.stderr}'
    for made in (
        'tracks.txt',
        'whole.txt',
        'report.html',
        'tracks.webm',
        'my_bag',
        'replay.html',
        'my_tracks_refined',
        'my_whole_tracks.txt',
        'smoothed/my_tracks',
        'my_sequence.npy',
    ):
        assert (desk / made).exists()


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = (text for kind, text in BLOCKS if kind == 'python')
    scene = Scene(SceneSettings(width=320, height=240, frames=6, people=3))
    seen = [(f.image, f.detections) for f in scene]
    frames = [(image, d.tlwh, d.scores, d.class_ids) for image, d in seen]
    exec(compile(example, 'README.md', 'exec'), {'frames': frames})
    assert capsys.readouterr().out.count('\n') >= len(frames)


def test_what_make_and_ros_are_told_exists() -> None:
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    targets = {shlex.split(c)[1] for c in COMMANDS if c.startswith('make ')}
    assert targets == {'demo', 'test'}
    assert all(re.search(rf'^{target}:', makefile, re.MULTILINE) for target in targets)
    launches = [shlex.split(c) for c in COMMANDS if c.startswith('ros2 launch ')]
    assert launches
    for _, _, package, file, *arguments in launches:
        assert package == 'strongsort_ros'
        text = (ROOT / 'launch' / file).read_text(encoding='utf-8')
        assert all(f"'{argument.split(':=')[0]}'" in text for argument in arguments)


def test_links_lead_somewhere() -> None:
    for link in re.findall(r'\]\(([^)#]+)\)', README):
        assert link.startswith('https://') or (ROOT / link).exists(), link
