"""`strongsort ablate`: what each rule of the trackers is worth on given sequences."""

from __future__ import annotations

import argparse
from typing import Any

from strongsort_ros.cli.console import count, progress_over, say
from strongsort_ros.cli.options import output_path
from strongsort_ros.cli.recordings import add_jobs, add_sequences, load, print_lines
from strongsort_ros.packages import require


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'ablate',
        help='score the steps from DeepSORT to StrongSORT++, and the default without each rule',
        description='Track sequences with DeepSORT, with each of the steps to StrongSORT++, with '
        'the default, and with each of its rules away: HOTA, IDF1, MOTA, identity switches, and '
        'frames per second of association in one process.',
    )
    parser.set_defaults(run=run)
    add_sequences(parser)
    parser.add_argument(
        '--part', choices=('paper', 'robust'), help='only one part of the table; default: both'
    )
    parser.add_argument('--csv', type=output_path, metavar='FILE', help='write all scores')
    parser.add_argument(
        '--picture', type=output_path, metavar='FILE.svg|png', help='draw HOTA and IDF1'
    )
    add_jobs(parser)


def run(args: argparse.Namespace) -> None:
    """Track and score all variants, and print the table."""
    from strongsort_ros.experiments.ablation import (
        ablate,
        default_variants,
        paper_variants,
        save_csv,
        save_picture,
        table,
    )

    require('scoring', 'trackeval')
    recordings = load(args)
    variants = [*paper_variants(), *default_variants()]
    variants = [one for one in variants if args.part in (None, one.part)]
    running = ablate(recordings, variants, args.jobs)
    done = list(progress_over('ablate', running, len(variants)))
    print_lines(table(done).lines())
    if args.csv:
        save_csv(args.csv, done)
        say(f'scores: {args.csv}')
    if args.picture:
        save_picture(args.picture, done)
        say(f'picture: {args.picture}')
    say(f'{count(len(variants), "variant")} on {count(len(recordings), "sequence")}')
