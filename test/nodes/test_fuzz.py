"""Invalid messages and parameters: the node continues, and a reset removes their effects.

    make test ARGS='test/nodes/test_fuzz.py --fuzz-messages 100000'

sends as many messages as the option says.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from strongsort_ros.online.config import TrackerNodeConfig
from test.nodes.bad_messages import bad_messages
from tools.simulation.walkers import Walkers, WalkerSettings

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

Start = Callable[..., tuple[Any, Any]]

PERIOD = 1_000_000_000 // 30
START = 500_000_000_000
"""Stamps of the clean sequence: no bad message has them."""
BURST = 1000
TOGETHER = 8
"""Messages sent at once: less than the node's queue holds."""
CLEAN_FRAMES = 12


def clean_answers(machine: Any) -> list[Any]:
    """Send a known sequence and return its tracks, with ids counted from the first."""
    from std_srvs.srv import Trigger

    assert machine.call(Trigger, 'reset', Trigger.Request()).success
    walkers = Walkers(WalkerSettings(people=6, dimension=0, seed=3))
    rng = np.random.default_rng(3)
    answers = []
    for number, frame in enumerate(itertools.islice(walkers, CLEAN_FRAMES)):
        pixels = rng.integers(0, 256, (48, 64, 3), np.uint8)
        stamp = START + number * PERIOD
        machine.tracks.clear()
        machine.send(stamp, frame.detections, pixels)
        machine.wait(lambda stamp=stamp: stamp in machine.stamps(), f'tracks of {stamp}')
        answers.append(machine.tracks[-1])
    first = min(track.id for answer in answers for track in answer.tracks)
    for answer in answers:
        for track in answer.tracks:
            track.id -= first - 1
    return answers


def send(machine: Any, seed: int, transport: str) -> None:
    """Send messages no faster than the node receives them."""
    burst = bad_messages(seed, BURST, transport)
    publishers = {'image': machine.images, 'detections': machine.detections}
    while together := list(itertools.islice(burst, TOGETHER)):
        for topic, data in together:
            publishers[topic].publish(data)
        machine.state()


def received(machine: Any) -> int:
    """Return the number of messages that the node has counted."""
    report = machine.report()
    names = ('images', 'detections', 'malformed_image', 'malformed_detections')
    return sum(int(report.get(name, 0)) for name in names)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_bad_messages_leave_nothing_behind(
    start_tracker: Start, transport: str, pytestconfig: pytest.Config
) -> None:
    wanted = pytestconfig.getoption('--fuzz-messages') // 2
    parameters = {
        'image_transport': transport,
        'camera_motion': 'ecc',
        'weights': '',
        'publish_tentative': True,
    }
    fresh, _ = start_tracker(**parameters)
    expected = clean_answers(fresh)
    assert sum(len(answer.tracks) for answer in expected) > 3 * CLEAN_FRAMES
    machine, process = start_tracker(**parameters)
    for seed in itertools.count():
        send(machine, seed, transport)
        assert process.process.poll() is None, process.text()[-3000:]
        assert clean_answers(machine) == expected, f'after the burst of seed {seed}'
        if received(machine) >= wanted:
            break
    # All rejected input is counted by reason; none of it made a frame fail.
    report = machine.report()
    assert 'rejected_failed_frame' not in report, process.text()[-3000:]
    assert any(int(report.get(f'malformed_{topic}', 0)) for topic in ('image', 'detections'))
    assert {'rejected_malformed_detections', 'rejected_malformed_image'} & report.keys()


def bad_values(kind: int) -> list[Any]:
    """Return values that are invalid for a parameter of this type."""
    from rcl_interfaces.msg import ParameterType

    values: list[Any] = [[b'\1'], [True], [1], [1.5], ['text'], float('nan'), float('inf')]
    if kind != ParameterType.PARAMETER_STRING:
        values += ['nonsense', '', '1', 'auto ']
    if kind == ParameterType.PARAMETER_BOOL:
        values += [0, 1, 1.0]
    else:
        values += [True, False]
    if kind == ParameterType.PARAMETER_STRING:
        values += [0, 1.0]
    elif kind in (ParameterType.PARAMETER_INTEGER, ParameterType.PARAMETER_DOUBLE):
        values += [-1e300, -(2**62)]
    if kind == ParameterType.PARAMETER_INTEGER:
        values += [0.5]
    return values


def test_bad_parameters_are_refused_with_a_reason(start_tracker: Start) -> None:
    from rcl_interfaces.srv import DescribeParameters, GetParameters

    machine, _ = start_tracker(publish_tentative=True, image_transport='raw')
    expected = clean_answers(machine)
    names = [parameter.name for parameter in TrackerNodeConfig().parameters()]
    described = machine.call(
        DescribeParameters, 'describe_parameters', DescribeParameters.Request(names=names)
    )
    before = machine.call(GetParameters, 'get_parameters', GetParameters.Request(names=names))
    for descriptor in described.descriptors:
        numbers_too = descriptor.dynamic_typing  # a text or a number
        for value in bad_values(descriptor.type):
            if numbers_too and type(value) in (int, float) and 0 <= value <= 1:
                continue
            refused = machine.set_parameters(**{descriptor.name: value})
            assert refused, f'{descriptor.name}: {value!r} was taken'
            assert refused[0], f'{descriptor.name}: {value!r} was refused without a reason'
    assert machine.set_parameters(no_such_parameter=1)
    after = machine.call(GetParameters, 'get_parameters', GetParameters.Request(names=names))
    assert after == before
    assert clean_answers(machine) == expected
