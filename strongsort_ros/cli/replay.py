"""`strongsort replay`: track recorded bags as the node would, offline, and score the result."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.batch import Job, add_batch_options, bag_name, plan, run_many
from strongsort_ros.cli.console import count, progress, say, step_progress, warn
from strongsort_ros.cli.evaluate import add_report_options, write_report
from strongsort_ros.cli.options import (
    SETTINGS_DEST,
    add_network,
    add_settings,
    any_switch,
    chosen_preset,
    chosen_settings,
    chosen_values,
    frame_rate,
    network_options,
)
from strongsort_ros.cli.refine import add_steps, chosen_steps
from strongsort_ros.cli.replay_job import ReplayWork, refined_beside, replay_warnings
from strongsort_ros.errors import InputError
from strongsort_ros.packages import require
from strongsort_ros.tracking.settings import TrackerSettings

if TYPE_CHECKING:
    from strongsort_ros.evaluation.report.model import Latency
    from strongsort_ros.evaluation.score_table import Table
    from strongsort_ros.evaluation.scores import EvaluatedTracks
    from strongsort_ros.online.config import NodeSettings, TrackerNodeConfig
    from strongsort_ros.replay.replay import ReplayFrames, ReplayResult
    from strongsort_ros.types import Image


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'replay',
        usage='%(prog)s BAG [BAG ...] -o OUT [--ground-truth GT.txt|DIR] [options]',
        help='track a bag of images and detections, without ROS',
        description='Track bags as the tracker node would, but offline and deterministically, as '
        'fast as possible. Writes the bag OUT with /tracks and /tracked_detections, and OUT.txt; '
        'with --aflink, --gsi or --smooth also OUT_refined and OUT_refined.txt.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'bags', type=Path, nargs='+', metavar='BAG', help='rosbag2, mcap or sqlite3'
    )
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='OUT',
        help='bag to write; for several bags a folder, in which each is named like its input',
    )  # fmt: skip
    for name in ('image', 'detections'):
        parser.add_argument(
            f'--{name}-topic', default='', metavar='TOPIC', help='default: the only one'
        )
    parser.add_argument(
        '--carry', action='store_true', help='copy all other topics of the bag to OUT'
    )
    parser.add_argument(
        '--csv', action='store_true', help='also write OUT.csv: a header, scores and classes'
    )
    scores = parser.add_argument_group('scores', 'Only the frames in the bag are scored.')
    scores.add_argument(
        '--ground-truth', type=Path, metavar='GT.txt|DIR',
        help='gt.txt, a sequence, or a folder of sequences named like the bags',
    )  # fmt: skip
    add_report_options(scores)
    add_batch_options(parser)
    _add_node_settings(parser)
    add_steps(parser)


def run(args: argparse.Namespace) -> int:
    """Track one bag, or several into a folder, and score them if --ground-truth is given."""
    steps = chosen_steps(args)
    settings = _node_settings(args)
    if steps.rts is not None:
        settings = settings.replace({'publish_tentative': True})
    work = ReplayWork(
        settings=settings,
        image_topic=args.image_topic,
        detections_topic=args.detections_topic,
        carry=args.carry,
        steps=steps or None,
        csv=args.csv,
    )
    one = len(args.bags) == 1
    planned = [Job(args.bags[0], args.output)] if one else plan(args.bags, args.output)
    jobs = {bag_name(job.source): job for job in planned}
    truths = _find_truths(args, jobs)
    status, replayed = 0, None
    if one:
        replayed = _replay(work, planned[0])
    else:
        status = run_many(planned, work, label='replay', n_jobs=args.jobs, backend=args.backend)
        jobs = {name: job for name, job in jobs.items() if job.output.exists()}
    if truths and jobs:
        _score_replays(args, work, jobs, truths, replayed)
    return status


def _add_node_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('tracker node', "Default: the node's default parameters.")
    group.add_argument(
        '--params-file', type=Path, metavar='FILE.yaml', help='ROS parameter file of the node'
    )
    group.add_argument(
        '--reid', metavar='WEIGHTS',
        help='ReID weights: .pth, .safetensors, .onnx or timm:NAME; none: track by motion only; '
        'default: colour histograms',
    )  # fmt: skip
    add_network(group)
    group.add_argument(
        '--ecc', action=argparse.BooleanOptionalAction, default=None,
        help='estimate camera motion from the images',
    )  # fmt: skip
    group.add_argument(
        '--frame-rate', type=frame_rate, metavar='HZ',
        help='nominal frame rate; default: estimated from the stamps',
    )  # fmt: skip
    add_settings(parser, TrackerSettings.preset('robust', network=True))


def _node_settings(args: argparse.Namespace) -> TrackerNodeConfig:
    """Return the settings of the tracker node.

    Raises
    ------
    InputError
        A preset or a switch is given with a parameter file.
    SettingError
        A value is out of its range.

    """
    from strongsort_ros.online.config import TrackerNodeConfig, load_parameter_file

    if args.params_file and any_switch(args):
        raise InputError('--params-file: sets all parameters; omit --preset and the switches')
    settings = load_parameter_file(args.params_file) if args.params_file else TrackerNodeConfig()
    if any_switch(args):
        tracker = chosen_settings(args, network=True)
        motion = 'none' if chosen_preset(args) == 'deepsort' else 'ecc'
        node = settings.node.replace(camera_motion=motion, preset=chosen_preset(args))
        settings = dataclasses.replace(settings, node=node, tracker=tracker)
    given = {'weights': args.reid, 'frame_rate': args.frame_rate}
    if args.ecc is not None:
        given['camera_motion'] = 'ecc' if args.ecc else 'none'
    values = {name: value for name, value in given.items() if value is not None}
    return settings.replace(values | network_options(args) | chosen_values(args, SETTINGS_DEST))


def _replay(work: ReplayWork, job: Job) -> ReplayResult:
    with step_progress('replay') as show:
        replayed, lines = work.replay(job, show)
    for line in lines:
        say(line)
    for line in replay_warnings(replayed):
        warn(line)
    return replayed


def _find_truths(args: argparse.Namespace, jobs: Mapping[str, Job]) -> dict[str, Path]:
    """Return bag -> gt.txt, each checked to be readable; empty without --ground-truth.

    Raises
    ------
    InputError
        A bag has no ground truth or it is not usable, or a report is wanted without it.
    MissingPackageError
        TrackEval is not installed.

    """
    from strongsort_ros.evaluation.sequences import find_ground_truth
    from strongsort_ros.files.motchallenge import load_ground_truth

    if args.ground_truth is None:
        if args.json or args.html:
            raise InputError(f'{"--json" if args.json else "--html"}: needs --ground-truth')
        return {}
    require('scoring', 'trackeval')
    truths = {n: find_ground_truth(args.ground_truth, n, job.source) for n, job in jobs.items()}
    for file in truths.values():
        load_ground_truth(file)  # to fail before the work, not after it
    return truths


def _score_replays(
    args: argparse.Namespace,
    work: ReplayWork,
    jobs: Mapping[str, Job],
    truths: Mapping[str, Path],
    replayed: ReplayResult | None,
) -> None:
    """Score replayed bags, print the scores, and write the report.

    The keys of `jobs` and `truths` are the names of bags. `replayed` is the result of the only
    bag, for its frames and latencies; None for several bags.
    """
    from strongsort_ros.evaluation.report.model import Report
    from strongsort_ros.files.motchallenge import text_beside
    from strongsort_ros.replay.replay import read_replay_frames

    rate = work.settings.node.frame_rate
    if replayed is not None:
        frames = dict.fromkeys(jobs, replayed.frames)
    else:  # replayed in other processes, or by an earlier command
        frames = {name: read_replay_frames(job.output, rate) for name, job in jobs.items()}
    before = _score({name: text_beside(job.output) for name, job in jobs.items()}, truths, frames)
    after = None
    if work.steps is not None:
        texts = {name: text_beside(refined_beside(job.output)) for name, job in jobs.items()}
        after = _score(texts, truths, frames)
    total = count(sum(len(f.numbers) for f in frames.values()), 'frame')
    report = Report(
        title=f'strongsort_ros on {", ".join(jobs)}',
        about=f'{total}, replayed offline. {_tracker_of(work.settings.node)}',
        before=before,
        after=after,
        image=_images(work, jobs, frames),
        latencies=[] if replayed is None else _latencies(replayed),
        tables=[] if replayed is None else [_message_table(replayed)],
        files=[(job.output.name, f'tracks of {job.source.name}') for job in jobs.values()],
    )
    write_report(args, report)


def _tracker_of(node: NodeSettings) -> str:
    name = Path(node.weights).name
    appearance = {'': 'colour histograms', 'none': 'motion only'}.get(name, name)
    return f'Preset {node.preset}, appearance: {appearance}, camera motion: {node.camera_motion}.'


def _latencies(replayed: ReplayResult) -> list[Latency]:
    """Return the latency of every stage that took any time."""
    from strongsort_ros.evaluation.report.model import Latency

    stages = replayed.seconds.items()
    return [Latency.of(stage.replace('_', ' '), spent) for stage, spent in stages if spent.any()]


def _message_table(replayed: ReplayResult) -> Table:
    """Return the counts of messages paired, dropped and rejected."""
    from strongsort_ros.evaluation.score_table import Table

    counts = {**replayed.counts, **replayed.rejected}
    rows = [(name.replace('_', ' '), str(number)) for name, number in counts.items()]
    return Table('messages', ('what', 'count'), rows)


def _score(
    texts: Mapping[str, Path], truths: Mapping[str, Path], frames: Mapping[str, ReplayFrames]
) -> EvaluatedTracks:
    from strongsort_ros.evaluation.scores import EvaluatedTracks, score
    from strongsort_ros.evaluation.sequences import load_recording

    sequences = [
        load_recording(name, frames[name].numbers, truths[name], text)
        for name, text in texts.items()
    ]
    return EvaluatedTracks(sequences, score(sequences, progress('score')))


def _images(
    work: ReplayWork, jobs: Mapping[str, Job], frames: Mapping[str, ReplayFrames]
) -> Callable[[str, int], Image | None]:
    """Return a function that reads the image of a frame of a bag."""
    from strongsort_ros.bags.camera import bag_images, find_camera_topics
    from strongsort_ros.bags.reader import open_bag

    read = {}
    for name, job in jobs.items():
        with open_bag(job.source) as bag:
            topics = find_camera_topics(bag, work.image_topic, work.detections_topic)
        read[name] = bag_images(job.source, topics, frames[name].stamp_of())
    return lambda name, frame: read[name](frame)
