"""`strongsort render`: draw tracks on the images of a sequence."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_frame_rate, add_sequence, output_path

if TYPE_CHECKING:
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.types import Image

_MIN_WIDTH: Final = 16
_MAX_WIDTH: Final = 16384


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'render',
        help='draw tracks on images, as a video',
        description='Write a video of the images with the tracks: boxes coloured by id, and the '
        'path of each track.',
    )
    parser.set_defaults(run=run)
    add_sequence(parser)
    parser.add_argument(
        '--results', type=Path, required=True, metavar='TRACKS', help='.txt or .csv of tracks'
    )
    add_frame_rate(parser)
    parser.add_argument(
        '--trail', type=int, default=30, metavar='FRAMES',
        help='length of the paths; default: %(default)s',
    )  # fmt: skip
    parser.add_argument(
        '--width', type=_pixels, metavar='PIXELS', help='shrink the video to this width'
    )
    parser.add_argument(
        '-o', '--output', type=output_path, required=True, metavar='OUT.webm|OUT.mp4',
        help='VP9 (.webm) plays in every browser; with PyAV (pip install av) .mp4 is H.264, and '
        'both are written several times faster',
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Draw the tracks on every image."""
    import numpy as np

    from strongsort_ros.files.drawing import shrink
    from strongsort_ros.files.motchallenge import load_tracks
    from strongsort_ros.files.sequence import ImageFolder, sequence_info
    from strongsort_ros.files.video import has_pyav, write_video

    info = sequence_info(args.sequence, args.frame_rate or None)
    images = ImageFolder(args.sequence)
    tracks = load_tracks(args.results)
    drawn = _draw(images, tracks, args.trail)
    if args.width:
        drawn = (shrink(image, args.width) for image in drawn)
    if not has_pyav():
        warn('PyAV is not installed: encoding is slow; pip install av, or use --width 960')
    frames = write_video(args.output, drawn, info.frame_rate)
    hidden = int(np.count_nonzero(~np.isin(tracks.frames, list(images.paths))))
    if hidden:
        warn(f'skipped {count(hidden, "box", "boxes")} in frames without an image')
    say(f'{count(frames, "image")} at {info.frame_rate:g} frames/s: {args.output}')


def _draw(images: ImageFolder, tracks: TrackRows, trail: int) -> Iterator[Image]:
    from strongsort_ros.files.drawing import draw_tracks

    for frame in progress('render')(images.paths.keys()):
        image = images.read(frame)
        assert image is not None
        draw_tracks(image, tracks, frame, trail)
        yield image


def _pixels(text: str) -> int:
    if not text.isdecimal() or not _MIN_WIDTH <= int(text) <= _MAX_WIDTH:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a width of {_MIN_WIDTH} to {_MAX_WIDTH} pixels'
        )
    return int(text)
