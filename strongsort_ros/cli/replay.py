"""`strongsort replay`: bags of images and detections in, tracked bags out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.batch import Job, add_batch_options, bag_name, plan, run_many
from strongsort_ros.cli.console import meter, say, warn
from strongsort_ros.cli.options import add_node_settings, chosen_node_settings
from strongsort_ros.cli.refine import add_steps, chosen_steps
from strongsort_ros.cli.replay_job import ReplayWork, replay_warnings
from strongsort_ros.cli.scores import add_score_options, find_truths, score_replays

if TYPE_CHECKING:
    from strongsort_ros.replay.replay import ReplayResult


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'replay',
        help='bag -> tracked bag',
        description='Track a bag as the node would, in step and as fast as it goes: OUT, a bag of '
        '/tracks and /tracked_detections, and OUT.txt; with a refinement OUT_refined, too.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('bags', type=Path, nargs='+', metavar='BAG', help='rosbag2: mcap, sqlite3')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT')
    parser.add_argument('--image-topic', default='', metavar='TOPIC', help='default: the only one')
    parser.add_argument(
        '--detections-topic', default='', metavar='TOPIC', help='default: the only one'
    )
    parser.add_argument(
        '--carry', action='store_true', help='also write what else is in the bag, as it is'
    )
    parser.add_argument(
        '--csv', action='store_true', help='also write OUT.csv, with a header, scores and classes'
    )
    add_score_options(parser)
    add_batch_options(parser)
    add_node_settings(parser)
    add_steps(parser)


def run(args: argparse.Namespace) -> int:
    """Track one bag, or many into a folder; then score what there is."""
    steps = chosen_steps(args)
    work = ReplayWork(
        settings=chosen_node_settings(args),
        image_topic=args.image_topic,
        detections_topic=args.detections_topic,
        carry=args.carry,
        steps=steps if steps.aflink or steps.gsi else None,
        csv=args.csv,
    )
    if len(args.bags) == 1:
        (source,) = args.bags
        jobs = {bag_name(source): Job(source, args.output)}
        truths = find_truths(args, jobs)
        status, replayed = 0, _replay(work, *jobs.values())
    else:
        planned = plan(args.bags, args.output)
        jobs = {job.output.name: job for job in planned}
        truths = find_truths(args, jobs)
        status = run_many(planned, work, label='replay', n_jobs=args.jobs, backend=args.backend)
        jobs, replayed = {name: job for name, job in jobs.items() if job.output.exists()}, None
    if truths and jobs:
        score_replays(args, work, jobs, truths, replayed)
    return status


def _replay(work: ReplayWork, job: Job) -> ReplayResult:
    with meter('replay') as show:
        replayed, lines = work.replay(job, show)
    for line in lines:
        say(line)
    for line in replay_warnings(replayed):
        warn(line)
    return replayed
