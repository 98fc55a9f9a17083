"""Options of the tracker, made from the one table of its settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from strongsort_ros.settings import AUTO, Meaning, check_value
from strongsort_ros.tracking.settings import TrackerSettings

SETTING_SWITCHES = {
    'bot': 'thresholds for a stronger appearance network (BoT)',
    'nsa': 'NSA Kalman filter',
    'ema': 'averaged embeddings',
    'mc': 'motion in the matching cost',
    'woc': 'one assignment instead of the cascade',
}
"""The paper's switches but ECC: --NAME turns one on, --no-NAME takes it out of the preset."""

_DEST = 'setting_'


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add --preset, the paper's switches, and an option for every setting of the tracker."""
    presets = parser.add_argument_group(
        'presets and switches',
        'Without any: StrongSORT, all switches. Switches without --preset: DeepSORT and exactly '
        'those; --ecc alone says where camera motion comes from and keeps StrongSORT.',
    )
    presets.add_argument('--preset', choices=('strongsort', 'deepsort'))
    for name, text in SETTING_SWITCHES.items():
        presets.add_argument(
            f'--{name}', action=argparse.BooleanOptionalAction, default=None, help=text
        )
    settings = parser.add_argument_group('settings', 'Whatever the preset and the switches say:')
    types = TrackerSettings.types()
    for name, meaning in TrackerSettings.meanings().items():
        # These two are switches of the same name.
        if name not in SETTING_SWITCHES:
            _add_setting(settings, name, meaning, types[name])


def chosen_switches(args: argparse.Namespace) -> set[str]:
    """Return the switches that are on, without ECC, which is no setting."""
    on = {name for name in SETTING_SWITCHES if getattr(args, name)}
    off = {name for name in SETTING_SWITCHES if getattr(args, name) is False}
    return (set(SETTING_SWITCHES) if means_strongsort(args) else on) - off


def means_strongsort(args: argparse.Namespace) -> bool:
    """Return whether StrongSORT is meant: by name, or because no switch is turned on."""
    on = any(getattr(args, name) for name in SETTING_SWITCHES)
    return args.preset == 'strongsort' or (args.preset is None and not on)


def chosen_settings(args: argparse.Namespace, *, network: bool) -> TrackerSettings:
    """Return the tracker's settings.

    Parameters
    ----------
    args
        Parsed options.
    network
        Embeddings come from a network here: unless a preset or a switch is named, its own
        threshold is used.

    """
    settings = TrackerSettings.from_switches(chosen_switches(args))
    named = args.preset or any(getattr(args, name) is not None for name in SETTING_SWITCHES)
    if network and not named:
        settings = settings.replace(max_cosine_distance=AUTO)
    given = {
        key.removeprefix(_DEST): value
        for key, value in vars(args).items()
        if key.startswith(_DEST) and value is not None
    }
    return settings.replace(**given)


def _add_setting(group: Any, name: str, meaning: Meaning, kind: str) -> None:
    flag = '--' + name.replace('_', '-')
    text = meaning.description.replace('%', '%%')
    if kind.startswith('bool'):
        group.add_argument(
            flag,
            dest=_DEST + name,
            action=argparse.BooleanOptionalAction,
            default=None,
            help=text,
        )
        return
    group.add_argument(
        flag,
        dest=_DEST + name,
        type=_reader(name, meaning, kind),
        metavar=meaning.unit.upper() or ('N' if kind.startswith('int') else 'X'),
        help=text,
    )


def _reader(name: str, meaning: Meaning, kind: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        value: object = text
        if text != AUTO or AUTO not in kind:
            try:
                value = int(text) if kind.startswith('int') else float(text)
            except ValueError:
                whole = 'whole ' if kind.startswith('int') else ''
                raise argparse.ArgumentTypeError(f'{text!r} is not a {whole}number') from None
        try:
            check_value(name, value, meaning, kind)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return read
