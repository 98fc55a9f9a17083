"""`strongsort render`: images and tracks in, a video out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongsort_ros.cli.console import progress, say, warn
from strongsort_ros.cli.files import add_frame_rate, writable

if TYPE_CHECKING:
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.types import Image


_NARROWEST, _WIDEST = 16, 16384


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'render',
        help='images and tracks -> video',
        description='Draw tracks on the images of a sequence: boxes coloured by id, and paths.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('sequence', type=Path, help="a sequence's folder, or one of images")
    parser.add_argument('--results', type=Path, required=True, metavar='OUT.txt', help='tracks')
    add_frame_rate(parser)
    parser.add_argument(
        '--trail', type=int, default=30, metavar='FRAMES', help='length of the paths; default 30'
    )
    parser.add_argument(
        '--width', type=_pixels, metavar='PIXELS', help='make the video no wider; default: as it is'
    )
    parser.add_argument(
        '-o',
        '--output',
        type=writable,
        required=True,
        metavar='OUT.webm|OUT.mp4',
        help='a browser plays both; pip install av makes them several times as fast, .mp4 as H.264',
    )


def run(args: argparse.Namespace) -> None:
    """Draw every image there is."""
    import numpy as np

    from strongsort_ros.files.drawing import shrink
    from strongsort_ros.files.motchallenge import load_tracks
    from strongsort_ros.files.sequence import ImageFolder, sequence_info
    from strongsort_ros.files.video import has_pyav, write_video

    info = sequence_info(args.sequence, args.frame_rate)
    images = ImageFolder(args.sequence)
    tracks = load_tracks(args.results)
    drawn = _draw(images, tracks, args.trail)
    if args.width:
        drawn = (shrink(image, args.width) for image in drawn)
    if not has_pyav():
        warn('pip install av makes videos several times as fast; without it, --width 960 helps')
    count = write_video(args.output, drawn, info.frame_rate)
    unseen = int(np.count_nonzero(~np.isin(tracks.frames, list(images.paths))))
    if unseen:
        warn(f'{unseen} boxes are of frames without an image and are not shown')
    say(f'{count} images at {info.frame_rate:g}/s: {args.output}')


def _draw(images: ImageFolder, tracks: TrackRows, trail: int) -> Iterator[Image]:
    from strongsort_ros.files.drawing import draw_tracks

    for frame in progress('render')(images.paths.keys()):
        image = images.read(frame)
        assert image is not None
        draw_tracks(image, tracks, frame, trail)
        yield image


def _pixels(text: str) -> int:
    if not text.isdecimal() or not _NARROWEST <= int(text) <= _WIDEST:
        raise argparse.ArgumentTypeError(f'{text!r} is not in {_NARROWEST}..{_WIDEST} pixels')
    return int(text)
