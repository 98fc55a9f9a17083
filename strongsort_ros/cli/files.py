"""Files that the commands read and write: `-`, and outputs that are inputs too."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from strongsort_ros.files.rows import TrackRows

STDIN: Final = Path('/dev/stdin')
STDOUT: Final = Path('/dev/stdout')
_OUTPUTS: Final = ('output', 'json', 'html')
_FASTEST: Final = 1e6  # Hz
_FORMATS: Final = ('txt', 'csv')
_PARTS_OF_A_SEQUENCE: Final = ('det', 'gt')


def readable(text: str) -> Path:
    """Return the path of an argument; `-` is the standard input."""
    return STDIN if text == '-' else Path(text)


def writable(text: str) -> Path:
    """Return the path of an option; `-` is the standard output."""
    return STDOUT if text == '-' else Path(text)


def add_frame_rate(parser: argparse.ArgumentParser) -> None:
    """Add --frame-rate, of a folder of images."""
    parser.add_argument(
        '--frame-rate', type=_rate, metavar='HZ', help='images a second; default: as in seqinfo.ini'
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add --format, of a file of tracks."""
    parser.add_argument(
        '--format', choices=_FORMATS,
        help="txt: MOTChallenge's ten columns, as the published program writes them; csv: with a "
        'header, the score and the class; default: as the name of OUT ends, else txt',
    )  # fmt: skip


def save_tracks_as(path: Path, tracks: TrackRows, wanted: str | None) -> None:
    """Write tracks in the format of --format; None: the one that the name ends in, else txt.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    from strongsort_ros.files.motchallenge import save_csv, save_tracks

    save = save_csv if (wanted or path.suffix.lower().lstrip('.')) == 'csv' else save_tracks
    save(path, tracks)


def writes_to_stdout(args: argparse.Namespace) -> bool:
    """Return whether the standard output is one of the outputs."""
    return STDOUT in _outputs(args)


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse an output that is an input of the same command, or another output.

    Raises
    ------
    InputError
        It is; the message names it.

    """
    from strongsort_ros.errors import InputError

    outputs = list(_outputs(args))
    for number, output in enumerate(outputs):
        for other in outputs[:number]:
            if output.resolve() == other.resolve():
                raise InputError(f'{output}: two outputs in one file; name another')
        if not output.is_file():
            continue
        for given in _inputs(args):
            inside = given.is_dir() and output.parent.name in _PARTS_OF_A_SEQUENCE
            below = inside and output.resolve().is_relative_to(given.resolve())
            if below or (given.is_file() and given.samefile(output)):
                raise InputError(f'{output}: an input of this command; name another output')


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0 < rate < _FASTEST:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of frames a second')
    return rate


def _outputs(args: argparse.Namespace) -> Iterator[Path]:
    for name in _OUTPUTS:
        path = getattr(args, name, None)
        if path is not None:
            yield path


def _inputs(args: argparse.Namespace) -> Iterator[Path]:
    """Yield every file and folder that is named, weights too."""
    for name, value in vars(args).items():
        for given in value if isinstance(value, list) else [value]:
            if name not in _OUTPUTS and isinstance(given, (str, Path)):
                yield Path(given)
