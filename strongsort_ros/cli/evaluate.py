"""`strongsort evaluate`: tracks against the truth."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import progress, say, warn

if TYPE_CHECKING:
    from strongsort_ros.evaluation.report import Recorded
    from strongsort_ros.evaluation.scores import Evaluation


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
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all scores')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a report to look at')


def run(args: argparse.Namespace) -> None:
    """Score, print a table, and write what was asked for."""
    from strongsort_ros.evaluation.evaluate import find_images
    from strongsort_ros.evaluation.report import Report, save_report
    from strongsort_ros.recording.atomic import replacing

    before = _score(args, args.results)
    after = _score(args, args.refined) if args.refined else None
    evaluations = [side.scores for side in (before, after) if side and side.scores]
    for number, evaluation in enumerate(evaluations):
        _show(evaluation, ('before refinement', 'after refinement')[number] if after else None)
    scored = {sequence.name for sequence in before.sequences}
    there = {path.parent.parent.name for path in args.ground_truth.glob('*/gt/gt.txt')}
    if there - scored:
        warn(f'not scored, without results: {", ".join(sorted(there - scored))}')
    if args.json:
        both = [dataclasses.asdict(evaluation) for evaluation in evaluations]
        with replacing(args.json) as written:
            text = json.dumps({**both[0], 'refined': both[1]} if after else both[0], indent=1)
            written.write_text(f'{text}\n', encoding='utf-8')
        say(f'scores: {args.json}')
    if args.html:
        results = ' and '.join(path.name for path in (args.results, args.refined) if path)
        about = f'{results} against {args.ground_truth.name}'
        image = find_images(args.ground_truth)
        save_report(args.html, Report('Tracking scores', about, before, after, image))
        say(f'report: {args.html}')


def _score(args: argparse.Namespace, results: Path) -> Recorded:
    from strongsort_ros.evaluation.evaluate import load_pairs
    from strongsort_ros.evaluation.report import Recorded
    from strongsort_ros.evaluation.scores import score

    pairs = load_pairs(args.ground_truth, results, second_half=args.second_half)
    return Recorded(pairs, score(pairs, progress(f'evaluate {results.name}')))


def _show(evaluation: Evaluation, title: str | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    table.add_column('sequence')
    for name in ('HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW'):
        table.add_column(name, justify='right')
    for scores in (*evaluation.sequences, evaluation.combined):
        if scores is evaluation.combined:
            table.add_section()
        shares = (scores.hota, scores.assa, scores.deta, scores.idf1, scores.mota)
        table.add_row(scores.name, *(f'{share:.2f}' for share in shares), str(scores.idsw))
    Console(markup=False, highlight=False).print(table)
