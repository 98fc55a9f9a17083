"""Options that several commands share; those of settings are generated from the settings tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.errors import SettingError
from strongsort_ros.settings import AUTO, ParameterSpec, Settings, check_value
from strongsort_ros.tracking.settings import PRESETS, TrackerSettings

if TYPE_CHECKING:
    from strongsort_ros.files.rows import TrackRows

STDIN: Final = Path('/dev/stdin')
STDOUT: Final = Path('/dev/stdout')

SETTING_SWITCHES: Final = {
    'bot': 'gating and matching thresholds for a stronger ReID network (BoT)',
    'nsa': 'NSA Kalman filter: measurement noise decreases with the detection score',
    'ema': 'exponential moving average of the embeddings of a track',
    'mc': 'motion cost added to the appearance cost',
    'woc': 'one global assignment instead of the matching cascade',
}
"""The paper's switches except ECC: --NAME turns one on, --no-NAME turns it off in a preset."""

DEEPSORT_NAMES: Final = {
    'min_confidence': '--min_confidence',
    'min_height': '--min_detection_height',
    'nms_max_overlap': '--nms_max_overlap',
    'max_cosine_distance': '--max_cosine_distance',
    'nn_budget': '--nn_budget',
}
"""Options of DeepSORT's program by setting; they set the value and imply no preset."""

SETTINGS_DEST: Final = 'setting_'
"""Prefix of the names of the tracker's settings in the parsed arguments."""

_MAX_RATE = 1e6  # Hz


def input_path(text: str) -> Path:
    """Return the path of an input; `-` is the standard input."""
    return STDIN if text == '-' else Path(text)


def input_source(text: str) -> Path | str:
    """Return the path of an input, or the address of a stream as it is."""
    return text if '://' in text else input_path(text)


def output_path(text: str) -> Path:
    """Return the path of an output; `-` is the standard output."""
    return STDOUT if text == '-' else Path(text)


def frame_rate(text: str) -> float:
    """Return a frame rate in Hz; 0 means the default."""
    try:
        rate = float(text)
    except ValueError:
        rate = -1
    if not 0 <= rate < _MAX_RATE:
        raise argparse.ArgumentTypeError(f'{text!r} is not a frame rate in Hz')
    return rate


def positive_int(text: str) -> int:
    """Return an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a positive integer')
    return int(text)


def add_sequence(parser: argparse.ArgumentParser, *, detections: bool = False) -> None:
    """Add the argument of a sequence or a folder of images; also --detections, if wanted."""
    parser.add_argument(
        'sequence',
        type=Path,
        metavar='SEQUENCE',
        help='MOTChallenge sequence, or a folder of numbered images',
    )
    if detections:
        parser.add_argument(
            '--detections', type=Path, metavar='det.txt', help="default: the sequence's det/det.txt"
        )


def add_frame_rate(parser: argparse.ArgumentParser) -> None:
    """Add --frame-rate for a sequence."""
    parser.add_argument(
        '--frame-rate', type=frame_rate, default=0.0, metavar='HZ',
        help='frames per second; default: from seqinfo.ini',
    )  # fmt: skip


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add --format for a file of tracks."""
    parser.add_argument(
        '--format', choices=('txt', 'csv'),
        help="txt: MOTChallenge's ten columns, without score and class; csv: a header, score and "
        'class; default: from the extension of OUT, otherwise txt',
    )  # fmt: skip


def save_tracks_as(
    path: Path, tracks: TrackRows, chosen: str | None, *, with_scores: bool = False
) -> None:
    """Write tracks as `txt` or `csv`; None: from the extension of `path`, otherwise txt.

    `with_scores` writes score and class into a txt as well.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    from strongsort_ros.files.motchallenge import save_csv, save_tracks

    if (chosen or path.suffix.lower().lstrip('.')) == 'csv':
        save_csv(path, tracks)
    else:
        save_tracks(path, tracks, with_scores=with_scores)


def add_network(group: Any) -> None:
    """Add the options of the ReID network's device."""
    group.add_argument('--device', help='device of the ReID network: auto, cpu, cuda or cuda:N')
    group.add_argument(
        '--threads', type=positive_int, metavar='N',
        help='CPU threads of the ReID network; default: 1',
    )  # fmt: skip


def network_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the given options of `add_network`, by parameter of `load_extractor`."""
    given = {'device': args.device, 'threads': args.threads}
    return {name: value for name, value in given.items() if value is not None}


def add_settings(parser: argparse.ArgumentParser, defaults: TrackerSettings) -> None:
    """Add --preset, the paper's switches, and an option for every setting of the tracker."""
    presets = parser.add_argument_group(
        'presets and switches',
        'Default: robust; for embeddings computed here with --max-cosine-distance auto. '
        'strongsort and deepsort are exactly the published ones. Switches without --preset start '
        'from deepsort and turn on exactly those given; --no-NAME without --preset and other '
        'switches starts from strongsort; --ecc alone keeps robust.',
    )
    presets.add_argument('--preset', choices=PRESETS)
    for name, text in SETTING_SWITCHES.items():
        presets.add_argument(
            f'--{name}', action=argparse.BooleanOptionalAction, default=None, help=text
        )
    settings = parser.add_argument_group(
        'tracker settings',
        'Each overrides the preset and the switches. The defaults shown apply without them.',
    )
    # Some settings are switches and have their option already.
    add_table(
        settings, defaults, dest=SETTINGS_DEST, without=SETTING_SWITCHES, aliases=DEEPSORT_NAMES
    )


def add_table(
    group: Any,
    defaults: Settings,
    *,
    prefix: str = '',
    dest: str | None = None,
    without: Container[str] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Add an option for every setting of a table.

    Parameters
    ----------
    group
        Parser or argument group to add them to.
    defaults
        Table of settings; its fields become the options, its values are shown in the help.
    prefix
        Prefix of the options: `gsi_` makes `tau` into --gsi-tau.
    dest
        Prefix of the names in the parsed arguments, for `chosen_values`; None: `prefix`.
    without
        Names of settings that get no option.
    aliases
        Second names of options, by setting.

    """
    types = defaults.types()
    for name, spec in defaults.specs().items():
        if name in without:
            continue
        flags = ['--' + (prefix + name).replace('_', '-')]
        if name in aliases:
            flags.append(aliases[name])
        target = (prefix if dest is None else dest) + name
        value = getattr(defaults, name)
        text = f'{spec.description} Default: {_as_text(value)}.'.replace('%', '%%')
        if isinstance(value, bool):
            group.add_argument(
                *flags, dest=target, action=argparse.BooleanOptionalAction, default=None, help=text
            )
            continue
        group.add_argument(
            *flags,
            dest=target,
            type=_converter(name, spec, types[name]),
            metavar=spec.unit.upper() or ('N' if types[name].startswith('int') else 'X'),
            help=text,
        )


def chosen_values(args: argparse.Namespace, dest: str) -> dict[str, Any]:
    """Return name -> value of the given settings, with the prefix `dest` removed."""
    return {
        key.removeprefix(dest): value
        for key, value in vars(args).items()
        if key.startswith(dest) and value is not None
    }


def any_switch(args: argparse.Namespace) -> bool:
    """Return True if a preset or one of the switches but --ecc is given."""
    return bool(args.preset) or any(getattr(args, name) is not None for name in SETTING_SWITCHES)


def chosen_preset(args: argparse.Namespace) -> str:
    """Return the name of the preset, given or implied by the switches."""
    if args.preset or not any_switch(args):
        return str(args.preset or PRESETS[0])
    return 'deepsort' if any(getattr(args, name) for name in SETTING_SWITCHES) else 'strongsort'


def chosen_settings(args: argparse.Namespace, *, network: bool) -> TrackerSettings:
    """Return the tracker's settings.

    With `network`, a feature extractor computes the embeddings, and the preset `robust` uses the
    cosine distance measured for it.
    """
    preset = chosen_preset(args)
    given = {name: on for name in SETTING_SWITCHES if (on := getattr(args, name)) is not None}
    if preset == 'robust':
        settings = TrackerSettings.preset(preset, network=network)
        for name, on in given.items():
            settings = settings.replace(**_switched(name, on))
    else:
        switches = dict.fromkeys(SETTING_SWITCHES, preset == 'strongsort') | given
        settings = TrackerSettings.from_switches(name for name, on in switches.items() if on)
    return settings.replace(**chosen_values(args, SETTINGS_DEST))


def _switched(name: str, on: bool) -> dict[str, Any]:
    """Return the settings that one of the paper's switches changes in the preset `robust`."""
    changes: dict[str, dict[str, Any]] = {
        'bot': {'max_cosine_distance': 0.45 if on else 0.35},
        'nsa': {'nsa': on, 'adaptive_noise': False},
        'ema': {'ema': on, 'nn_budget': 1 if on else 100},
        'mc': {'motion_cost': on},
        'woc': {'cascade': not on},
    }
    return changes[name]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return 'on' if value else 'off'
    return f'{value:g}' if isinstance(value, float) else str(value)


def _converter(name: str, spec: ParameterSpec, kind: str) -> Callable[[str], object]:
    """Return the conversion of an option's text to a value of a setting, with its range check."""

    def convert(text: str) -> object:
        value: object = text
        if text != AUTO or AUTO not in kind:
            try:
                value = int(text) if kind.startswith('int') else float(text)
            except ValueError:
                expected = 'an integer' if kind.startswith('int') else 'a number'
                raise argparse.ArgumentTypeError(f'{text!r} is not {expected}') from None
        try:
            check_value(name, value, spec, kind)
        except SettingError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return convert
