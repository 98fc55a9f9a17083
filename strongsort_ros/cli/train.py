"""`strongsort train`: train an AFLink network on ground truth, or a ReID network (`train_reid`)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from strongsort_ros.cli import train_reid
from strongsort_ros.cli.console import count, progress, say
from strongsort_ros.cli.options import output_path, positive_int
from strongsort_ros.errors import InputError

# The default of both recipes, whose modules import PyTorch and are not loaded for --help.
_EPOCHS: Final = 20


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'train',
        help='train AFLink or a ReID network',
        description='Train a network of strongsort_ros.',
    )
    networks = parser.add_subparsers(title='networks', metavar='NETWORK', required=True)
    train_reid.add_parser(networks)
    aflink = networks.add_parser(
        'aflink',
        help='network that links broken tracks',
        description='Train AFLink on the ground truth of MOTChallenge sequences. On one CPU '
        'thread, MOT17 takes seconds, with the published recipe half a minute.',
    )
    aflink.set_defaults(run=run)
    aflink.add_argument(
        'sequences', type=Path, nargs='+', metavar='SEQUENCE', help='folder with gt/gt.txt'
    )
    aflink.add_argument(
        '-o', '--output', type=output_path, required=True, metavar='OUT.safetensors'
    )
    aflink.add_argument(
        '--first-half', action='store_true',
        help='train on the published training half only, or on gt/gt_train_half.txt',
    )  # fmt: skip
    aflink.add_argument(
        '--validate', type=Path, nargs='+', default=[], metavar='SEQUENCE',
        help='print the accuracy on pairs of these sequences; with --first-half on their second '
        'half',
    )  # fmt: skip
    aflink.add_argument(
        '--recipe', choices=('motion', 'published'), default='motion',
        help='motion: small network for long gaps (default); published: the network and training '
        'of the paper',
    )  # fmt: skip
    aflink.add_argument('--epochs', type=positive_int, default=_EPOCHS, help='default: %(default)s')
    aflink.add_argument('--seed', type=int, default=0, help='default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Train, write the checkpoint, and print the validation accuracy if wanted."""
    if args.output.suffix != '.safetensors':
        raise InputError(f'--output: {args.output} does not end in .safetensors')
    train = _train_motion if args.recipe == 'motion' else _train_published
    tracks, accuracy = train(args, *(('first', 'second') if args.first_half else ('', '')))
    say(f'{count(tracks, "track")}, {count(args.epochs, "epoch")}: {args.output}')
    if accuracy is not None:
        say(f'validation accuracy: {accuracy:.2%} of the pairs')


def _train_motion(args: argparse.Namespace, half: str, other: str) -> tuple[int, float | None]:
    """Train on one half; return the number of tracks, and the accuracy on the other if wanted."""
    from strongsort_ros.refinement.aflink.motion_training import (
        MotionTrainingSettings,
        motion_accuracy,
        train_motion,
    )
    from strongsort_ros.refinement.aflink.published_training import load_pedestrians, save_weights

    settings = MotionTrainingSettings(epochs=args.epochs, seed=args.seed)
    truths = [load_pedestrians(folder, half) for folder in args.sequences]
    validation = [load_pedestrians(folder, other) for folder in args.validate]
    network = train_motion(truths, settings, progress('train'))
    save_weights(args.output, network)
    people = sum(len(set(truth.ids.tolist())) for truth in truths)
    return people, motion_accuracy(network, validation) if validation else None


def _train_published(args: argparse.Namespace, half: str, other: str) -> tuple[int, float | None]:
    from strongsort_ros.refinement.aflink.published import PublishedLinker
    from strongsort_ros.refinement.aflink.published_training import (
        AflinkTrainingSettings,
        load_training_tracks,
        pair_accuracy,
        save_weights,
        train_published,
    )

    settings = AflinkTrainingSettings(epochs=args.epochs, seed=args.seed)
    tracks = load_training_tracks(args.sequences, half)
    validation = load_training_tracks(args.validate, other) if args.validate else []
    network = train_published(tracks, settings, progress('train'))
    save_weights(args.output, network)
    linker = PublishedLinker(network)
    return len(tracks), pair_accuracy(linker, validation) if validation else None
