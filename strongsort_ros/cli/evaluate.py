"""`strongsort evaluate`: score tracks against ground truth, and write the report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import progress, results, say, warn
from strongsort_ros.cli.options import output_path
from strongsort_ros.packages import require

if TYPE_CHECKING:
    from strongsort_ros.evaluation.report.model import Report
    from strongsort_ros.evaluation.scores import EvaluatedTracks, ScoredSequence


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'evaluate',
        help='score tracks against ground truth',
        description='Score tracks with TrackEval: HOTA, AssA, DetA, IDF1, MOTA and identity '
        'switches (IDSW), for each sequence and combined.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        '--ground-truth', type=Path, required=True, metavar='GT.txt|DIR',
        help='gt.txt, a sequence, or a folder of sequences',
    )  # fmt: skip
    parser.add_argument(
        '--results', type=Path, required=True, metavar='TRACKS|DIR',
        help='.txt or .csv of tracks, or a folder of them, named like the sequences',
    )  # fmt: skip
    parser.add_argument(
        '--refined', type=Path, metavar='TRACKS|DIR', help='refined tracks, scored for comparison'
    )
    parser.add_argument(
        '--second-half', action='store_true',
        help='score only the published validation half: frames from seqLength // 2 + 2',
    )  # fmt: skip
    parser.add_argument(
        '--frames', type=_frames, metavar='FIRST-LAST', help='score only these frames'
    )
    add_report_options(parser)


def add_report_options(group: Any) -> None:
    """Add --json and --html."""
    group.add_argument('--json', type=output_path, metavar='FILE', help='write all scores')
    group.add_argument(
        '--html', type=output_path, metavar='FILE',
        help='write a report: scores, timelines, pictures of identity switches',
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Score, print the table, and write the report."""
    from strongsort_ros.evaluation.report.model import Report
    from strongsort_ros.evaluation.sequences import (
        folder_images,
        load_sequences,
        missing_results,
        unscored,
    )

    require('scoring', 'trackeval')
    part = {'second_half': args.second_half, 'frames': args.frames}
    pairs = load_sequences(args.ground_truth, args.results, **part)
    refined = []
    if args.refined:
        refined = load_sequences(args.ground_truth, args.refined, **part, before=pairs)
    for pair in pairs:
        classes = sorted(set(pair.tracks.class_ids.tolist()))
        if len(classes) > 1:
            warn(f'{pair.name}: all classes are scored as pedestrians: {", ".join(classes)}')
        if line := missing_results(pair):
            warn(line)
    before = _score(pairs, args.results)
    after = _score(refined, args.refined) if refined else None
    paths = (args.results, args.refined, args.ground_truth)
    *names, truth = (path.resolve().name for path in paths if path)
    about = f'{" and ".join(names)} against {truth}'
    images = folder_images(args.ground_truth)
    write_report(args, Report('Tracking scores', about, before, after, images))
    for line in unscored(args.ground_truth, args.results):
        warn(line)


def write_report(args: argparse.Namespace, report: Report) -> None:
    """Print the scores of a report, and write the files of --json and --html."""
    from strongsort_ros.evaluation.report.model import save_report
    from strongsort_ros.evaluation.score_table import score_table
    from strongsort_ros.evaluation.scores import save_scores

    assert report.before is not None
    assert report.before.scores is not None
    scores = report.before.scores, report.after.scores if report.after else None
    for line in score_table(*scores).lines():
        results().write(f'{line.rstrip()}\n')
    if args.json:
        save_scores(args.json, *scores)
        say(f'scores: {args.json}')
    if args.html:
        save_report(args.html, report)
        say(f'report: {args.html}')


def _score(sequences: list[ScoredSequence], results: Path) -> EvaluatedTracks:
    from strongsort_ros.evaluation.scores import EvaluatedTracks, score

    return EvaluatedTracks(sequences, score(sequences, progress(f'evaluate {results.name}')))


def _frames(text: str) -> range:
    first, separator, last = text.partition('-')
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f'{text!r} is not FIRST-LAST, such as 264-525')
    return range(int(first), int(last) + 1)
