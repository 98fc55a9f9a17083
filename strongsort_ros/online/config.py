"""Settings of the tracker node, and their ROS parameter file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from strongsort_ros.camera_motion import MODES, CameraMotionSettings
from strongsort_ros.errors import InputError, SettingError, did_you_mean, shorten
from strongsort_ros.messages.cdr import InputLimits
from strongsort_ros.settings import (
    ACTIVE,
    AUTO,
    CONFIGURED,
    STARTED,
    Settings,
    SettingsGroup,
    param,
    param_table,
)
from strongsort_ros.tracking.settings import PRESETS, TrackerSettings

NO_WEIGHTS: Final = 'none'
TRANSPORTS: Final = ('raw', 'compressed', 'none')


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings(Settings):
    """Settings of the node.

    Raises
    ------
    SettingError
        A value is out of its range, not of its type, or not among its choices.

    """

    preset: str = param(
        'robust', 'Defaults of the parameters of the tracker: robust, or exactly the published '
        'StrongSORT or DeepSORT. Parameters that are given count.', choices=PRESETS,
        read_only_in=STARTED,
    )  # fmt: skip
    weights: str = param(
        '',
        'ReID weights: a file or timm:NAME; empty: colour histograms, which need no weights; none: '
        'track by motion alone.',
        read_only_in=CONFIGURED,
    )
    device: str = param(
        AUTO, 'Device of the ReID network: auto, cpu, cuda or cuda:N.', read_only_in=CONFIGURED
    )
    weights_sha256: str = param(
        '', 'Expected SHA-256 of the weights file; empty: not checked.', read_only_in=CONFIGURED
    )
    device_fallback: str = param(
        'motion', 'While the device fails: track by motion alone, or run the network on the CPU.',
        choices=('motion', 'cpu'), read_only_in=CONFIGURED,
    )  # fmt: skip
    threads: int = param(
        1, 'Threads of the ReID network on the CPU.', low=1, high=256, read_only_in=CONFIGURED
    )
    camera_motion: str = param(
        'ecc', 'Mode of the camera motion estimate.', choices=MODES, read_only_in=CONFIGURED
    )
    frame_rate: float = param(
        0.0, 'Nominal rate of the detections; 0: estimated from their stamps.', 'Hz', high=1000.0,
        read_only_in=CONFIGURED,
    )  # fmt: skip
    classes: str = param(
        '', 'Names of the classes to track, separated by commas; empty: all. Detections of other '
        'classes are dropped.',
    )  # fmt: skip
    image_transport: str = param(
        'raw', 'Type of the image messages; none: do not subscribe to images.',
        choices=TRANSPORTS, read_only_in=ACTIVE,
    )  # fmt: skip
    sync_deadline: float = param(
        0.2, 'Longest time that detections wait for their image, and for further arrays of the '
        'same stamp if recent stamps had several.', 's', high=60.0, read_only_in=ACTIVE,
    )  # fmt: skip
    sync_tolerance: float = param(
        0.0, 'Largest difference between the stamps of an image and its detections, for detectors '
        'that round stamps; less than half the interval between images. 0: equal stamps.', 's',
        high=1.0, read_only_in=ACTIVE,
    )  # fmt: skip
    buffer_time: float = param(
        2.0, 'Longest time that images wait for their detections; more than the detector takes.',
        's', high=60.0, read_only_in=ACTIVE,
    )  # fmt: skip
    buffer_size: int = param(
        100, 'Largest number of images, and of detection arrays, that wait.', 'messages', low=1,
        high=1000, read_only_in=ACTIVE,
    )  # fmt: skip
    buffer_memory: int = param(
        256, 'Largest memory of the images that wait.', 'MiB', low=1, high=65536,
        read_only_in=ACTIVE,
    )  # fmt: skip
    max_backlog: float = param(
        0.1, 'Longest time that images and detections wait for the tracker; after that, older ones '
        'are dropped and the newest are tracked.', 's', high=10.0, read_only_in=ACTIVE,
    )  # fmt: skip
    publish_tentative: bool = param(False, 'Also publish tracks that are not confirmed yet.')
    publish_lost: bool = param(
        True, 'Also publish the predicted boxes of confirmed tracks without a match in this frame.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsSettings(Settings):
    """Thresholds of the levels WARN, ERROR and STALE on /diagnostics.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    warn_latency: float = param(
        0.2, 'WARN above this time from receiving detections to publishing tracks (p95).', 's'
    )
    error_latency: float = param(1.0, 'ERROR above this time (p95).', 's')
    warn_age: float = param(1.0, 'WARN if the last detections are older.', 's')
    stale_age: float = param(5.0, 'STALE if the last detections are older.', 's')
    warn_dropped: float = param(
        0.5, 'WARN if a larger share of the detections since the last report was dropped because '
        'the tracker fell behind.', high=1.0,
    )  # fmt: skip
    warn_without_image: float = param(
        0.2, 'WARN if a larger share of the detections had no image.', high=1.0
    )
    warn_duplicates: float = param(
        0.2, 'WARN if a larger share of the detections arrived twice, or after detections of the '
        'same or a later stamp were tracked.', high=1.0,
    )  # fmt: skip
    warn_motion_failures: int = param(
        30, 'WARN after this many images in a row with unknown camera motion.', 'images', low=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerNodeConfig(SettingsGroup):
    """All settings of the tracker node.

    Each is a ROS parameter of the same name, with the prefix `ecc.` for camera motion, `limits.`
    for the limits of messages and `diagnostics.` for the thresholds.
    """

    node: NodeSettings = param_table(NodeSettings, 'Node')
    motion: CameraMotionSettings = param_table(
        CameraMotionSettings, 'Camera motion', 'ecc.', CONFIGURED
    )
    tracker: TrackerSettings = param_table(
        lambda: TrackerSettings.preset('robust', network=True),
        'Tracker; all of these can change while the node runs',
    )
    limits: InputLimits = param_table(InputLimits, 'Limits of one message', 'limits.')
    diagnostics: DiagnosticsSettings = param_table(
        DiagnosticsSettings, 'Thresholds of /diagnostics', 'diagnostics.'
    )

    def with_defaults(self, given: Mapping[str, object]) -> Self:
        """Return the settings with the tracker of the preset given.

        Raises
        ------
        SettingError
            There is no such preset.

        """
        preset = str(given.get('preset', self.node.preset))
        tracker = TrackerSettings.preset(preset, network=True)
        return dataclasses.replace(self, node=self.node.replace(preset=preset), tracker=tracker)


_PARAMETERS: Final = 'ros__parameters'
_NODE: Final = 'tracker'
_OF_EVERY_NODE: Final = ('autostart', 'use_sim_time', 'start_type_description_service')
_OVERRIDES: Final = 'qos_overrides.'


def load_parameter_file(path: Path | str) -> TrackerNodeConfig:
    """Return the settings of the tracker node in a ROS parameter file.

    The sections for all nodes (`/**`) and for a node `tracker` in any namespace apply, in their
    order. Parameters of every ROS node, such as `use_sim_time`, are ignored.

    Raises
    ------
    InputError
        The file cannot be read, is no parameter file, or has an unknown parameter or a wrong
        value; the message names it.

    """
    path = Path(path)
    # Nodes get their parameters from ROS, and start without a YAML reader.
    from strongsort_ros.files.yaml_file import load_yaml

    values = dict(_parameters(load_yaml(path), ''))
    if not values:
        raise InputError(f'{path}: no {_PARAMETERS} of all nodes (/**) or of a node {_NODE}')
    settings = TrackerNodeConfig()
    known = {parameter.name for parameter in settings.parameters()}
    for name in values:
        if name not in known and name not in _OF_EVERY_NODE and not name.startswith(_OVERRIDES):
            raise InputError(
                f'{path}: unknown parameter {shorten(name, 80)}{did_you_mean(name, known)}'
            )
    try:
        given = {name: values[name] for name in values if name in known}
        return settings.with_defaults(given).replace(given)
    except SettingError as error:
        raise InputError(shorten(f'{path}: {error}')) from error


def _parameters(content: Any, node: str) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the tracker's parameters, which may be nested in namespaces."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key != _PARAMETERS:
            yield from _parameters(value, f'{node}/{key}')
        elif node.rstrip('/').rsplit('/', 1)[-1] in ('*', '**', _NODE):
            yield from _flat(value, '')


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(values, Mapping):
        return
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value
