"""`strongsort embed`: compute the embeddings of detections, as DeepSORT's generate_detections."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_network, network_options, output_path
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.reid.interfaces import Extractor


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'embed',
        help='compute embeddings of detections',
        description="Write the detections of a sequence with their embeddings, in DeepSORT's .npy "
        'format. `strongsort track OUT.npy` then needs neither images nor the network. For a '
        'folder of sequences OUT is a folder, with a file for each sequence.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'sequence', type=Path, metavar='SEQUENCE',
        help='MOTChallenge sequence, a folder of numbered images, or a folder of sequences',
    )  # fmt: skip
    parser.add_argument(
        '--detections', type=Path, metavar='det.txt',
        help="default: the sequence's det/det.txt; for a folder of sequences another folder with "
        'NAME/det/det.txt',
    )  # fmt: skip
    parser.add_argument(
        '--reid', required=True, metavar='WEIGHTS',
        help='ReID weights: .pth, .safetensors, .onnx, timm:NAME, or colour',
    )  # fmt: skip
    add_network(parser)
    parser.add_argument('-o', '--output', type=output_path, required=True, metavar='OUT')


def run(args: argparse.Namespace) -> None:
    """Embed the detections of one sequence, or of each sequence in a folder."""
    from strongsort_ros.files.sequence import find_detections, find_sequences, has_images
    from strongsort_ros.reid.factory import load_extractor

    inside = [] if has_images(args.sequence) else find_sequences(args.sequence)
    if not inside:
        jobs = [(args.sequence, args.detections or find_detections(args.sequence), args.output)]
    elif args.detections and not args.detections.is_dir():
        raise InputError(f'--detections: {args.detections}: expected a folder with NAME/det')
    else:
        source = args.detections or args.sequence
        jobs = [
            (path, find_detections(source / path.name), args.output / f'{path.name}.npy')
            for path in inside
        ]
    extractor = load_extractor(args.reid, **network_options(args))
    for sequence, detections, output in jobs:
        _embed(extractor, sequence, detections, output)


def _embed(extractor: Extractor, sequence: Path, detections: Path, output: Path) -> None:
    """Embed the detections of every frame that has an image."""
    import numpy as np

    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.files.deepsort_npy import save_deepsort
    from strongsort_ros.files.motchallenge import load_detections
    from strongsort_ros.files.sequence import ImageFolder

    rows = load_detections(detections)
    images = ImageFolder(sequence)
    with replacing(output) as written:
        has_image = np.isin(rows.frames, list(images.paths))
        rows, skipped = rows.select(has_image), int(np.count_nonzero(~has_image))
        parts = [np.empty((0, extractor.card.dimension), dtype=np.float32)]
        for frame in progress(f'embed {sequence.name}')(np.unique(rows.frames).tolist()):
            image = images.read(frame)
            assert image is not None
            parts.append(extractor.extract(image, rows.at(frame).tlwh))
        save_deepsort(written, replace(rows, embeddings=np.concatenate(parts)))
    if skipped:
        warn(f'skipped {count(skipped, "detection")} in frames without an image')
    say(f'{count(len(rows), "embedding")} of length {extractor.card.dimension}: {output}')
