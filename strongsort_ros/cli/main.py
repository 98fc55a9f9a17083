"""The `strongsort` command."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from strongsort_ros import __version__
from strongsort_ros.cli import bag, embed, evaluate, refine, render, replay, track, train
from strongsort_ros.cli.console import warn
from strongsort_ros.errors import StrongSortError, one_line

# Modules named here import what is heavy only when they run, so that --help is at once there.
COMMANDS = (track, embed, refine, evaluate, bag, replay, render, train)

BAD_INPUT = 2
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f'{self.prog}: {message}; see {self.prog} --help\n')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(prog='strongsort', description='Track, score and show what was detected.')
    parser.add_argument('--version', action='version', version=f'strongsort {__version__}')
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    argv
        Arguments; None: those of the program.

    Returns
    -------
    status
        0; 1 when some of many inputs could not be worked on; 2 when an input or an option cannot
        be used, which is said in one line; 130 when interrupted. Then there is no output but
        those of many that were finished.

    """
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else BAD_INPUT
    logging.basicConfig(format='%(message)s', stream=sys.stderr)
    logging.getLogger('strongsort_ros').setLevel(logging.INFO)
    try:
        status: int = args.run(args) or 0
    except KeyboardInterrupt:
        warn('strongsort: interrupted; nothing half-written is left')
        return INTERRUPTED
    except (StrongSortError, OSError) as error:
        warn(f'strongsort: {one_line(error)}')
        return BAD_INPUT
    return status


def program() -> NoReturn:
    """Run as a program: a request to end is an interrupt, so that outputs are cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
