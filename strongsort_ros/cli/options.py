"""Options made from tables of settings; those of the tracker with its presets."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.errors import SettingError
from strongsort_ros.settings import AUTO, ParameterSpec, Settings, check_value
from strongsort_ros.tracking.settings import TrackerSettings

SETTING_SWITCHES = {
    'bot': 'thresholds for a stronger appearance network (BoT)',
    'nsa': 'NSA Kalman filter',
    'ema': 'averaged embeddings',
    'mc': 'motion in the matching cost',
    'woc': 'one assignment instead of the cascade',
}
"""The paper's switches but ECC: --NAME turns one on, --no-NAME takes it out of the preset."""

SETTINGS_DEST = 'setting_'
"""What the names of the tracker's settings begin with, where they are parsed."""


def add_network(group: Any) -> None:
    """Add where the appearance network runs; without them: as the settings of the node."""
    group.add_argument('--device', help='of the network: auto, cpu, cuda, cuda:N')
    group.add_argument(
        '--threads', type=int, metavar='N', help='threads of the network on the CPU; default: 1'
    )


def network_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what was given of the options of `add_network`."""
    given = {'device': args.device, 'threads': args.threads}
    return {name: value for name, value in given.items() if value is not None}


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
    # Some are switches of the same name.
    add_table(settings, TrackerSettings, dest=SETTINGS_DEST, without=SETTING_SWITCHES)


def add_table(
    group: Any,
    table: type[Settings],
    *,
    prefix: str = '',
    dest: str | None = None,
    without: Container[str] = (),
) -> None:
    """Add an option for every setting of a table.

    Parameters
    ----------
    group
        Parser, or group of one, that gets them.
    table
        Its fields are the options.
    prefix
        Of the options: `gsi_` makes `tau` into --gsi-tau.
    dest
        What the names of the parsed values begin with, for `chosen_values`; None: `prefix`.
    without
        Names of settings that get no option.

    """
    types = table.types()
    for name, spec in table.specs().items():
        if name not in without:
            flag = '--' + (prefix + name).replace('_', '-')
            target = (prefix if dest is None else dest) + name
            _add_setting(group, flag, target, name, spec, types[name])


def chosen_values(args: argparse.Namespace, dest: str) -> dict[str, Any]:
    """Return name -> value of the settings that were given, their names without `dest`."""
    return {
        key.removeprefix(dest): value
        for key, value in vars(args).items()
        if key.startswith(dest) and value is not None
    }


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
    return settings.replace(**chosen_values(args, SETTINGS_DEST))


def _add_setting(
    group: Any, flag: str, dest: str, name: str, spec: ParameterSpec, kind: str
) -> None:
    text = spec.description.replace('%', '%%')
    if kind.startswith('bool'):
        group.add_argument(
            flag, dest=dest, action=argparse.BooleanOptionalAction, default=None, help=text
        )
        return
    group.add_argument(
        flag,
        dest=dest,
        type=_reader(name, spec, kind),
        metavar=spec.unit.upper() or ('N' if kind.startswith('int') else 'X'),
        help=text,
    )


def _reader(name: str, spec: ParameterSpec, kind: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        value: object = text
        if text != AUTO or AUTO not in kind:
            try:
                value = int(text) if kind.startswith('int') else float(text)
            except ValueError:
                whole = 'whole ' if kind.startswith('int') else ''
                raise argparse.ArgumentTypeError(f'{text!r} is not a {whole}number') from None
        try:
            check_value(name, value, spec, kind)
        except SettingError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return read


if TYPE_CHECKING:
    from strongsort_ros.online.config import TrackerNodeConfig


def add_node_settings(parser: argparse.ArgumentParser) -> None:
    """Add --params-file, and what stands beside or instead of it."""
    group = parser.add_argument_group('tracker node', 'Without any: as the node, by default.')
    group.add_argument(
        '--params-file', type=Path, metavar='FILE.yaml', help="a robot's ROS parameter file"
    )
    group.add_argument(
        '--reid', metavar='WEIGHTS', help='appearance network, or none; default: colours'
    )
    add_network(group)
    group.add_argument(
        '--ecc', action=argparse.BooleanOptionalAction, default=None,
        help='estimate camera motion from the images',
    )  # fmt: skip
    group.add_argument(
        '--frame-rate', type=float, metavar='HZ', help='nominal; default: from the stamps'
    )
    add_settings(parser)


def chosen_node_settings(args: argparse.Namespace) -> TrackerNodeConfig:
    """Return the node's settings.

    Raises
    ------
    InputError
        A preset stands beside a parameter file, or a value is refused.

    """
    from strongsort_ros.errors import InputError
    from strongsort_ros.online.config import TrackerNodeConfig, load_parameter_file

    switches = any(getattr(args, name) is not None for name in SETTING_SWITCHES)
    if args.params_file and (args.preset or switches):
        raise InputError('--params-file: has all settings; leave out --preset and the switches')
    settings = load_parameter_file(args.params_file) if args.params_file else TrackerNodeConfig()
    if args.preset or switches:
        tracker = chosen_settings(args, network=True)
        motion = 'ecc' if means_strongsort(args) else 'none'
        node = settings.node.replace(camera_motion=motion)
        settings = dataclasses.replace(settings, node=node, tracker=tracker)
    given = {'weights': args.reid, 'frame_rate': args.frame_rate}
    if args.ecc is not None:
        given['camera_motion'] = 'ecc' if args.ecc else 'none'
    values = {name: value for name, value in given.items() if value is not None}
    values |= network_options(args)
    try:
        return settings.replace(values | chosen_values(args, SETTINGS_DEST))
    except SettingError as error:
        raise InputError(f'--{str(error).replace("_", "-", 1)}') from error
