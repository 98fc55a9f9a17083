"""`strongsort compare`: the presets beside trackers of other libraries, on the same detections."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from strongsort_ros import __version__
from strongsort_ros.cli.console import count, progress_over, say, warn
from strongsort_ros.cli.options import output_path
from strongsort_ros.cli.recordings import add_sequences, load, print_lines
from strongsort_ros.packages import require


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'compare',
        help='score the presets beside BoxMOT, ultralytics and roboflow/trackers',
        description='Track sequences with the presets and with the trackers of BoxMOT, '
        'ultralytics and roboflow/trackers that are installed, each as its library ships it, on '
        'the same detections, embeddings and camera motion (where a tracker takes them): HOTA, '
        'IDF1, MOTA, identity switches, frames per second of association in one thread, and peak '
        'memory of the process.',
    )
    parser.set_defaults(run=run)
    add_sequences(parser)
    parser.add_argument(
        '--python', action='append', default=[], metavar='PYTHON',
        help='interpreter of an environment with other libraries; may be given several times',
    )  # fmt: skip
    parser.add_argument(
        '--trackers',
        default='',
        metavar='NAME,NAME',
        help='only these; default: all that are found',
    )
    parser.add_argument('--csv', type=output_path, metavar='FILE', help='write the table')
    parser.add_argument(
        '--picture', type=output_path, metavar='FILE.svg|png', help='draw HOTA over frames/s'
    )


def run(args: argparse.Namespace) -> None:
    """Track and score, and print the table."""
    from strongsort_ros.experiments.comparison import (
        OURS,
        choose,
        compare,
        find_trackers,
        save_csv,
        save_picture,
        table,
    )

    require('scoring', 'trackeval')
    found = find_trackers([sys.executable, *args.python], __version__)
    names = [name.strip() for name in args.trackers.split(',') if name.strip()]
    chosen = choose(found, names)
    recordings = load(args)
    done = list(progress_over('compare', compare(recordings, chosen), len(chosen)))
    print_lines(table(done).lines())
    for one in done:
        if one.error:
            warn(f'{one.tracker.name}: {one.error}')
    if len(found) == len(OURS):
        warn('no other library is installed here; --python names another environment')
    if args.csv:
        save_csv(args.csv, done)
        say(f'scores: {args.csv}')
    if args.picture:
        save_picture(args.picture, done)
        say(f'picture: {args.picture}')
    say(f'{count(len(chosen), "tracker")} on {count(len(recordings), "sequence")}')
