"""`strongsort bag`: a MOTChallenge folder in, a rosbag2 out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from strongsort_ros.cli.console import progress, say, warn
from strongsort_ros.cli.files import add_frame_rate


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'bag',
        help='sequence -> rosbag2',
        description='Write the images and detections of a sequence as a rosbag2: /image '
        '(or /image/compressed) and /detections, stamps by frame number and frame rate.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('sequence', type=Path, help="a sequence's folder, or one of images")
    parser.add_argument('--detections', type=Path, metavar='det.txt', help='default: its own')
    add_frame_rate(parser)
    parser.add_argument(
        '--compressed', action='store_true', help="carry the image files' bytes as they are"
    )
    parser.add_argument('--storage', choices=('mcap', 'sqlite3'), default='mcap')
    parser.add_argument('--frame-id', default='camera', help='frame of the camera, in headers')
    parser.add_argument('--class-id', default='person', help='class of the detections')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT')


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
        frame_rate=args.frame_rate,
        progress=progress('bag'),
    )
    if contents.left_out:
        warn(
            f'{contents.left_out} detections are of frames without an image and were left out; '
            'do both count frames from the same number?'
        )
    say(f'{contents.frames} images, {contents.detections} detections: {args.output}')
