"""Scores as a table on the terminal and as a file, before and after refinement."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from strongsort_ros.cli.console import progress, results, say
from strongsort_ros.cli.files import writable
from strongsort_ros.cli.replay_job import ReplayWork, refined_beside

if TYPE_CHECKING:
    from strongsort_ros.evaluation.scores import Evaluation


def show_scores(before: Evaluation, after: Evaluation | None) -> None:
    """Print the scores that papers report, before and after refinement."""
    from strongsort_ros.evaluation.score_table import score_table

    for line in score_table(before, after).lines():
        results().write(f'{line.rstrip()}\n')


def save_scores(path: Path, before: Evaluation, after: Evaluation | None) -> None:
    """Write all scores as JSON, and say where."""
    from strongsort_ros.evaluation import scores

    scores.save_scores(path, before, after)
    say(f'scores: {path}')


if TYPE_CHECKING:
    from strongsort_ros.cli.batch import Job
    from strongsort_ros.evaluation.report.model import Latency
    from strongsort_ros.evaluation.score_table import Table
    from strongsort_ros.evaluation.scores import EvaluatedTracks
    from strongsort_ros.replay.replay import AnsweredFrames, ReplayResult
    from strongsort_ros.types import Image


def add_score_options(parser: argparse.ArgumentParser) -> None:
    """Add the ground truth and what is made with it."""
    group = parser.add_argument_group('scores', 'Of the frames that the bag has:')
    group.add_argument(
        '--ground-truth', type=Path, metavar='GT.txt|DIR',
        help="a gt.txt, a sequence's folder, or a folder of such folders, named as the bags",
    )  # fmt: skip
    group.add_argument('--json', type=writable, metavar='FILE', help='write all scores')
    group.add_argument('--html', type=writable, metavar='FILE', help='write a report to look at')


def find_truths(args: argparse.Namespace, jobs: Mapping[str, Job]) -> dict[str, Path]:
    """Return bag -> file of ground truth, all of them readable; none without --ground-truth.

    Raises
    ------
    InputError
        A bag has no ground truth, it cannot be used, or scores are wanted without.
    MissingPackageError
        TrackEval is not installed.

    """
    from strongsort_ros.errors import InputError
    from strongsort_ros.evaluation.scores import check_scoring
    from strongsort_ros.evaluation.sequences import find_ground_truth
    from strongsort_ros.files.motchallenge import load_ground_truth

    if args.ground_truth is None:
        if args.json or args.html:
            raise InputError(f'{"--json" if args.json else "--html"}: needs --ground-truth')
        return {}
    check_scoring()
    truths = {n: find_ground_truth(args.ground_truth, n, job.source) for n, job in jobs.items()}
    for file in truths.values():
        load_ground_truth(file)  # what is wrong with it is said before, not after the work
    return truths


def score_replays(
    args: argparse.Namespace,
    work: ReplayWork,
    jobs: Mapping[str, Job],
    truths: Mapping[str, Path],
    replayed: ReplayResult | None,
) -> None:
    """Score bags that are replayed, print a table, and write what was asked for.

    Parameters
    ----------
    args
        Options.
    work
        What was done.
    jobs
        Bag -> its files.
    truths
        Bag -> file of ground truth.
    replayed
        Of the only bag, where it was replayed now: for the times that it took.

    """
    from strongsort_ros.evaluation.report.model import Report, save_report
    from strongsort_ros.files.motchallenge import text_beside
    from strongsort_ros.replay.replay import answered_frames

    rate = work.settings.node.frame_rate
    frames = {name: answered_frames(job.output, rate) for name, job in jobs.items()}
    before = _score({name: text_beside(job.output) for name, job in jobs.items()}, truths, frames)
    assert before.scores is not None
    after = None
    if work.steps is not None:
        texts = {name: text_beside(refined_beside(job.output)) for name, job in jobs.items()}
        after = _score(texts, truths, frames)
    show_scores(before.scores, after.scores if after else None)
    if args.json:
        save_scores(args.json, before.scores, after.scores if after else None)
    if args.html:
        report = Report(
            title=f'strongsort_ros on {", ".join(jobs)}',
            about=f'{sum(len(f.frames) for f in frames.values())} frames of recordings, in step',
            before=before,
            after=after,
            image=_images(work, jobs, frames),
            latencies=[] if replayed is None else latencies(replayed),
            tables=[] if replayed is None else [message_table(replayed)],
            files=[(job.output.name, f'tracked {job.source.name}') for job in jobs.values()],
        )
        save_report(args.html, report)
        say(f'report: {args.html}')


def latencies(replayed: ReplayResult) -> list[Latency]:
    """Return how long the stages took, those that there were."""
    from strongsort_ros.evaluation.report.model import Latency

    stages = replayed.seconds.items()
    return [Latency.of(stage.replace('_', ' '), spent) for stage, spent in stages if spent.any()]


def message_table(replayed: ReplayResult) -> Table:
    """Return what became of the messages."""
    from strongsort_ros.evaluation.score_table import Table

    counts = {**replayed.counts, **replayed.rejected}
    rows = [(name.replace('_', ' '), str(count)) for name, count in counts.items()]
    return Table('messages', ('what', 'count'), rows)


def _score(
    texts: Mapping[str, Path], truths: Mapping[str, Path], frames: Mapping[str, AnsweredFrames]
) -> EvaluatedTracks:
    from strongsort_ros.evaluation.scores import EvaluatedTracks, score
    from strongsort_ros.evaluation.sequences import load_recording

    sequences = [
        load_recording(name, frames[name].frames, truths[name], text)
        for name, text in texts.items()
    ]
    return EvaluatedTracks(sequences, score(sequences, progress('score')))


def _images(
    work: ReplayWork, jobs: Mapping[str, Job], frames: Mapping[str, AnsweredFrames]
) -> Callable[[str, int], Image | None]:
    from strongsort_ros.bags.camera import find_camera_topics
    from strongsort_ros.bags.reader import open_bag
    from strongsort_ros.evaluation.images import bag_images

    read = {}
    for name, job in jobs.items():
        with open_bag(job.source) as bag:
            topics = find_camera_topics(bag, work.image_topic, work.detections_topic)
        read[name] = bag_images(job.source, topics, frames[name].stamp_of())
    return lambda name, frame: read[name](frame)
