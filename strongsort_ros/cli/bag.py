"""`strongsort bag`: convert a MOTChallenge sequence to a rosbag2."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_frame_rate, add_sequence


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'bag',
        help='convert a MOTChallenge sequence to a rosbag2',
        description='Write the images and detections of a sequence to a rosbag2, on /image (or '
        '/image/compressed) and /detections. Stamps follow from frame number and frame rate.',
    )
    parser.set_defaults(run=run)
    add_sequence(parser, detections=True)
    add_frame_rate(parser)
    parser.add_argument(
        '--compressed', action='store_true',
        help='write the image files unchanged, as CompressedImage: a much smaller bag',
    )  # fmt: skip
    parser.add_argument(
        '--storage', choices=('mcap', 'sqlite3'), default='mcap', help='default: %(default)s'
    )
    parser.add_argument(
        '--frame-id', default='camera', help='frame_id of the headers; default: %(default)s'
    )
    parser.add_argument(
        '--class-id', default='person', help='class of the detections; default: %(default)s'
    )
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='OUT', help='folder of the bag'
    )


def run(args: argparse.Namespace) -> None:
    """Write the bag."""
    from strongsort_ros.bags.writer import write_sequence

    contents = write_sequence(
        args.sequence,
        args.output,
        detections=args.detections,
        storage=args.storage,
        compressed=args.compressed,
        frame_id=args.frame_id,
        class_id=args.class_id,
        frame_rate=args.frame_rate or None,
        progress=progress('bag'),
    )
    if contents.left_out:
        warn(
            f'skipped {count(contents.left_out, "detection")} in frames without an image; do '
            'images and detections count frames from the same number?'
        )
    images, detections = count(contents.frames, 'image'), count(contents.detections, 'detection')
    say(f'{images}, {detections}: {args.output}')
