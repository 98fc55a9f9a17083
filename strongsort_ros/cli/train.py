"""`strongsort train aflink`: ground truth of sequences in, a checkpoint of AFLink out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from strongsort_ros.cli.console import progress, say

# As in AflinkTrainingSettings, which is not loaded for --help.
_EPOCHS = 20


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'train', help='ground truth -> weights', description='Train a network of the project.'
    )
    networks = parser.add_subparsers(title='networks', metavar='NETWORK', required=True)
    aflink = networks.add_parser(
        'aflink',
        help='links broken tracks',
        description='Train AFLink on MOTChallenge sequences: a minute on a CPU for MOT17.',
    )
    aflink.set_defaults(run=run)
    aflink.add_argument(
        'sequences', type=Path, nargs='+', metavar='SEQUENCE_DIR', help='folder with gt/gt.txt'
    )
    aflink.add_argument('-o', '--output', type=Path, required=True, metavar='OUT.safetensors')
    aflink.add_argument(
        '--first-half', action='store_true',
        help='learn from the published training half, or from gt/gt_train_half.txt, only',
    )  # fmt: skip
    aflink.add_argument(
        '--validate', type=Path, nargs='+', default=[], metavar='SEQUENCE_DIR',
        help='say how many pairs of these are told right; with --first-half: of their second',
    )  # fmt: skip
    aflink.add_argument('--epochs', type=int, default=_EPOCHS, help='default: %(default)s')
    aflink.add_argument('--seed', type=int, default=0, help='default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Train, say how good it is where that is asked for, and write the checkpoint."""
    from strongsort_ros.recording.errors import InputError
    from strongsort_ros.refinement.aflink_published import PublishedLinker
    from strongsort_ros.refinement.aflink_samples import load_sequences
    from strongsort_ros.refinement.aflink_training import (
        AflinkTrainingSettings,
        pair_accuracy,
        save_linker,
        train,
    )

    if args.output.suffix != '.safetensors':
        raise InputError(f'--output: {args.output} does not end in .safetensors')
    try:
        settings = AflinkTrainingSettings(epochs=args.epochs, seed=args.seed)
    except ValueError as error:
        raise InputError(f'--{error}') from error
    first, second = ('first', 'second') if args.first_half else ('', '')
    tracks = load_sequences(args.sequences, first)
    validation = load_sequences(args.validate, second) if args.validate else []
    network = train(tracks, settings, progress('train'))
    save_linker(args.output, network)
    say(f'{len(tracks)} tracks, {settings.epochs} epochs: {args.output}')
    if validation:
        right = pair_accuracy(PublishedLinker(network), validation)
        say(f'{right:.2%} of the validation pairs are told right')
