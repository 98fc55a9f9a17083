"""`strongsort train reid`: train a ReID network on crops of people."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_network, network_options, output_path, positive_int
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.reid.training.data import Dataset
    from strongsort_ros.reid.training.metrics import RetrievalScores
    from strongsort_ros.reid.training.trainer import Trainer

# Names and defaults of modules that import PyTorch and are not loaded for --help.
_NETWORKS: Final = (
    'osnet_x0_25', 'osnet_x0_5', 'osnet_x0_75', 'osnet_x1_0', 'bot_resnet50', 'bot_resnest50',
)  # fmt: skip
_LOSSES: Final = ('bag-of-tricks', 'cosine-softmax')
_RECIPE: Final = ('loss', 'epochs', 'people', 'each', 'learning_rate', 'seed')
_CROPS: Final = ('min_visibility', 'min_height', 'max_crops', 'held_out', 'gap')
_INTERRUPTED: Final = 130


def add_parser(networks: Any) -> None:
    """Add the command to those of `strongsort train`."""
    parser = networks.add_parser(
        'reid',
        help='network for appearance embeddings of people',
        description='Train a ReID network and score it on people that it was not trained on. '
        'Writes OUT.safetensors and OUT.onnx. After each epoch the state is saved in '
        'OUT.checkpoint: an interrupted training goes on with --resume.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'data', type=Path, nargs='+', metavar='DATA',
        help='a folder in the form of Market-1501, or MOTChallenge sequences with images and gt',
    )  # fmt: skip
    parser.add_argument(
        '-o', '--output', type=output_path, required=True, metavar='OUT.safetensors'
    )
    parser.add_argument('--resume', action='store_true', help='go on from OUT.checkpoint')
    _add_recipe(parser.add_argument_group('network and training'))
    _add_crops(parser.add_argument_group('crops of sequences'))
    add_network(parser)


def _add_recipe(group: Any) -> None:
    group.add_argument(
        '--model', choices=_NETWORKS, default=_NETWORKS[0], help='default: %(default)s'
    )
    group.add_argument(
        '--weights', type=Path, metavar='FILE',
        help='initial weights: a file of the same network, or for bot_resnet50 one of torchvision; '
        'default: random',
    )  # fmt: skip
    group.add_argument(
        '--loss', choices=_LOSSES,
        help='bag-of-tricks (default): identity loss with a batch normalisation neck, and triplet '
        "loss; cosine-softmax: DeepSORT's",
    )  # fmt: skip
    group.add_argument('--epochs', type=positive_int, metavar='N', help='default: 60')
    group.add_argument('--people', type=positive_int, metavar='P', help='in a batch; default: 16')
    group.add_argument(
        '--each', type=positive_int, metavar='K', help='crops per person in a batch; default: 4'
    )
    group.add_argument('--learning-rate', type=float, metavar='X', help='default: 0.00035')
    group.add_argument(
        '--size', type=_size, default=(256, 128), metavar='HxW',
        help='input of the network, pixels; 128x64 takes a quarter of the time. Default: 256x128',
    )  # fmt: skip
    group.add_argument('--seed', type=int, help='default: 0')


def _add_crops(group: Any) -> None:
    group.add_argument(
        '--validate', type=Path, nargs='+', default=[], metavar='SEQUENCE',
        help='score people of these sequences; default: a share of the people of each sequence',
    )  # fmt: skip
    group.add_argument(
        '--held-out', type=float, metavar='SHARE',
        help='share of the people that are in the test only; default: 0.4',
    )  # fmt: skip
    group.add_argument('--min-height', type=float, metavar='PX', help='of a box; default: 48')
    group.add_argument(
        '--min-visibility', type=float, metavar='SHARE', help='of a box; default: 0.6'
    )
    group.add_argument(
        '--max-crops', type=positive_int, metavar='N', help='of each person; default: 50'
    )
    group.add_argument(
        '--gap', type=float, metavar='SECONDS',
        help='in the test, crops nearer in time than this are not compared; default: 1',
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Train, score, and write the network; after an interrupt only the checkpoint is kept."""
    from strongsort_ros.packages import require

    if args.output.suffix != '.safetensors':
        raise InputError(f'--output: {args.output} does not end in .safetensors')
    require('train reid', 'torch', 'onnx')
    checkpoint = args.output.with_suffix('.checkpoint')
    if checkpoint.exists() and not args.resume:
        raise InputError(f'{checkpoint}: exists; go on with --resume, or remove it to begin again')
    data = _load(args)
    trainer = _trainer(args, data)
    people = len(set(data.train.identities.tolist()))
    say(
        f'{count(len(data.train), "crop")} of {people} people; test: {len(data.query)} of '
        f'{len(set(data.query.identities.tolist()))} others'
    )
    if args.resume:
        trainer.load(checkpoint)
        say(f'{checkpoint}: goes on after epoch {trainer.epoch}')
    try:
        _train(trainer, checkpoint)
        _finish(args.output, trainer, data)
    except KeyboardInterrupt:
        kept = f'epoch {trainer.epoch} is kept in {checkpoint}; go on with --resume'
        warn(f'strongsort: interrupted; {kept if checkpoint.exists() else "no epoch was complete"}')
        return _INTERRUPTED
    checkpoint.unlink(missing_ok=True)
    return 0


def _load(args: argparse.Namespace) -> Dataset:
    from strongsort_ros.reid.training.data import (
        CropSettings,
        is_market,
        load_market,
        load_sequences,
    )

    if is_market(args.data[0]):
        if len(args.data) > 1 or args.validate:
            raise InputError(f'{args.data[0]}: has its own test; give it alone, without --validate')
        return load_market(args.data[0])
    given = {name: getattr(args, name) for name in _CROPS if getattr(args, name) is not None}
    return load_sequences(args.data, args.validate, CropSettings().replace(**given), args.size)


def _trainer(args: argparse.Namespace, data: Dataset) -> Trainer:
    from strongsort_ros.reid.training.trainer import TrainingSettings, create_trainer

    given = {name: getattr(args, name) for name in _RECIPE if getattr(args, name) is not None}
    recipe = TrainingSettings().replace(**given)
    options = network_options(args)
    return create_trainer(args.model, args.size, args.weights, data.train, recipe, **options)


def _train(trainer: Trainer, checkpoint: Path) -> None:
    epochs = trainer.settings.epochs
    while trainer.epoch < epochs:
        trainer.run_epoch(progress(f'epoch {trainer.epoch + 1} of {epochs}'))
        trainer.save(checkpoint)
        say(f'epoch {trainer.epoch} of {epochs}: loss {trainer.loss:.3f}')


def _finish(output: Path, trainer: Trainer, data: Dataset) -> None:
    """Score the network, and write it with its card."""
    from dataclasses import replace

    from strongsort_ros.reid.training.export import export_onnx, export_safetensors
    from strongsort_ros.reid.training.metrics import score_embeddings

    scores = score_embeddings(data, lambda crops: trainer.embed(crops, progress('test')))
    network = trainer.network
    source = f'trained on {data.name} by strongsort train reid; see the licence of the data'
    card = replace(network.card, source=source, threshold_source='not measured')
    if scores.queries:
        measured = f'equal error rate of {scores.queries} queries, people not trained on'
        card = replace(card, max_cosine_distance=scores.threshold, threshold_source=measured)
    network = replace(network, card=card)
    export_safetensors(output, network)
    onnx = output.with_suffix('.onnx')
    export_onnx(onnx, network)
    say(_text(scores))
    say(f'{output}, {onnx}')


def _text(scores: RetrievalScores) -> str:
    if not scores.queries:
        return 'no scores: nobody of the test has two crops that may be compared; lower --gap'
    return (
        f'rank-1 {scores.rank1:.1%}, mAP {scores.mean_ap:.1%} of '
        f'{count(scores.queries, "query", "queries")}; max_cosine_distance '
        f'{scores.threshold:g} (equal error rate {scores.error_rate:.1%})'
    )


def _size(text: str) -> tuple[int, int]:
    """Return height and width from `256x128`."""
    found = re.fullmatch(r'(\d+)x(\d+)', text)
    if not found or not all(32 <= int(side) <= 1024 for side in found.groups()):
        raise argparse.ArgumentTypeError(f'{text!r} is not HEIGHTxWIDTH of 32 to 1024 pixels')
    return int(found[1]), int(found[2])
