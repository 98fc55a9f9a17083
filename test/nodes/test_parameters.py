"""The nodes' parameters: the settings tables, refusals with a reason, and the files of config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from strongsort_ros.online.config import NodeSettings, TrackerNodeConfig
from tools.parameter_files import FILES

CONFIG = Path(__file__).resolve().parents[2] / 'config'
Start = Callable[..., tuple[Any, Any]]


@pytest.mark.parametrize('name', FILES)
def test_files_hold_every_setting(name: str) -> None:
    values = yaml.safe_load((CONFIG / name).read_text())['/**']['ros__parameters']
    _, settings = FILES[name]
    for parameter in settings.parameters():
        assert values.pop(parameter.name) == parameter.value
    assert values == {}


@pytest.mark.parametrize(
    ('name', 'value'),
    [('camera_motion', 'magic'), ('frame_rate', -1.0), ('weights', 3), ('buffer_size', 0)],
)
def test_invalid_settings_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'{name}: {value!r}'):
        NodeSettings().replace(**{name: value})


def test_a_preset_sets_the_defaults_of_the_other_parameters(start_tracker: Start) -> None:
    from rcl_interfaces.srv import GetParameters

    machine, _ = start_tracker(preset='strongsort', max_age=50)
    names = ['preset', 'max_age', 'nsa', 'adaptive_noise', 'coast_time', 'max_cosine_distance']
    request = GetParameters.Request(names=names)
    values = machine.call(GetParameters, 'get_parameters', request).values
    preset, age, nsa, adaptive, coast, distance = values
    assert (preset.string_value, age.integer_value) == ('strongsort', 50)
    assert (nsa.bool_value, adaptive.bool_value) == (True, False)
    assert (coast.double_value, distance.double_value) == (0.0, 0.45)
    assert len(machine.set_parameters(preset='deepsort')) == 1  # read-only


def test_changes_are_refused_with_the_reason(start_tracker: Start) -> None:
    machine, process = start_tracker()
    (reason,) = machine.set_parameters(weights='other.pth')
    assert reason == 'weights: read when the node is configured; clean the node up first'
    (reason,) = machine.set_parameters(**{'ecc.min_score': 0.4})
    assert reason.startswith('ecc.min_score: read when')
    (reason,) = machine.set_parameters(image_transport='compressed')
    assert reason == (
        'image_transport: cannot change while the node is active; deactivate the node first'
    )
    assert machine.set_parameters(weights='none', image_transport='raw') == []  # unchanged
    for name, value in {
        'min_confidence': 1.5, 'n_init': 0, 'max_cosine_distance': 'automatic',
        'ema_alpha': float('nan'), 'max_age': 'old', 'cascade': 3,
    }.items():  # fmt: skip
        (reason,) = machine.set_parameters(**{name: value})
        assert name in reason or 'type' in reason
    assert len(machine.set_parameters(no_such_parameter=1)) == 1
    assert machine.set_parameters(n_init=2, max_age=60) == []
    assert machine.change_state('deactivate')
    assert machine.set_parameters(image_transport='compressed', sync_deadline=0.1) == []
    assert len(machine.set_parameters(device='cpu')) == 1
    assert machine.change_state('cleanup')
    assert machine.set_parameters(weights='none', device='cpu') == []
    assert process.process.poll() is None


def test_parameters_describe_themselves(start_tracker: Start) -> None:
    from rcl_interfaces.srv import DescribeParameters

    file = str(CONFIG / 'deepsort.yaml')
    machine, _ = start_tracker(['--params-file', file], autostart=False)
    names = [parameter.name for parameter in TrackerNodeConfig().parameters()]
    request = DescribeParameters.Request(names=names)
    described = machine.call(DescribeParameters, 'describe_parameters', request).descriptors
    assert [d.name for d in described] == names
    assert all(d.description for d in described)
    alpha = described[names.index('ema_alpha')].floating_point_range[0]
    assert (alpha.from_value, alpha.to_value) == (0.0, 1.0)
    buffer = described[names.index('buffer_size')].integer_range[0]
    assert (buffer.from_value, buffer.to_value) == (1, 1000)


@pytest.mark.parametrize(
    ('name', 'value'), [('min_confidence', 2.0), ('n_init', 1.5), ('camera_motion', 'magic')]
)
def test_an_invalid_parameter_at_the_start_is_one_line(
    start_tracker: Start, name: str, value: object
) -> None:
    _, process = start_tracker(autostart=False, **{name: value})
    assert process.process.wait(20) == 1
    assert name in process.text()
    assert str(value) in process.text()
    assert 'Traceback' not in process.text()


def test_unknown_parameters_cause_a_warning(start_tracker: Start, tmp_path: Path) -> None:
    file = tmp_path / 'typo.yaml'
    file.write_text('/**: {ros__parameters: {max_iou_distnace: 0.5, max_age: 31, bond: false}}')
    override = 'qos_overrides./a/imag.subscription.durability:=volatile'
    extra = ['--params-file', str(file), '-p', override]
    machine, process = start_tracker(extra, namespace='/a')
    assert machine.state() == 'active'
    warnings = [line for line in process.text().splitlines() if 'no effect' in line]
    assert [line.partition('unknown parameter ')[2] for line in warnings] == [
        'max_iou_distnace has no effect; did you mean max_iou_distance?',
        (
            'qos_overrides./a/imag.subscription.durability has no effect; did you mean '
            'qos_overrides./a/image.subscription.durability?'
        ),
    ]
    assert all('[WARN]' in line for line in warnings)


def test_changes_are_logged(start_tracker: Start) -> None:
    machine, process = start_tracker()
    assert machine.set_parameters(max_age=30, n_init=3) == []
    assert ' -> ' not in process.text()
    assert machine.set_parameters(max_age=60) == []
    assert machine.change_state('deactivate')
    assert machine.change_state('cleanup')
    assert machine.change_state('shutdown')
    lines = process.text().splitlines()[-4:]
    assert [line.partition(']: ')[2] for line in lines] == [
        'parameter max_age: 30 -> 60',
        'deactivated',
        'cleaned up; configure the node before the next use',
        'shut down',
    ]
