"""The `strongsort` command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from strongsort_ros import __version__
from strongsort_ros.cli import bag, embed, evaluate, refine, render, replay, track, train
from strongsort_ros.cli.console import Verbosity, configure, explain, warn
from strongsort_ros.cli.files import check_outputs, writes_to_stdout
from strongsort_ros.errors import StrongSortError, did_you_mean, one_line, shorten
from strongsort_ros.packages import missing_package

# Modules named here import what is heavy only when they run, so that --help is at once there.
COMMANDS = (track, embed, refine, evaluate, bag, replay, render, train)

BAD_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


class _Parser(argparse.ArgumentParser):
    """Names in one line what is wrong; every command has the options of `_add_common`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _add_common(self)

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f'{self.prog}: {shorten(message)}; see {self.prog} --help\n')

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is unknown here, where the options are known that it may mean."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = self._option_string_actions
            self.error(
                f'unknown: {" ".join(unknown)}{did_you_mean(unknown[0].split("=")[0], options)}'
            )
        return found, unknown


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command has; a default would undo what stands before the command."""
    for flag, name, text in (
        ('-q', '--quiet', 'no summary and no progress'),
        ('-v', '--verbose', 'details of what is done'),
        (None, '--debug', 'the traceback of every error'),
    ):
        flags = (flag, name) if flag else (name,)
        parser.add_argument(*flags, action='store_true', default=argparse.SUPPRESS, help=text)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(prog='strongsort', description='Track, score and show what was detected.')
    parser.add_argument('--version', action='version', version=f'strongsort {__version__}')
    commands = parser.add_subparsers(title='commands', metavar='COMMAND')
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
        0, also where no command is named, which prints the help; 1 when some of many inputs could
        not be worked on; 2 when an input or an option cannot be used, which is said in one line;
        130 when interrupted; 141 when nobody reads the standard output any more. Then there is no
        output but those of many that were finished.

    """
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else BAD_INPUT
    levels = {name: True for name in ('quiet', 'verbose', 'debug') if hasattr(args, name)}
    configure(Verbosity(**levels, output_taken=writes_to_stdout(args)))
    if not hasattr(args, 'run'):
        parser.print_help()
        return 0
    try:
        check_outputs(args)
        status: int = args.run(args) or 0
    except KeyboardInterrupt:
        warn('strongsort: interrupted; nothing half-written is left')
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the standard output, such as `head`, has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except ModuleNotFoundError as error:
        missing = missing_package(error)
        if missing is None:
            raise
        explain(error)
        warn(f'strongsort: {one_line(missing)}')
        return BAD_INPUT
    except (StrongSortError, OSError) as error:
        explain(error)
        warn(f'strongsort: {one_line(error)}')
        return BAD_INPUT
    return status


def program() -> NoReturn:
    """Run as a program: a request to end is an interrupt, so that outputs are cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
