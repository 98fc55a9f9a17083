"""The `strongsort` command: parser, exit status and the rules for inputs and outputs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from strongsort_ros import __version__
from strongsort_ros.cli import (
    ablate,
    bag,
    compare,
    embed,
    evaluate,
    refine,
    render,
    replay,
    track,
    train,
    tune,
)
from strongsort_ros.cli.console import Verbosity, configure, show_traceback, warn
from strongsort_ros.cli.options import STDOUT
from strongsort_ros.errors import InputError, StrongSortError, did_you_mean, one_line, shorten
from strongsort_ros.packages import missing_package

# These modules import large libraries only when they run, so that --help prints at once.
COMMANDS: Final = (
    track,
    embed,
    refine,
    evaluate,
    bag,
    replay,
    render,
    ablate,
    tune,
    compare,
    train,
)

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

_OUTPUTS: Final = ('output', 'json', 'html', 'video')
_INPUT_FOLDERS: Final = ('det', 'gt')  # of a sequence


class _Parser(argparse.ArgumentParser):
    """Parser of a command: one-line errors, and the options that all commands have."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for flags, text in (
            (('-q', '--quiet'), 'print neither summary nor progress'),
            (('-v', '--verbose'), 'print debug messages'),
            (('--debug',), 'print the traceback of an error'),
        ):
            # No default: it would overwrite what was given before the command's name.
            self.add_argument(*flags, action='store_true', default=argparse.SUPPRESS, help=text)

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f'{self.prog}: {shorten(message)}; see {self.prog} --help\n')

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Report unknown arguments here, where the command's own options can be suggested."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = self._option_string_actions
            hint = did_you_mean(unknown[0].split('=')[0], options)
            self.error(f'unknown argument: {" ".join(unknown)}{hint}')
        return found, unknown


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog='strongsort',
        description='StrongSORT multi-object tracking: track detections, refine and score tracks.',
    )
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
        Arguments; None: `sys.argv[1:]`.

    Returns
    -------
    status
        0 on success, also for the help printed without a command. 1 if some of several inputs
        failed. 2 for a bad input or option, after one line on the standard error. 130 if
        interrupted. 141 if the reader of the standard output closed the pipe. Unless the status
        is 0, no output is written, except those of the inputs that succeeded.

    """
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else BAD_INPUT
    levels = {name: True for name in ('quiet', 'verbose', 'debug') if hasattr(args, name)}
    configure(Verbosity(**levels, output_taken=STDOUT in _outputs(args)))
    if not hasattr(args, 'run'):
        parser.print_help()
        return 0
    try:
        _check_outputs(args)
        status: int = args.run(args) or 0
    except KeyboardInterrupt:
        warn('strongsort: interrupted; no partial output is left')
        return INTERRUPTED
    except BrokenPipeError:
        # `head`, for example, closes the pipe when it has read enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except ModuleNotFoundError as error:
        missing = missing_package(error)
        if missing is None:
            raise
        show_traceback(error)
        warn(f'strongsort: {one_line(missing)}')
        return BAD_INPUT
    except (StrongSortError, OSError) as error:
        show_traceback(error)
        warn(f'strongsort: {one_line(error)}')
        return BAD_INPUT
    return status


def program() -> NoReturn:
    """Run `main` as a program; SIGTERM is handled like an interrupt and cleans up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse an output that is an input or another output of the same command.

    Raises
    ------
    InputError
        The message names the path.

    """
    outputs = list(_outputs(args))
    for number, output in enumerate(outputs):
        if any(output.resolve() == other.resolve() for other in outputs[:number]):
            raise InputError(f'{output}: named as two outputs; use a file for each')
        if not output.is_file():
            continue
        for given in _inputs(args):
            inside = given.is_dir() and output.parent.name in _INPUT_FOLDERS
            below = inside and output.resolve().is_relative_to(given.resolve())
            if below or (given.is_file() and given.samefile(output)):
                raise InputError(f'{output}: is an input of this command; name another output')


def _outputs(args: argparse.Namespace) -> Iterator[Path]:
    for name in _OUTPUTS:
        path = getattr(args, name, None)
        if path is not None:
            yield path


def _inputs(args: argparse.Namespace) -> Iterator[Path]:
    """Yield every argument that may be an input file or folder, weights included."""
    for name, value in vars(args).items():
        for given in value if isinstance(value, list) else [value]:
            if name not in _OUTPUTS and isinstance(given, (str, Path)):
                yield Path(given)
