"""`strongsort evaluate`: tracks against the truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import progress, say, warn
from strongsort_ros.cli.files import writable
from strongsort_ros.cli.scores import save_scores, show_scores

if TYPE_CHECKING:
    from strongsort_ros.evaluation.scores import EvaluatedTracks, ScoredSequence


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'evaluate',
        help='tracks and ground truth -> scores',
        description='Score tracks with TrackEval: HOTA, CLEAR and identity.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        '--ground-truth', type=Path, required=True, metavar='GT.txt|DIR',
        help="a gt.txt, a sequence's folder, or a folder of such folders",
    )  # fmt: skip
    parser.add_argument(
        '--results', type=Path, required=True, metavar='OUT.txt|DIR',
        help='a file of tracks, or a folder of them named as the sequences',
    )  # fmt: skip
    parser.add_argument(
        '--refined', type=Path, metavar='OUT.txt|DIR',
        help='the same after refinement, scored beside them',
    )  # fmt: skip
    parser.add_argument(
        '--second-half', action='store_true',
        help='only the published validation half: frames from seqLength // 2 + 2',
    )  # fmt: skip
    parser.add_argument('--frames', type=_frames, metavar='FIRST-LAST', help='only these frames')
    parser.add_argument('--json', type=writable, metavar='FILE', help='write all scores')
    parser.add_argument('--html', type=writable, metavar='FILE', help='write a report to look at')


def run(args: argparse.Namespace) -> None:
    """Score, print a table, and write what was asked for."""
    from strongsort_ros.evaluation.images import folder_images
    from strongsort_ros.evaluation.report.model import Report, save_report
    from strongsort_ros.evaluation.scores import check_scoring
    from strongsort_ros.evaluation.sequences import (
        load_refined_sequences,
        load_sequences,
        missing_results,
    )

    check_scoring()
    part = {'second_half': args.second_half, 'frames': args.frames}
    pairs = load_sequences(args.ground_truth, args.results, **part)
    refined = []
    if args.refined:
        refined = load_refined_sequences(pairs, args.ground_truth, args.refined, **part)
    for pair in pairs:
        classes = sorted(set(pair.tracks.class_ids.tolist()))
        if len(classes) > 1:
            warn(f'{pair.name}: tracks of {", ".join(classes)} are all scored as persons')
        if line := missing_results(pair):
            warn(line)
    before = _score(pairs, args.results)
    after = _score(refined, args.refined) if refined else None
    assert before.scores is not None
    show_scores(before.scores, after.scores if after else None)
    scored = {sequence.name for sequence in before.sequences}
    there = {path.parent.parent.name for path in args.ground_truth.glob('*/gt/gt.txt')}
    if there - scored:
        warn(f'not scored, without results: {", ".join(sorted(there - scored))}')
    if args.json:
        save_scores(args.json, before.scores, after.scores if after else None)
    if args.html:
        paths = (args.results, args.refined, args.ground_truth)
        *results, truth = (path.resolve().name for path in paths if path)
        about = f'{" and ".join(results)} against {truth}'
        image = folder_images(args.ground_truth)
        save_report(args.html, Report('Tracking scores', about, before, after, image))
        say(f'report: {args.html}')


def _score(sequences: list[ScoredSequence], results: Path) -> EvaluatedTracks:
    from strongsort_ros.evaluation.scores import EvaluatedTracks, score

    return EvaluatedTracks(sequences, score(sequences, progress(f'evaluate {results.name}')))


def _frames(text: str) -> range:
    first, separator, last = text.partition('-')
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f'{text!r} is not FIRST-LAST, as 264-525')
    return range(int(first), int(last) + 1)
