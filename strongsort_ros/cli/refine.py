"""`strongsort refine`: a file of recorded tracks in, a file of whole ones out."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import say
from strongsort_ros.cli.options import add_table, chosen_values
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings

if TYPE_CHECKING:
    from strongsort_ros.recording.rows import TrackRows

_AFLINK, _GSI = 'aflink_', 'gsi_'
_SHIPPED = 'shipped'


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'refine',
        help='recorded tracks -> whole tracks',
        description='Make recorded tracks whole: link their pieces, fill their gaps, smooth them.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('tracks', type=Path, metavar='TRACKS.txt', help='MOTChallenge tracks')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT.txt')
    add_steps(parser)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Add the steps of refinement, each a switch with its settings."""
    group = parser.add_argument_group('refinement', 'After the last frame, in this order:')
    group.add_argument(
        '--aflink',
        nargs='?',
        const=_SHIPPED,
        metavar='CHECKPOINT',
        help='link the pieces of broken tracks: AFLink; by default with the checkpoint shipped',
    )
    add_table(group, AflinkSettings, prefix=_AFLINK)
    group.add_argument(
        '--gsi', action='store_true', help='fill gaps and smooth: Gaussian-smoothed interpolation'
    )
    add_table(group, GsiSettings, prefix=_GSI)


def run(args: argparse.Namespace) -> None:
    """Refine a file of tracks."""
    from strongsort_ros.recording.atomic import replacing
    from strongsort_ros.recording.errors import InputError
    from strongsort_ros.recording.motchallenge import load_tracks, save_tracks

    check_steps(args)
    if not (args.aflink or args.gsi):
        raise InputError('refine: nothing to do; choose a step: --aflink, --gsi')
    with replacing(args.output) as written:
        tracks = refined(load_tracks(args.tracks), args)
        save_tracks(written, tracks)
    count = len(set(tracks.ids.tolist()))
    say(f'{count} tracks, {len(tracks)} boxes: {args.output}')


def check_steps(args: argparse.Namespace) -> None:
    """Refuse settings of a step that is not taken.

    Raises
    ------
    InputError
        There is such a setting; the message names it.

    """
    from strongsort_ros.recording.errors import InputError

    for prefix, taken in ((_AFLINK, args.aflink), (_GSI, args.gsi)):
        values = chosen_values(args, prefix)
        if values and not taken:
            step = prefix.rstrip('_')
            flag = f'--{prefix}{next(iter(values))}'.replace('_', '-')
            raise InputError(f'{flag}: a setting of a step that is not taken; add --{step}')


def refined(tracks: TrackRows, args: argparse.Namespace) -> TrackRows:
    """Return the tracks after the steps that are asked for, and say what these did."""
    if args.aflink:
        tracks = _linked(tracks, args)
    if args.gsi:
        from strongsort_ros.refinement.gsi import gsi

        filled = gsi(tracks, GsiSettings().replace(**chosen_values(args, _GSI)))
        say(f'gsi: {filled.interpolated_count} boxes interpolated')
        tracks = filled.tracks
    return tracks


def _linked(tracks: TrackRows, args: argparse.Namespace) -> TrackRows:
    import numpy as np

    from strongsort_ros.refinement.aflink import link
    from strongsort_ros.refinement.aflink_network import load_linker

    network = load_linker(None if args.aflink == _SHIPPED else Path(args.aflink))
    settings = AflinkSettings().replace(**chosen_values(args, _AFLINK))
    linked = link(tracks.frames, tracks.ids, tracks.tlwh, tracks.class_ids, network, settings)
    say(f'aflink: {len(linked.links)} links')
    order = np.lexsort((linked.ids, tracks.frames))
    return dataclasses.replace(tracks, ids=linked.ids).select(order[linked.keep[order]])
