"""Presets, switches and settings on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Any

import pytest

from strongsort_ros.cli.main import build_parser
from strongsort_ros.cli.options import chosen_settings, frame_rate, positive_int
from strongsort_ros.tracking.settings import TrackerSettings

ALL = ('bot', 'nsa', 'ema', 'mc', 'woc')


def settings(*options: str, network: bool = False) -> TrackerSettings:
    args = build_parser().parse_args(['track', 'a.npy', '-o', 'a.txt', *options])
    return chosen_settings(args, network=network)


@pytest.mark.parametrize(
    ('options', 'switches'),
    [
        (['--preset', 'strongsort'], ALL),
        (['--preset', 'strongsort', '--nsa'], ALL),
        (['--preset', 'strongsort', '--no-nsa'], ('bot', 'ema', 'mc', 'woc')),
        (['--no-mc', '--no-ema'], ('bot', 'nsa', 'woc')),
        (['--preset', 'deepsort'], ()),
        (['--preset', 'deepsort', '--mc', '--woc'], ('mc', 'woc')),
        (['--ema'], ('ema',)),
        (['--preset', 'deepsort', '--ecc', 'motion.json'], ()),
        (['--bot', '--ecc', 'motion.json', '--nsa', '--ema', '--mc', '--woc'], ALL),
    ],
)
def test_switches(options: list[str], switches: tuple[str, ...]) -> None:
    assert settings(*options) == TrackerSettings.from_switches(switches)


@pytest.mark.parametrize(
    ('options', 'changes'),
    [
        ([], {}),
        (['--ecc', 'motion.json'], {}),
        (['--max-age', '9'], {'max_age': 9}),
        (['--preset', 'robust'], {}),
        (['--preset', 'robust', '--nsa'], {'adaptive_noise': False}),
        (['--preset', 'robust', '--no-nsa'], {'adaptive_noise': False, 'nsa': False}),
        (['--preset', 'robust', '--no-ema'], {'ema': False, 'nn_budget': 100}),
        (['--preset', 'robust', '--no-woc', '--no-mc'], {'cascade': True, 'motion_cost': False}),
        (['--preset', 'robust', '--no-bot'], {'max_cosine_distance': 0.35}),
    ],
)
def test_the_default_and_its_switches(options: list[str], changes: dict[str, Any]) -> None:
    assert settings(*options) == TrackerSettings.robust().replace(**changes)


def test_every_setting_has_an_option() -> None:
    """The values of the table, given as options, give the same table."""
    default = TrackerSettings()
    options = []
    for name in TrackerSettings.specs():
        value = getattr(default, name)
        flag = name.replace('_', '-')
        if isinstance(value, bool):
            options.append(f'--{flag}' if value else f'--no-{flag}')
        else:
            options += [f'--{flag}', repr(value)]
    assert settings('--preset', 'deepsort', *options) == default


def test_settings_override_presets() -> None:
    chosen = settings('--preset', 'deepsort', '--max-age', '7', '--class-agnostic')
    expected = TrackerSettings.deepsort().replace(max_age=7, class_agnostic=True)
    assert chosen == expected


def test_names_of_deepsort_set_the_same_values() -> None:
    """They imply no preset: the rest is that of `robust`, or of the preset given."""
    theirs = (
        '--min_confidence', '0.3', '--nms_max_overlap', '0.7', '--max_cosine_distance', '0.2',
        '--nn_budget', '50', '--min_detection_height', '20',
    )  # fmt: skip
    changes = {
        'min_confidence': 0.3,
        'nms_max_overlap': 0.7,
        'max_cosine_distance': 0.2,
        'nn_budget': 50,
        'min_height': 20.0,
    }
    assert settings(*theirs) == TrackerSettings.robust().replace(**changes)
    deepsort = TrackerSettings.deepsort().replace(**changes)
    assert settings('--preset', 'deepsort', *theirs) == deepsort


def test_threshold_of_the_network() -> None:
    """The default is the network's own, unless a preset, a switch or the option is given."""
    assert settings(network=True).max_cosine_distance == 'auto'
    assert settings('--preset', 'robust', network=True).max_cosine_distance == 'auto'
    assert settings('--preset', 'strongsort', network=True).max_cosine_distance == 0.45
    assert settings('--no-nsa', network=True).max_cosine_distance == 0.45
    assert settings('--max-cosine-distance', '0.2', network=True).max_cosine_distance == 0.2
    assert settings('--max-cosine-distance', 'auto').max_cosine_distance == 'auto'
    assert settings().max_cosine_distance == 0.45


@pytest.mark.parametrize('text', ['-3', 'fast', 'nan', 'inf'])
def test_frame_rates_that_are_refused(text: str) -> None:
    assert frame_rate('0') == 0
    assert frame_rate('12.5') == 12.5
    with pytest.raises(ArgumentTypeError, match=f"'{text}' is not a frame rate in Hz"):
        frame_rate(text)


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'two'])
def test_counts_that_are_refused(text: str) -> None:
    assert positive_int('3') == 3
    with pytest.raises(ArgumentTypeError, match=f"'{text}' is not a positive integer"):
        positive_int(text)


def test_the_help_shows_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the command: `track` has StrongSORT's, `replay` those of the node."""
    for command, default in (('track', '0.45'), ('replay', 'auto')):
        with pytest.raises(SystemExit):
            build_parser().parse_args([command, '--help'])
        text = ' '.join(capsys.readouterr().out.split())
        (shown,) = re.findall(r'--max-cosine-distance X[ ,].*? Default: (\S+)\.', text)
        assert shown == default
        assert 'Default: off.' in text
