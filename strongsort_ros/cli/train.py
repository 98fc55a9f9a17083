"""`strongsort train aflink`: ground truth of sequences in, a checkpoint of AFLink out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypeVar

from strongsort_ros.cli.console import progress, say
from strongsort_ros.cli.files import writable
from strongsort_ros.settings import Settings

_Table = TypeVar('_Table', bound=Settings)

# As in the recipes' settings, which are not loaded for --help.
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
    aflink.add_argument('-o', '--output', type=writable, required=True, metavar='OUT.safetensors')
    aflink.add_argument(
        '--first-half', action='store_true',
        help='learn from the published training half, or from gt/gt_train_half.txt, only',
    )  # fmt: skip
    aflink.add_argument(
        '--validate', type=Path, nargs='+', default=[], metavar='SEQUENCE_DIR',
        help='say how many pairs of these are told right; with --first-half: of their second',
    )  # fmt: skip
    aflink.add_argument(
        '--recipe', choices=('motion', 'published'), default='motion',
        help='network to train: how objects move, over long gaps (the default), or the published',
    )  # fmt: skip
    aflink.add_argument('--epochs', type=int, default=_EPOCHS, help='default: %(default)s')
    aflink.add_argument('--seed', type=int, default=0, help='default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Train, say how good it is where that is asked for, and write the checkpoint."""
    from strongsort_ros.errors import InputError

    if args.output.suffix != '.safetensors':
        raise InputError(f'--output: {args.output} does not end in .safetensors')
    train = _train_motion if args.recipe == 'motion' else _train_published
    right = train(args, *(('first', 'second') if args.first_half else ('', '')))
    if right is not None:
        say(f'{right:.2%} of the validation pairs are told right')


def _train_motion(args: argparse.Namespace, half: str, other: str) -> float | None:
    """Train on one half, and return the share that is told right of the other."""
    from strongsort_ros.refinement.aflink.motion_training import (
        MotionTrainingSettings,
        motion_accuracy,
        train_motion,
    )
    from strongsort_ros.refinement.aflink.published_training import load_pedestrians, save_weights

    settings = _settings(MotionTrainingSettings, args)
    truths = [load_pedestrians(folder, half) for folder in args.sequences]
    validation = [load_pedestrians(folder, other) for folder in args.validate]
    network = train_motion(truths, settings, progress('train'))
    save_weights(args.output, network)
    people = sum(len(set(truth.ids.tolist())) for truth in truths)
    say(f'{people} people, {settings.epochs} epochs: {args.output}')
    return motion_accuracy(network, validation) if validation else None


def _train_published(args: argparse.Namespace, half: str, other: str) -> float | None:
    from strongsort_ros.refinement.aflink.published import PublishedLinker
    from strongsort_ros.refinement.aflink.published_training import (
        AflinkTrainingSettings,
        load_training_tracks,
        pair_accuracy,
        save_weights,
        train_published,
    )

    settings = _settings(AflinkTrainingSettings, args)
    tracks = load_training_tracks(args.sequences, half)
    validation = load_training_tracks(args.validate, other) if args.validate else []
    network = train_published(tracks, settings, progress('train'))
    save_weights(args.output, network)
    say(f'{len(tracks)} tracks, {settings.epochs} epochs: {args.output}')
    return pair_accuracy(PublishedLinker(network), validation) if validation else None


def _settings(table: type[_Table], args: argparse.Namespace) -> _Table:
    from strongsort_ros.errors import InputError, SettingError

    try:
        return table().replace(epochs=args.epochs, seed=args.seed)
    except SettingError as error:
        raise InputError(f'--{error}') from error
