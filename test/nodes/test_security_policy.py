"""The SROS 2 policy grants the nodes exactly the rights that they use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from strongsort_ros.bags.writer import write_sequence
from test.nodes.processes import ROOT, start_node
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

Names = dict[str, set[str]]
"""Kind of right -> names of topics or services."""

ACTION_SERVICES = ('cancel_goal', 'get_result', 'send_goal')
ACTION_TOPICS = ('feedback', 'status')


def allowed(node: str, namespace: str) -> Names:
    """Return the rights that the policy grants to a node in a namespace."""
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


MAKING = re.compile(r'Initializing (publisher|subscription|service|client) for ')
MADE = re.compile(r"Expanded and remapped (?:topic|service) name '(.*)'")
RIGHTS = {
    'publisher': 'publish', 'subscription': 'subscribe', 'service': 'reply', 'client': 'request',
}  # fmt: skip
LOG_ALL = ['--log-level', 'rcl:=debug']
"""With it, ROS logs the name of every topic and service when it is made."""


def used(log: str) -> Names:
    """Return the topics, services and actions that a node created, from its log."""
    names: Names = defaultdict(set)
    right = ''
    for line in log.splitlines():
        if making := MAKING.search(line):
            right = RIGHTS[making[1]]
        elif made := MADE.search(line):
            names[right].add(made[1])
    return names


def test_every_right_is_used_and_every_use_is_allowed(start_tracker: Any, tmp_path: Path) -> None:
    sequence = tmp_path / 'plaza'
    write_mot_folder(Scene(SceneSettings(width=160, height=120, frames=10, people=2)), sequence)
    write_sequence(sequence, sequence / 'bag', compressed=True)
    machine, tracker = start_tracker(LOG_ALL, autostart=False, use_sim_time=True)
    namespace = machine.namespace
    nodes = {'tracker': tracker}
    for node, parameters in {
        'refiner': {'allowed_root': str(tmp_path), 'use_sim_time': True},
        'replayer': {
            'bag': str(sequence / 'bag'), 'output': str(tmp_path / 'results'), 'clock': True,
        },
    }.items():  # fmt: skip
        nodes[node] = start_node(node, namespace, tmp_path, parameters, LOG_ALL)
    try:
        assert nodes['replayer'].process.wait(120) == 0, nodes['replayer'].text()
    finally:
        for process in nodes.values():
            process.kill()
    for node, process in nodes.items():
        assert used(process.text()) == allowed(node, namespace), node


@pytest.mark.usefixtures('ros_context')
@pytest.mark.parametrize('module', ['tracker_node', 'refiner_node', 'replayer_node'])
def test_a_node_without_keys_ends_with_an_error(tmp_path: Path, module: str) -> None:
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
