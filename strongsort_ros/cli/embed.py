"""`strongsort embed`: detections and images in, DeepSORT's file of embeddings out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from strongsort_ros.cli.console import progress, say, warn
from strongsort_ros.cli.files import writable
from strongsort_ros.cli.options import add_network, network_options


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'embed',
        help='images and detections -> embeddings',
        description="Write DeepSORT's .npy: the detections of a sequence with their embeddings.",
    )
    parser.set_defaults(run=run)
    parser.add_argument('sequence', type=Path, help="a sequence's folder, or one of images")
    parser.add_argument('--detections', type=Path, metavar='det.txt', help='default: its own')
    parser.add_argument('--reid', required=True, metavar='WEIGHTS', help='appearance network')
    add_network(parser)
    parser.add_argument('-o', '--output', type=writable, required=True, metavar='OUT.npy')


def run(args: argparse.Namespace) -> None:
    """Embed the detections of every frame that has an image."""
    import numpy as np

    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.files.deepsort_npy import save_deepsort
    from strongsort_ros.files.motchallenge import load_detections
    from strongsort_ros.files.sequence import ImageFolder, find_detections
    from strongsort_ros.reid.factory import load_extractor

    rows = load_detections(args.detections or find_detections(args.sequence))
    images = ImageFolder(args.sequence)
    with replacing(args.output) as written:
        extractor = load_extractor(args.reid, **network_options(args))
        seen = np.isin(rows.frames, list(images.paths))
        rows, left_out = rows.select(seen), int(np.count_nonzero(~seen))
        parts = [np.empty((0, extractor.card.dimension), dtype=np.float32)]
        for frame in progress('embed')(np.unique(rows.frames).tolist()):
            image = images.read(frame)
            assert image is not None
            parts.append(extractor.extract(image, rows.at(frame).tlwh))
        save_deepsort(written, rows.with_embeddings(np.concatenate(parts)))
    if left_out:
        warn(f'{left_out} detections are of frames without an image and were left out')
    say(f'{len(rows)} embeddings of length {extractor.card.dimension}: {args.output}')
