"""Options and loading of the recordings of `ablate`, `tune` and `compare`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from strongsort_ros.cli.console import progress, results
from strongsort_ros.cli.options import positive_int

if TYPE_CHECKING:
    from strongsort_ros.experiments.recordings import Recording


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


def print_lines(lines: Sequence[str]) -> None:
    """Print a table."""
    for line in lines:
        results().write(f'{line.rstrip()}\n')
