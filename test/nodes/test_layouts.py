"""The layouts for Foxglove and RViz show what the running tracker offers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from strongsort_ros.tracking.detections import Detections
from test.nodes.processes import ROOT

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

LAYOUT = json.loads((ROOT / 'config' / 'foxglove_layout.json').read_text())
VIEW = yaml.safe_load((ROOT / 'config' / 'tracker.rviz').read_text())


def leaves(node: Any) -> Iterator[str]:
    """Yield the panels of a Foxglove layout."""
    if isinstance(node, str):
        yield node
        return
    assert node['direction'] in ('row', 'column')
    assert 0 < node['splitPercentage'] < 100
    yield from leaves(node['first'])
    yield from leaves(node['second'])


def test_every_panel_has_a_place_and_settings() -> None:
    assert set(LAYOUT) == {
        'configById', 'globalVariables', 'userNodes', 'playbackConfig', 'layout',
    }  # fmt: skip
    assert sorted(leaves(LAYOUT['layout'])) == sorted(LAYOUT['configById'])


def test_the_tracker_offers_the_topics_and_values_shown(start_tracker: Any) -> None:
    machine, _ = start_tracker(namespace='/shown')
    for number in range(3):
        machine.track(10**12 + number * 33_333_333, Detections.empty())
    text = json.dumps(LAYOUT)
    named = set(re.findall(r'"(/[a-z_/]+)', text))
    named.add(VIEW['Visualization Manager']['Displays'][0]['Topic']['Value'])
    node, own = machine.node, ('tracker', machine.namespace)
    # The name is discovered separately from the topics.
    machine.wait(lambda: own in node.get_node_names_and_namespaces(), 'the name of the node')
    topics = {name for name, _ in node.get_publisher_names_and_types_by_node(*own)}
    services = {name for name, _ in node.get_service_names_and_types_by_node(*own)}
    offered = {name.removeprefix(machine.namespace) for name in topics | services}
    assert named <= offered
    reported = machine.report()
    keys = re.findall(r'key==\\"(\w+)\\"', text)
    assert keys
    for key in keys:
        float(reported[key])  # plots take numbers alone
    status = machine.diagnostics[-1].status[0]
    (shown,) = set(re.findall(r'name==\\"([^"]+)\\"', text))
    assert status.name == f'{machine.namespace.lstrip("/")}/{shown}'
    assert LAYOUT['configById']['DiagnosticStatusPanel!tracker'] == {
        'topicToRender': '/diagnostics',
        'selectedHardwareId': status.hardware_id,
        'selectedName': shown,
    }
