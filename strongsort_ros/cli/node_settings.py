"""Options of the tracker node: its own settings, a parameter file, or a preset with switches."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from strongsort_ros.cli.options import (
    SETTING_SWITCHES,
    SETTINGS_DEST,
    add_network,
    add_settings,
    chosen_settings,
    chosen_values,
    means_strongsort,
    network_options,
)
from strongsort_ros.errors import SettingError

if TYPE_CHECKING:
    from strongsort_ros.streaming.settings import AllSettings


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


def chosen_node_settings(args: argparse.Namespace) -> AllSettings:
    """Return the node's settings.

    Raises
    ------
    InputError
        A preset stands beside a parameter file, or a value is refused.

    """
    from strongsort_ros.errors import InputError
    from strongsort_ros.streaming.parameter_file import load_parameter_file
    from strongsort_ros.streaming.settings import AllSettings

    switches = any(getattr(args, name) is not None for name in SETTING_SWITCHES)
    if args.params_file and (args.preset or switches):
        raise InputError('--params-file: has all settings; leave out --preset and the switches')
    settings = load_parameter_file(args.params_file) if args.params_file else AllSettings()
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
