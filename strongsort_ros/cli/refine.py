"""`strongsort refine`: AFLink, GSI and RTS on recorded tracks; the same steps after `track`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.batch import Job, add_batch_options, plan, run_many
from strongsort_ros.cli.console import (
    count,
    no_progress,
    say,
    step_progress,
    tracks_and_boxes,
    warn,
)
from strongsort_ros.cli.options import (
    add_format,
    add_table,
    chosen_values,
    frame_rate,
    input_path,
    output_path,
    save_tracks_as,
)
from strongsort_ros.errors import InputError
from strongsort_ros.refinement.settings import (
    CHECKPOINTS,
    NO_SMOOTHER,
    SMOOTHERS,
    AflinkSettings,
    GsiSettings,
    RtsSettings,
)

if TYPE_CHECKING:
    from strongsort_ros.refinement.bag import RefinedBag
    from strongsort_ros.refinement.tracks import RefinedTracks, RefinementSteps
    from strongsort_ros.types import ShareProgress

_AFLINK, _GSI, _RTS = 'aflink_', 'gsi_', 'rts_'


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'refine',
        usage='%(prog)s INPUT [INPUT ...] -o OUT [--aflink] [--gsi | --smooth rts] [options]',
        help='link, interpolate and smooth recorded tracks',
        description='Refine recorded tracks: link broken tracks (--aflink), fill gaps and smooth '
        'boxes (--smooth rts, or --gsi as published). All other messages of a bag are copied '
        'unchanged; next to a refined bag its tracks are written as .txt.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'inputs', nargs='+', type=input_path, metavar='INPUT',
        help='tracks: MOTChallenge .txt, .csv with a header, or a rosbag2 with Track2DArray or '
        'with Detection2DArray whose ids are set; -: standard input',
    )  # fmt: skip
    parser.add_argument(
        '-o', '--output', type=output_path, required=True, metavar='OUT',
        help='file or bag to write; -: standard output; for several inputs a folder, in which '
        'each output is named like its input',
    )  # fmt: skip
    parser.add_argument(
        '--topic', default='', help='topic of the tracks in a bag; default: the only one'
    )
    parser.add_argument(
        '--frame-rate', type=frame_rate, default=0.0, metavar='HZ',
        help='nominal frame rate of a bag; default: estimated from the stamps',
    )  # fmt: skip
    add_format(parser)
    add_steps(parser)
    add_batch_options(parser)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Add the steps of refinement, each a switch with its settings."""
    group = parser.add_argument_group('refinement', 'Applied to finished tracks, in this order:')
    group.add_argument(
        '--aflink', nargs='?', const=CHECKPOINTS[0], metavar='CHECKPOINT',
        help='link broken tracks (AFLink); CHECKPOINT is a file, or a built-in one: motion '
        '(default) or published',
    )  # fmt: skip
    add_table(group, AflinkSettings(), prefix=_AFLINK)
    group.add_argument(
        '--gsi', action='store_true',
        help='interpolate gaps and smooth boxes (Gaussian-smoothed interpolation)',
    )  # fmt: skip
    add_table(group, GsiSettings(), prefix=_GSI)
    group.add_argument(
        '--smooth', choices=SMOOTHERS, default=NO_SMOOTHER,
        help='smoother in place of GSI; rts (Rauch-Tung-Striebel): fill gaps and smooth the '
        'measured boxes, those before the confirmation of a track included; default: %(default)s',
    )  # fmt: skip
    add_table(group, RtsSettings(), prefix=_RTS)


def run(args: argparse.Namespace) -> int:
    """Refine one input, or several into a folder."""
    steps = chosen_steps(args)
    if not steps:
        raise InputError('refine: no step chosen; add --aflink, --gsi or --smooth rts')
    work = partial(_refine, steps, args.topic, args.frame_rate, args.format)
    if len(args.inputs) == 1:
        with step_progress('refine') as show:
            summary = work(Job(args.inputs[0], args.output), show)
        say(summary)
        return 0
    jobs = plan(args.inputs, args.output)
    return run_many(jobs, work, label='refine', n_jobs=args.jobs, backend=args.backend)


def _refine(
    steps: RefinementSteps,
    topic: str,
    frame_rate: float,
    file_format: str | None,
    job: Job,
    progress: ShareProgress = no_progress,
) -> str:
    from strongsort_ros.bags.paths import is_bag
    from strongsort_ros.files.motchallenge import load_tracks
    from strongsort_ros.files.track_states import (
        load_recorded_tracks,
        save_track_states,
        states_beside,
    )
    from strongsort_ros.refinement.bag import refine_bag
    from strongsort_ros.refinement.tracks import apply_steps

    if is_bag(job.source):
        bag = refine_bag(
            job.source, job.output, steps, topic=topic, frame_rate=frame_rate, progress=progress
        )
        made = tracks_and_boxes(bag.tracks_out, bag.boxes_out)
        return f'{made}; {steps_summary(steps, bag)}: {job.output}'
    if steps.rts is None:
        tracks = load_tracks(job.source)
    else:
        tracks = load_recorded_tracks(job.source)
        if tracks.states is None:
            missing = states_beside(job.source).name
            warn(f'{job.source}: {missing} is missing: all boxes are taken as measured')
    done = apply_steps(tracks, steps, progress=progress)
    save_tracks_as(job.output, done.tracks, file_format)
    save_track_states(job.output, None)
    made = tracks_and_boxes(len(set(done.tracks.ids.tolist())), len(done.tracks))
    return f'{made}; {steps_summary(steps, done)}: {job.output}'


def chosen_steps(args: argparse.Namespace) -> RefinementSteps:
    """Return the chosen steps.

    Raises
    ------
    InputError
        A setting is given for a step that is not chosen, or both --gsi and --smooth.

    """
    from strongsort_ros.refinement.tracks import RefinementSteps

    rts = args.smooth == 'rts'
    for prefix, chosen, needed in (
        (_AFLINK, args.aflink, '--aflink'),
        (_GSI, args.gsi, '--gsi'),
        (_RTS, rts, '--smooth rts'),
    ):
        values = chosen_values(args, prefix)
        if values and not chosen:
            flag = f'--{prefix}{next(iter(values))}'.replace('_', '-')
            raise InputError(f'{flag}: needs {needed}')
    checkpoint = Path(args.aflink) if args.aflink else None
    if checkpoint and args.aflink not in CHECKPOINTS:
        checkpoint = checkpoint.absolute()  # a worker may run in another folder
    return RefinementSteps(
        AflinkSettings().replace(**chosen_values(args, _AFLINK)) if args.aflink else None,
        GsiSettings().replace(**chosen_values(args, _GSI)) if args.gsi else None,
        checkpoint,
        RtsSettings().replace(**chosen_values(args, _RTS)) if rts else None,
    )


def steps_summary(steps: RefinementSteps, done: RefinedTracks | RefinedBag) -> str:
    """Return what the chosen steps did: `3 links, 40 boxes interpolated`."""
    parts = []
    if steps.aflink is not None:
        parts.append(count(done.links, 'link'))
    if steps.gsi is not None or steps.rts is not None:
        parts.append(f'{count(done.interpolated, "box", "boxes")} interpolated')
    return ', '.join(parts)
