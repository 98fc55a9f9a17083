"""`strongsort embed`: compute the embeddings of a sequence's detections."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_network, add_sequence, network_options, output_path


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'embed',
        help='compute embeddings of detections',
        description="Write the detections of a sequence with their embeddings, in DeepSORT's .npy "
        'format. `strongsort track OUT.npy` then needs neither images nor the network.',
    )
    parser.set_defaults(run=run)
    add_sequence(parser, detections=True)
    parser.add_argument(
        '--reid', required=True, metavar='WEIGHTS',
        help='ReID weights: .pth, .safetensors, .onnx, timm:NAME, or colour',
    )  # fmt: skip
    add_network(parser)
    parser.add_argument('-o', '--output', type=output_path, required=True, metavar='OUT.npy')


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
        has_image = np.isin(rows.frames, list(images.paths))
        rows, skipped = rows.select(has_image), int(np.count_nonzero(~has_image))
        parts = [np.empty((0, extractor.card.dimension), dtype=np.float32)]
        for frame in progress('embed')(np.unique(rows.frames).tolist()):
            image = images.read(frame)
            assert image is not None
            parts.append(extractor.extract(image, rows.at(frame).tlwh))
        save_deepsort(written, replace(rows, embeddings=np.concatenate(parts)))
    if skipped:
        warn(f'skipped {count(skipped, "detection")} in frames without an image')
    say(f'{count(len(rows), "embedding")} of length {extractor.card.dimension}: {args.output}')
