"""`strongsort tune`: search settings of the tracker on recordings with ground truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from strongsort_ros.cli.console import say, step_progress, warn
from strongsort_ros.cli.options import output_path, positive_int
from strongsort_ros.cli.recordings import add_jobs, add_sequences, load, print_lines
from strongsort_ros.packages import require


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'tune',
        help='search the settings that score best on your recordings',
        description='Search settings of the tracker on sequences with ground truth, with Optuna. '
        'With several sequences it also tunes without each of them and scores the one left out, '
        'so that the gain on new recordings is known. An interrupted search goes on where it '
        'stopped.',
    )
    parser.set_defaults(run=run)
    add_sequences(parser)
    parser.add_argument(
        '-o', '--output', type=output_path, required=True, metavar='OUT.yaml',
        help='parameter file to write; trials are kept in OUT.yaml.journal',
    )  # fmt: skip
    parser.add_argument('--preset', choices=('robust', 'strongsort', 'deepsort'), default='robust')
    parser.add_argument(
        '--parameters', default='', metavar='NAME,NAME',
        help='settings to tune; default: min_confidence, max_cosine_distance, max_iou_distance, '
        'max_lost_time, iou_weight, n_init',
    )  # fmt: skip
    parser.add_argument(
        '--objective', choices=('hota', 'idf1', 'mota'), default='hota', help='default: hota'
    )
    parser.add_argument(
        '--trials', type=positive_int, default=100, metavar='N', help='of each study; default: 100'
    )
    parser.add_argument('--seed', type=int, default=0)
    add_jobs(parser)


def run(args: argparse.Namespace) -> None:
    """Search, print the tables, and write the parameter file."""
    from strongsort_ros.experiments.tuning import (
        TuningSettings,
        check_parameters,
        parameter_file,
        scores_table,
        studies,
        tune,
        values_table,
    )
    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.tracking.settings import TrackerSettings

    require('scoring', 'trackeval')
    require('tuning', 'optuna')
    default = 'min_confidence,max_cosine_distance,max_iou_distance,max_lost_time,iou_weight,n_init'
    names = [name.strip() for name in (args.parameters or default).split(',')]
    check_parameters(names)
    recordings = load(args)
    base = TrackerSettings.preset(args.preset)
    computed = [one.max_cosine_distance for one in recordings if one.max_cosine_distance]
    if computed and args.preset == 'robust':  # the value of 'auto' for these embeddings
        base = base.replace(max_cosine_distance=computed[0])
    if len(recordings) == 1:
        warn('one sequence: there is none left to show what tuning gains on new recordings')
    journal = Path(f'{args.output}.journal')
    search = TuningSettings(names, args.objective, args.trials, args.seed, journal)
    number = list(studies(recordings))
    with step_progress('tune') as share:
        tuned = tune(
            recordings, base, search, args.jobs,
            lambda study, done: share(
                study, (number.index(study) + done / args.trials) / len(number)
            ),
        )  # fmt: skip
    print_lines(values_table(tuned, base).lines())
    print_lines(['', *scores_table(tuned, args.objective).lines()])
    with replacing(args.output) as part:
        part.write_text(parameter_file(tuned, base, args.preset), encoding='utf-8')
    say(f'parameters: {args.output}; trials: {journal}')
