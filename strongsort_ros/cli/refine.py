"""`strongsort refine`: recorded tracks in, whole ones out; text files and bags, one or many."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from strongsort_ros.cli.batch import Job, add_batch_options, plan, run_many
from strongsort_ros.cli.console import meter, say
from strongsort_ros.cli.files import add_format, readable, save_tracks_as, writable
from strongsort_ros.cli.options import add_table, chosen_values
from strongsort_ros.refinement.settings import CHECKPOINTS, AflinkSettings, GsiSettings
from strongsort_ros.types import ShareProgress

if TYPE_CHECKING:
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.refinement.tracks import RefinedTracks, RefinementSteps
    from strongsort_ros.types import ShareProgress

_AFLINK, _GSI = 'aflink_', 'gsi_'


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'refine',
        help='recorded tracks -> whole tracks',
        description='Make recorded tracks whole: link their pieces, fill their gaps, smooth them. '
        'Bags keep everything else, and get a text file beside them.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'inputs', nargs='+', type=readable, metavar='INPUT',
        help='tracks: .txt of MOTChallenge, .csv with a header, or a rosbag2 of Track2DArray or '
        'of Detection2DArray with ids; -: the standard input',
    )  # fmt: skip
    parser.add_argument(
        '-o', '--output', type=writable, required=True, metavar='OUT',
        help='file or bag to write; of several inputs, the folder for what bears their names',
    )  # fmt: skip
    parser.add_argument('--topic', default='', help="of a bag's tracks; default: the only one")
    parser.add_argument(
        '--frame-rate', type=_rate, default=0.0, metavar='HZ',
        help='nominal frames a second of a bag; default: as its stamps say',
    )  # fmt: skip
    add_format(parser)
    add_steps(parser)
    add_batch_options(parser)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Add the steps of refinement, each a switch with its settings."""
    group = parser.add_argument_group('refinement', 'After the last frame, in this order:')
    group.add_argument(
        '--aflink',
        nargs='?',
        const=CHECKPOINTS[0],
        metavar='CHECKPOINT',
        help='link the pieces of broken tracks: AFLink, with a file of weights or one that is '
        'shipped, motion (the default) or published',
    )
    add_table(group, AflinkSettings, prefix=_AFLINK)
    group.add_argument(
        '--gsi', action='store_true', help='fill gaps and smooth: Gaussian-smoothed interpolation'
    )
    add_table(group, GsiSettings, prefix=_GSI)


def run(args: argparse.Namespace) -> int:
    """Refine what was given."""
    from strongsort_ros.errors import InputError

    steps = chosen_steps(args)
    if not (args.aflink or args.gsi):
        raise InputError('refine: nothing to do; choose a step: --aflink, --gsi')
    work = partial(_refine, steps, _Options(args.topic, args.frame_rate, args.format))
    if len(args.inputs) == 1:
        with meter('refine') as show:
            done = work(Job(args.inputs[0], args.output), show)
        _say_steps(steps, done.links, done.interpolated)
        say(f'{done.tracks} tracks, {done.boxes} boxes: {args.output}')
        return 0
    return run_many(
        plan(args.inputs, args.output), partial(_refine_one_of_many, work),
        label='refine', n_jobs=args.jobs, backend=args.backend,
    )  # fmt: skip


class _Options(NamedTuple):
    topic: str
    frame_rate: float
    format: str | None


class _Done(NamedTuple):
    tracks: int
    boxes: int
    links: int
    interpolated: int


def _refine(steps: RefinementSteps, options: _Options, job: Job, progress: ShareProgress) -> _Done:
    from strongsort_ros.bags.paths import is_bag
    from strongsort_ros.files.motchallenge import load_tracks
    from strongsort_ros.refinement.bag import refine_bag
    from strongsort_ros.refinement.tracks import apply_steps

    if is_bag(job.source):
        done = refine_bag(
            job.source, job.output, steps,
            topic=options.topic, frame_rate=options.frame_rate, progress=progress,
        )  # fmt: skip
        return _Done(done.tracks_out, done.boxes_out, done.links, done.interpolated)
    refined = apply_steps(load_tracks(job.source), steps, progress=progress)
    save_tracks_as(job.output, refined.tracks, options.format)
    count = len(set(refined.tracks.ids.tolist()))
    return _Done(count, len(refined.tracks), refined.links, refined.interpolated)


def _refine_one_of_many(work: Callable[[Job, ShareProgress], _Done], job: Job) -> str:
    done = work(job, lambda _what, _share: None)
    return (
        f'{job.output}: {done.tracks} tracks, {done.boxes} boxes; '
        f'{done.links} links, {done.interpolated} boxes interpolated'
    )


def chosen_steps(args: argparse.Namespace) -> RefinementSteps:
    """Return the steps that are asked for.

    Raises
    ------
    InputError
        There is a setting of a step that is not taken; the message names it.

    """
    from strongsort_ros.errors import InputError
    from strongsort_ros.refinement.tracks import RefinementSteps

    for prefix, taken in ((_AFLINK, args.aflink), (_GSI, args.gsi)):
        values = chosen_values(args, prefix)
        if values and not taken:
            step = prefix.rstrip('_')
            flag = f'--{prefix}{next(iter(values))}'.replace('_', '-')
            raise InputError(f'{flag}: a setting of a step that is not taken; add --{step}')
    checkpoint = Path(args.aflink) if args.aflink else None
    if checkpoint and args.aflink not in CHECKPOINTS:
        checkpoint = checkpoint.absolute()  # a worker may run in another folder
    return RefinementSteps(
        AflinkSettings().replace(**chosen_values(args, _AFLINK)) if args.aflink else None,
        GsiSettings().replace(**chosen_values(args, _GSI)) if args.gsi else None,
        checkpoint,
    )


def refined(tracks: TrackRows, steps: RefinementSteps) -> TrackRows:
    """Return the tracks after the steps that are asked for, and say what these did."""
    from strongsort_ros.refinement.tracks import apply_steps

    done: RefinedTracks = apply_steps(tracks, steps)
    _say_steps(steps, done.links, done.interpolated)
    return done.tracks


def _say_steps(steps: RefinementSteps, links: int, interpolated: int) -> None:
    if steps.aflink is not None:
        say(f'aflink: {links} links')
    if steps.gsi is not None:
        say(f'gsi: {interpolated} boxes interpolated')


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate < math.inf:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of frames a second')
    return rate
