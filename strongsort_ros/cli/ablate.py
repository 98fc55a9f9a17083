"""`strongsort ablate`: what each rule of the trackers is worth on given sequences."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import count, progress, progress_over, results, say
from strongsort_ros.cli.options import output_path, positive_int
from strongsort_ros.packages import require

if TYPE_CHECKING:
    from strongsort_ros.experiments.recordings import Recording


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


def add_sequences(parser: argparse.ArgumentParser) -> None:
    """Add the sequences and where their detections, embeddings and camera motion come from."""
    parser.add_argument(
        'sequences', type=Path, nargs='+', metavar='SEQUENCE',
        help='MOTChallenge folder with gt/gt.txt, det/ and, for embeddings, images',
    )  # fmt: skip
    parser.add_argument(
        '--detections', default='', metavar='NAME', help='file in det/; default: det.txt'
    )
    parser.add_argument(
        '--features', type=Path, metavar='DIR',
        help="DeepSORT's .npy files with detections and embeddings, named like the sequences",
    )  # fmt: skip
    parser.add_argument('--reid', default='', metavar='WEIGHTS', help='ReID weights')
    parser.add_argument(
        '--ecc', type=Path, metavar='FILE.json',
        help='camera motion {sequence: {frame: 3x3}}; default: estimated from the images',
    )  # fmt: skip
    parser.add_argument(
        '--second-half', action='store_true', help='only frames from seqLength // 2 + 2'
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add the number of processes."""
    parser.add_argument(
        '--jobs', type=positive_int, default=1, metavar='N', help='processes; default: 1'
    )


def load(args: argparse.Namespace) -> list[Recording]:
    """Load the sequences, with progress."""
    from strongsort_ros.errors import InputError
    from strongsort_ros.experiments.recordings import RecordingSource, load_recording

    source = RecordingSource(
        detections=args.detections, features=args.features, motion=args.ecc, reid=args.reid,
        second_half=args.second_half,
    )  # fmt: skip
    loaded = [load_recording(path, source, progress(path.name)) for path in args.sequences]
    names = [recording.name for recording in loaded]
    if len(set(names)) < len(names):
        raise InputError(f'{max(names, key=names.count)}: given twice')
    return loaded


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


def print_lines(lines: Sequence[str]) -> None:
    """Print a table."""
    for line in lines:
        results().write(f'{line.rstrip()}\n')
