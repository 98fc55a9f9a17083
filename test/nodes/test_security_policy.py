"""The SROS 2 policy gives the nodes the rights that they use: all of them, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from strongsort_ros.recording.sequence_bag import write_sequence
from strongsort_ros.simulation.mot_folder import write_mot_folder
from strongsort_ros.simulation.scene import Scene, SceneSettings
from test.nodes.processes import ROOT, NodeProcess

Names = dict[str, set[str]]
"""Kind of right -> names of topics or services."""

ACTION_SERVICES = ('cancel_goal', 'get_result', 'send_goal')
ACTION_TOPICS = ('feedback', 'status')


def allowed(node: str, namespace: str) -> Names:
    """Return what the policy allows a node that runs in a namespace."""
    policy = ElementTree.parse(ROOT / 'config' / 'sros2_policy.xml').getroot()
    (profile,) = policy.findall(f'.//enclave[@path="/{node}"]/profiles/profile')
    assert profile.attrib == {'ns': '/', 'node': node}
    names: Names = defaultdict(set)
    for rules in profile:
        ((right, word),) = rules.attrib.items()
        assert word == 'ALLOW'
        for rule in rules:
            assert rule.text is not None
            name = full_name(rule.text, node, namespace)
            if right == 'execute':
                names['reply'] |= {f'{name}/_action/{service}' for service in ACTION_SERVICES}
                names['publish'] |= {f'{name}/_action/{topic}' for topic in ACTION_TOPICS}
            else:
                names[right].add(name)
    return names


def full_name(name: str, node: str, namespace: str) -> str:
    if name.startswith('/'):
        return name
    return f'{namespace}/{node}{name[1:]}' if name.startswith('~') else f'{namespace}/{name}'


def used(asking: Any, node: str, namespace: str) -> Names:
    """Return what ROS's graph knows of a node; nothing when it does not run."""
    if (node, namespace) not in asking.get_node_names_and_namespaces():
        return {}
    questions = {
        'publish': asking.get_publisher_names_and_types_by_node,
        'subscribe': asking.get_subscriber_names_and_types_by_node,
        'reply': asking.get_service_names_and_types_by_node,
        'request': asking.get_client_names_and_types_by_node,
    }
    found = {right: {name for name, _ in ask(node, namespace)} for right, ask in questions.items()}
    return {right: names for right, names in found.items() if names}


def test_every_right_is_used_and_every_use_is_allowed(start_tracker: Any, tmp_path: Path) -> None:
    sequence = tmp_path / 'plaza'
    write_mot_folder(Scene(SceneSettings(width=160, height=120, frames=10, people=2)), sequence)
    write_sequence(sequence, sequence / 'bag', compressed=True)
    machine, _ = start_tracker(autostart=False, use_sim_time=True)
    namespace = machine.namespace
    refiner = NodeProcess(
        'refiner_node',
        namespace,
        tmp_path,
        {'allowed_root': str(tmp_path), 'use_sim_time': True},
        [],
    )
    command = [sys.executable, '-m', 'strongsort_ros.nodes.replayer_node', '--ros-args']
    command += ['-r', f'__ns:={namespace}', '-p', f'bag:={sequence / "bag"}', '-p', 'clock:=true']
    replayer = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        seen: dict[str, Names] = {n: defaultdict(set) for n in ('tracker', 'refiner', 'replayer')}
        while replayer.poll() is None:
            machine.spin(0.1)
            for node, names in seen.items():
                for right, found in used(machine.node, node, namespace).items():
                    names[right] |= found
        said, _ = replayer.communicate()
        assert replayer.returncode == 0, said.decode()
    finally:
        replayer.kill()
        replayer.wait()
        refiner.stop()
    for node, names in seen.items():
        assert names == allowed(node, namespace), node


@pytest.mark.usefixtures('ros_context')
@pytest.mark.parametrize('module', ['tracker_node', 'refiner_node', 'replayer_node'])
def test_a_node_without_its_keys_says_so_and_ends(tmp_path: Path, module: str) -> None:
    done = subprocess.run(
        [sys.executable, '-m', f'strongsort_ros.nodes.{module}'],
        env={
            **os.environ,
            'ROS_SECURITY_ENABLE': 'true',
            'ROS_SECURITY_STRATEGY': 'Enforce',
            'ROS_SECURITY_KEYSTORE': str(tmp_path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count('\n')) == (1, 1), done.stdout
    assert f"directory '{tmp_path}/enclaves' does not exist" in done.stdout
