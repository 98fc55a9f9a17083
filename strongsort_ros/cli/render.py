"""`strongsort render`: draw tracks on the images of a sequence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.console import count, progress, say, warn
from strongsort_ros.cli.options import add_frame_rate, add_sequence, output_path
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.files.rows import GroundTruth
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.types import Image

_MIN_WIDTH: Final = 16
_MAX_WIDTH: Final = 16384


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'render',
        help='draw tracks on images, as a video',
        description='Write a video of the images with the tracks: boxes coloured by id, labels '
        'with id, class and score where the file has them, and the path of each track.',
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
    parser.add_argument('--no-labels', action='store_true', help='draw boxes and paths only')
    parser.add_argument(
        '--ground-truth', type=Path, metavar='GT.txt|DIR',
        help='draw the true boxes too, with dashed lines: a gt.txt, or a sequence',
    )  # fmt: skip
    for name, default, which in (('--start', 0, 'first'), ('--end', sys.maxsize, 'last')):
        parser.add_argument(
            name, type=int, default=default, metavar='FRAME', help=f'{which} frame of the video'
        )
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

    from strongsort_ros.files.drawing import draw_tracks, shrink
    from strongsort_ros.files.motchallenge import load_tracks
    from strongsort_ros.files.sequence import ImageFolder, sequence_info
    from strongsort_ros.files.video import has_pyav, write_video

    info = sequence_info(args.sequence, args.frame_rate or None)
    images = ImageFolder(args.sequence)
    frames = [frame for frame in images.paths if args.start <= frame <= args.end]
    if not frames:
        first, last = min(images.paths), max(images.paths)
        raise InputError(
            f'{args.sequence}: has frames {first} to {last}, none from --start to --end'
        )
    tracks = load_tracks(args.results)
    truth = _ground_truth(args.ground_truth) if args.ground_truth else None
    drawn = _draw(images, frames, partial(
        draw_tracks, tracks=tracks, trail=max(args.trail, 0), labels=not args.no_labels,
        ground_truth=truth,
    ))  # fmt: skip
    if args.width:
        drawn = (shrink(image, args.width) for image in drawn)
    if not has_pyav():
        warn('PyAV is not installed: encoding is slow; pip install av, or use --width 960')
    written = write_video(args.output, drawn, info.frame_rate)
    wanted = (tracks.frames >= args.start) & (tracks.frames <= args.end)
    hidden = int(np.count_nonzero(wanted & ~np.isin(tracks.frames, frames)))
    if hidden:
        warn(f'skipped {count(hidden, "box", "boxes")} in frames without an image')
    say(f'{count(written, "image")} at {info.frame_rate:g} frames/s: {args.output}')


def _ground_truth(path: Path) -> GroundTruth:
    """Load the true boxes that are scored."""
    from strongsort_ros.evaluation.sequences import single_ground_truth
    from strongsort_ros.files.motchallenge import load_ground_truth

    truth = load_ground_truth(single_ground_truth(path) or path)
    return truth.select(truth.considered & (truth.classes == 1))


def _draw(images: ImageFolder, frames: list[int], draw: Callable[..., None]) -> Iterator[Image]:
    for frame in progress('render')(frames):
        image = images.read(frame)
        assert image is not None
        draw(image, frame=frame)
        yield image


def _pixels(text: str) -> int:
    if not text.isdecimal() or not _MIN_WIDTH <= int(text) <= _MAX_WIDTH:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a width of {_MIN_WIDTH} to {_MAX_WIDTH} pixels'
        )
    return int(text)
