"""Presets and switches of the paper, ranges and errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import SettingError
from strongsort_ros.tracking.settings import SWITCHES, TrackerSettings


def test_presets_have_the_papers_values() -> None:
    deepsort, strongsort = TrackerSettings.deepsort(), TrackerSettings.strongsort()
    assert (deepsort.max_cosine_distance, strongsort.max_cosine_distance) == (0.3, 0.45)
    assert (deepsort.nn_budget, strongsort.nn_budget) == (100, 1)
    assert (deepsort.cascade, strongsort.cascade) == (True, False)
    assert (deepsort.nsa, strongsort.nsa) == (False, True)


@pytest.mark.parametrize('preset', ['strongsort', 'deepsort'])
def test_published_presets_have_none_of_the_rules_of_robust(preset: str) -> None:
    settings = TrackerSettings.preset(preset)
    assert settings.low_confidence >= settings.min_confidence
    assert settings.max_lost_time == settings.coast_time == settings.iou_weight == 0
    assert not settings.appearance_veto
    assert not settings.adaptive_noise
    assert settings.early_confirmation == 1


def test_the_default_is_robust() -> None:
    assert TrackerSettings() == TrackerSettings.robust() == TrackerSettings.preset('robust')
    assert TrackerSettings.preset('robust', network=True).max_cosine_distance == 'auto'
    assert TrackerSettings.preset('deepsort', network=True) == TrackerSettings.deepsort()


def test_the_page_of_the_default_has_its_rules_and_their_values() -> None:
    page = (Path(__file__).parents[2] / 'docs' / 'accuracy.md').read_text(encoding='utf-8')
    robust, published = TrackerSettings.robust(), TrackerSettings.strongsort()
    for name in TrackerSettings.specs():
        value = getattr(robust, name)
        if name != 'max_camera_motion' and value != getattr(published, name):
            assert f'`{name}` {str(value).lower()}' in page


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingError, match="preset: 'sort' is not one of: robust, strongsort"):
        TrackerSettings.preset('sort')


@pytest.mark.parametrize(
    ('switches', 'distance'),
    [(['mc'], 0.35), (['bot'], 0.4), (['bot', 'mc'], 0.45), (['ecc'], 0.3)],
)
def test_switches_set_the_distance(switches: list[str], distance: float) -> None:
    assert TrackerSettings.from_switches(switches).max_cosine_distance == distance


def test_switches_are_independent() -> None:
    plain = TrackerSettings.deepsort()
    for switch in set(SWITCHES) - {'ecc'}:
        assert TrackerSettings.from_switches([switch]) != plain
    assert TrackerSettings.from_switches(['ecc']) == plain


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('min_confidence', 1.5),
        ('min_confidence', float('nan')),
        ('max_age', -1),
        ('max_age', 3.5),
        ('n_init', 0),
        ('nsa', 1),
        ('max_cosine_distance', 'automatic'),
        ('gating_threshold', float('inf')),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'^{name}: ') as caught:
        TrackerSettings().replace(**{name: value})
    assert repr(value) in str(caught.value)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match='max_agee'):
        TrackerSettings().replace(max_agee=3)
    with pytest.raises(ValueError, match='xyz'):
        TrackerSettings.from_switches(['xyz'])


def test_every_setting_is_described() -> None:
    for name, spec in TrackerSettings.specs().items():
        assert len(spec.description) > 20, name
