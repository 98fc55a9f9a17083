"""What the tracker node can be told besides the tracker's settings; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from strongsort_ros.camera_motion import MODES, CameraMotionSettings
from strongsort_ros.messages.limits import InputLimits
from strongsort_ros.settings import (
    ACTIVE,
    AUTO,
    LOADED,
    Settings,
    SettingsGroup,
    section,
    setting,
    text,
)
from strongsort_ros.tracking.settings import TrackerSettings

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

    weights: str = text(
        '',
        "File of the ReID network's weights, or timm:NAME; empty: a colour histogram, which needs "
        'none; none: track by motion alone.',
        fixed_while=LOADED,
    )
    device: str = text(
        AUTO, 'Where the network runs: auto, cpu, cuda or cuda:N.', fixed_while=LOADED
    )
    weights_sha256: str = text(
        '', 'SHA-256 that the file of weights must have; empty: not checked.', fixed_while=LOADED
    )
    device_fallback: str = text(
        'motion',
        'While the device of the network fails: motion alone, or the network on the CPU.',
        ('motion', 'cpu'),
        LOADED,
    )
    threads: int = setting(
        1, 'Threads of the network on the CPU.', low=1, high=256, fixed_while=LOADED
    )
    camera_motion: str = text('ecc', 'How camera motion is found.', MODES, LOADED)
    frame_rate: float = setting(
        0.0, 'Nominal rate of detections; 0: estimated from stamps.', 'Hz', high=1000.0,
        fixed_while=LOADED,
    )  # fmt: skip
    classes: str = text(
        '', 'Names of the classes to track, separated by commas; empty: all. Detections of others '
        'are left out.',
    )  # fmt: skip
    image_transport: str = text(
        'raw', 'Type of image messages; none: do not subscribe.', TRANSPORTS, ACTIVE
    )
    sync_deadline: float = setting(
        0.2, 'How long detections wait for their image, and for further arrays of their stamp '
        'where recent stamps had several.', 's', high=60.0, fixed_while=ACTIVE,
    )  # fmt: skip
    sync_tolerance: float = setting(
        0.0, 'Largest difference between the stamps of an image and of its detections, for '
        'detectors that round stamps; below half the interval of images. 0: equal stamps.', 's',
        high=1.0, fixed_while=ACTIVE,
    )  # fmt: skip
    buffer_time: float = setting(
        2.0, 'How long images wait for their detections: more than the detector takes.', 's',
        high=60.0, fixed_while=ACTIVE,
    )  # fmt: skip
    buffer_size: int = setting(
        100, 'Most images, and most arrays of detections, that wait.', 'messages', low=1,
        high=1000, fixed_while=ACTIVE,
    )  # fmt: skip
    buffer_memory: int = setting(
        256, 'Most memory of the images that wait.', 'MiB', low=1, high=65536, fixed_while=ACTIVE
    )
    max_backlog: float = setting(
        0.1, 'Longest that images and their detections wait for the tracker; when they would wait '
        'longer, only the newest are tracked.', 's', high=10.0, fixed_while=ACTIVE,
    )  # fmt: skip
    publish_tentative: bool = setting(False, 'Publish tracks that are not confirmed yet, too.')
    publish_lost: bool = setting(
        True, 'Publish confirmed tracks that are not seen in this frame, too, as predicted.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsSettings(Settings):
    """From when on the node reports that it is not well.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    warn_latency: float = setting(
        0.2, 'Warn when it takes longer from detections taken to tracks published (p95).', 's'
    )
    error_latency: float = setting(1.0, 'Report an error when that takes longer.', 's')
    warn_age: float = setting(1.0, 'Warn when the last detections are older.', 's')
    stale_age: float = setting(5.0, 'Report to be stale when they are older.', 's')
    warn_dropped: float = setting(
        0.5, 'Warn when a larger share of the detections since the last report was dropped as the '
        'tracker was behind.', high=1.0,
    )  # fmt: skip
    warn_without_image: float = setting(
        0.2, 'Warn when a larger share of the detections had no image.', high=1.0
    )
    warn_duplicates: float = setting(
        0.2, 'Warn when a larger share of the detections was sent twice, or came after others of '
        'its stamp, or newer ones, were tracked.', high=1.0,
    )  # fmt: skip
    warn_motion_failures: int = setting(
        30, 'Warn when camera motion was not found for so many images in a row.', 'images', low=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSettings(SettingsGroup):
    """Every setting of the tracker node.

    Parameters have the names of the settings; those of the camera motion begin with `ecc.`, those
    of limits with `limits.`, those of reports with `diagnostics.`.
    """

    node: NodeSettings = field(default_factory=NodeSettings, metadata=section('The node'))
    motion: CameraMotionSettings = field(
        default_factory=CameraMotionSettings,
        metadata=section('The estimate of camera motion', 'ecc.', LOADED),
    )
    tracker: TrackerSettings = field(
        default_factory=lambda: TrackerSettings(max_cosine_distance=AUTO),
        metadata=section('The tracker: all of these can be changed while it runs'),
    )
    limits: InputLimits = field(
        default_factory=InputLimits,
        metadata=section('Limits of what one message may hold', 'limits.'),
    )
    diagnostics: DiagnosticsSettings = field(
        default_factory=DiagnosticsSettings,
        metadata=section('Reports on /diagnostics', 'diagnostics.'),
    )
