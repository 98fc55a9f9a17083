"""Levels, messages and values of the tracker's diagnostics."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip('diagnostic_msgs.msg', reason='needs ROS 2')

from strongsort_ros.nodes.diagnostics import Condition, Diagnosis, latency_values
from strongsort_ros.online.config import DiagnosticsSettings

FRESH = {'images': 0.0, 'detections': 0.0}


def report(diagnosis: Diagnosis, **counts: int) -> tuple[int, str, dict[str, str]]:
    return judged(diagnosis, Condition('active', counts=counts, ages=FRESH))


CLOCK = itertools.count(100.0, 2.0)
"""Reports come every two seconds."""


def judged(diagnosis: Diagnosis, condition: Condition) -> tuple[int, str, dict[str, str]]:
    status: Any = diagnosis.report('tracker', condition, next(CLOCK))
    return ord(status.level), status.message, {v.key: v.value for v in status.values}


def test_rates_cover_the_time_since_the_last_report() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    report(diagnosis, images=100, detections=50, matched=50)
    level, message, values = report(diagnosis, images=160, detections=80, matched=80)
    assert (level, message) == (0, 'tracking')
    assert values['images_rate_hz'] == '30.0'
    assert values['detections_rate_hz'] == '15.0'
    assert values['matched'] == '80'


def test_missing_images_are_reported_after_a_delay_until_images_arrive() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    levels = [report(diagnosis, detections=n, without_image=n)[0] for n in (10, 20)]
    assert levels == [0, 1]
    assert set(diagnosis.input_warnings) == {'images'}
    assert report(diagnosis, detections=220, without_image=20, images=200, matched=200)[0] == 0
    assert not diagnosis.input_warnings


def test_stamps_that_never_match_have_another_message_than_missing_images() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    for n in (10, 20, 30):
        _, message, _ = report(diagnosis, detections=n, images=n, without_image=n)
    assert 'stamps are never equal' in message


def test_a_share_of_lost_images_is_reported_with_advice() -> None:
    """As with large images over Cyclone DDS: 98 of 150 are lost."""
    diagnosis = Diagnosis(DiagnosticsSettings())
    counts: dict[str, int] = {}
    for n in (1, 2, 3):
        counts = {
            'detections': 30 * n,
            'images': 10 * n,
            'matched': 10 * n,
            'without_image': 20 * n,
        }
        level, message, values = report(diagnosis, **counts)
    assert level == 1
    assert '60 of 90 detections had no image' in message
    for advice in ('fastdds.xml', 'Cyclone DDS', 'reliability: reliable'):
        assert advice in message
    assert values['without_image'] == '60'
    for _ in range(4):
        counts = {**counts, 'matched': counts['matched'] + 100, 'images': counts['images'] + 100}
        counts['detections'] += 100
        level, _, _ = report(diagnosis, **counts)
    assert level == 0


@pytest.mark.parametrize('topics', [['images'], ['detections'], ['images', 'detections']])
def test_missing_stamps_are_named(topics: list[str]) -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    for n in (10, 20, 30):
        counts = {f'unstamped_{topic}': n for topic in topics}
        _, message, _ = report(diagnosis, detections=n, images=n, without_image=n, **counts)
    assert message.startswith(f'{" and ".join(topics)} have no stamp')
    assert 'never equal' not in message


def test_different_stamps_are_not_reported_as_lost_images() -> None:
    """As with a detector that rounds stamps: all images arrive, but few stamps are equal."""
    diagnosis = Diagnosis(DiagnosticsSettings())
    level, message, _ = report(diagnosis, detections=30, images=30, matched=1, without_image=28)
    assert level == 1
    assert '28 of 29 detections had no image, while 29 images had no detections' in message
    assert message.index('sync_tolerance') < message.index('fastdds.xml')


def test_a_slow_detector_is_reported_with_the_parameter_to_raise() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    for n in (10, 20, 30):
        counts = {'detections': n, 'images': n, 'without_image': n, 'expired_images': n}
        advice = 'detections come 0.85 s after their images: raise buffer_time'
        condition = Condition('active', counts=counts, ages=FRESH, slow_detector=advice)
        level, message, _ = judged(diagnosis, condition)
    assert (level, message) == (1, advice)


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('duplicate_detections', '30 of 60 arrays of detections were received twice'),
        ('unmerged_detections', 'publish the arrays of all detectors within sync_deadline'),
        ('late_detections', '30 of 60 arrays of detections were dropped because newer ones'),
    ],
)
def test_many_dropped_arrays_are_reported(name: str, words: str) -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    level, message, _ = report(diagnosis, detections=60, images=30, matched=30, **{name: 30})
    assert level == 1
    assert words in message
    assert set(diagnosis.input_warnings) == {name}
    level, _, _ = report(diagnosis, detections=1000, images=970, matched=970, **{name: 31})
    assert level == 0


def test_old_latencies_are_not_reported_without_detections() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    seconds = {'node': [0.9] * 100}
    counts = {'detections': 9, 'matched': 9}
    condition = Condition('active', counts=counts, ages=FRESH, seconds=seconds)
    assert 'latency from detections to tracks is 0.90 s' in judged(diagnosis, condition)[1]
    condition.ages = {'images': 3.0, 'detections': 3.0}
    level, message, values = judged(diagnosis, condition)
    assert (level, message) == (1, 'no detections for 3.0 s')
    assert values['latency_node_p95_ms'] == '900.0'


def test_tracking_without_images_by_configuration_is_ok() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    for n in (10, 20, 30, 40):
        counts = {'detections': n, 'without_image': n}
        level, _, _ = judged(diagnosis, Condition('active', False, counts, ages=FRESH))
        assert level == 0


def test_rejected_input_is_reported_once() -> None:
    diagnosis = Diagnosis(DiagnosticsSettings())
    condition = Condition(
        'active',
        counts={'detections': 5, 'matched': 5},
        rejected={'short_image': 2},
        ages=FRESH,
    )
    level, message, values = judged(diagnosis, condition)
    assert level == 1
    assert 'rejected_short_image' in message
    assert values['rejected_short_image'] == '2'
    condition.counts = {'detections': 9, 'matched': 9}
    assert judged(diagnosis, condition)[0] == 0


def test_missing_detections_are_a_warning_then_stale_while_active_only() -> None:
    for age, level, words in (
        (0.5, 0, 'tracking'),
        (1.5, 1, 'no detections for 1.5 s'),
        (6.0, 3, 'no detections for 6.0 s'),
        (math.inf, 1, 'no detections received yet'),
    ):
        condition = Condition('active', ages={'images': age, 'detections': age})
        assert judged(Diagnosis(DiagnosticsSettings()), condition)[:2] == (level, words)
    assert judged(Diagnosis(DiagnosticsSettings()), Condition('inactive'))[:2] == (0, 'inactive')


def test_thresholds_are_settings() -> None:
    settings = DiagnosticsSettings(warn_latency=0.01, error_latency=0.1, warn_dropped=0.2)
    for latency, level in ((0.005, 0), (0.05, 1), (0.5, 2)):
        condition = Condition('active', ages=FRESH, seconds={'node': [latency] * 20})
        assert judged(Diagnosis(settings), condition)[0] == level
    for dropped, level in ((1, 0), (3, 1)):
        counts = {'detections': 10, 'matched': 10 - dropped, 'superseded': dropped}
        assert (
            judged(Diagnosis(settings), Condition('active', counts=counts, ages=FRESH))[0] == level
        )


def test_all_findings_are_reported_the_worst_first() -> None:
    condition = Condition(
        'active', ages=FRESH, rejected={'failed_frame': 3}, faults=['cuda:0 failed']
    )
    level, message, _ = judged(Diagnosis(DiagnosticsSettings()), condition)
    assert level == 2
    assert message.startswith('3 frames failed')
    assert 'cuda:0 failed' in message


def test_a_device_fault_is_reported_first() -> None:
    condition = Condition('active', counts={'matched': 5}, ages=FRESH, faults=['cuda:0 failed'])
    assert judged(Diagnosis(DiagnosticsSettings()), condition)[:2] == (1, 'cuda:0 failed')


def test_each_percentile_of_a_latency_has_a_key() -> None:
    assert latency_values('decode', []) == {}
    values = latency_values('decode', np.linspace(0, 0.1, 101).tolist())
    assert {key: round(ms, 6) for key, ms in values.items()} == {
        'latency_decode_p50_ms': 50,
        'latency_decode_p95_ms': 95,
        'latency_decode_p99_ms': 99,
        'latency_decode_max_ms': 100,
    }


def test_all_values_but_names_are_plain_numbers() -> None:
    condition = Condition(
        'active',
        counts={'detections': 5, 'matched': 5},
        rejected={'short_image': 2},
        seconds={'total': [0.0012345], 'node': [0.002]},
        ages=FRESH,
        facts={'device': 'cpu', 'memory_mib': 123.4567, 'frame_rate_hz': np.float64(29.97)},
    )
    _, _, values = judged(Diagnosis(DiagnosticsSettings()), condition)
    assert values.pop('state') == 'active'
    assert values.pop('device') == 'cpu'
    for value in values.values():
        float(value)
    assert values['latency_total_p50_ms'] == '1.234'
    assert values['memory_mib'] == '123.457'
    assert values['frame_rate_hz'] == '29.97'
