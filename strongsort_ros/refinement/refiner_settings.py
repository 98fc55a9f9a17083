"""What the refiner node can be told; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings
from strongsort_ros.settings import LOADED, STARTED, Settings, SettingsGroup, section, setting, text


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerSettings(Settings):
    """Settings of the node.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    allowed_root: str = text(
        '.', 'Folder in which it reads and writes, and nowhere else; relative to where the node '
        # Who may ask for a refinement must not widen it.
        'was started.', fixed_while=STARTED,
    )  # fmt: skip
    weights: str = text(
        '', "Checkpoint of AFLink, .pth or .safetensors, or one of the project's own: motion, the "
        'default, or published.',
        fixed_while=LOADED,
    )  # fmt: skip
    frame_rate: float = setting(
        0.0, 'Nominal rate of the tracks; 0: estimated from stamps.', 'Hz', high=1000.0
    )
    max_memory: int = setting(
        4096, 'Most memory that the process of a request may take.', 'MiB',
        # The libraries alone take more than 200.
        low=512, high=1_000_000,
    )  # fmt: skip
    max_duration: float = setting(
        3600.0, 'Longest time that a request may take; 0: no limit.', 's', high=1e6
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRefinerSettings(SettingsGroup):
    """Every setting of the refiner node."""

    node: RefinerSettings = field(default_factory=RefinerSettings, metadata=section('The node'))
    aflink: AflinkSettings = field(
        default_factory=AflinkSettings, metadata=section('AFLink', 'aflink.')
    )
    gsi: GsiSettings = field(
        default_factory=GsiSettings, metadata=section('Gaussian-smoothed interpolation', 'gsi.')
    )
