"""Settings of the refinement of recorded tracks: tables, like the tracker's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from strongsort_ros.errors import InputError
from strongsort_ros.settings import (
    AUTO,
    CONFIGURED,
    STARTED,
    Settings,
    SettingsGroup,
    param,
    param_table,
)

CHECKPOINTS: Final = ('motion', 'published')
"""Names of the checkpoints of AFLink that are shipped, the default first."""


@dataclass(frozen=True, slots=True)
class LinkWindow:
    """Which pairs of tracklets AFLink looks at, and the cost below which it links them.

    Attributes
    ----------
    min_gap, max_gap
        Frames from the end of the earlier to the start of the later: least, and first that is
        too many.
    max_distance
        Of the top left corners at that end and that start: px.
    max_cost
        1 - P(same object).

    """

    min_gap: int
    max_gap: int
    max_distance: float
    max_cost: float

    def __post_init__(self) -> None:
        _check_gap(self.min_gap, self.max_gap)


def _check_gap(low: int, high: int) -> None:
    if low >= high:
        raise InputError(f'min_gap: {low} is not below max_gap: {high}; set both')


@dataclass(frozen=True, slots=True, kw_only=True)
class AflinkSettings(Settings):
    """Settings of AFLink; auto is what the checkpoint was made for.

    With the published one that is what its program takes for StrongSORT; for other trackers that
    takes a `min_gap` of -10 and a `max_cost` of 0.10.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type, or the gap is empty.

    """

    min_gap: int | Literal['auto'] = param(
        AUTO, 'Least frames from the end of a track to the start of the next; auto: as the '
        'checkpoint was made for, 31 or, published, 0.', 'frames', low=-1000,
    )  # fmt: skip
    max_gap: int | Literal['auto'] = param(
        AUTO, 'Frames from the end of a track to the start of the next are fewer; auto: 101 '
        'or, published, 30.', 'frames', low=-1000, high=100_000,
    )  # fmt: skip
    max_distance: float | Literal['auto'] = param(
        AUTO, 'Largest distance of the top left corners at that end and that start; auto: 300 or, '
        'published, 75.', 'px',
    )  # fmt: skip
    max_cost: float | Literal['auto'] = param(
        AUTO, 'Tracks are linked below this cost, 1 - P(same object); auto: 0.7 or, published, '
        '0.05.', high=1.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.min_gap != AUTO and self.max_gap != AUTO:
            _check_gap(self.min_gap, self.max_gap)

    def window(self, made_for: LinkWindow) -> LinkWindow:
        """Return the settings with every auto as the checkpoint was made for.

        Raises
        ------
        InputError
            No gap is in it.

        """
        return LinkWindow(
            made_for.min_gap if self.min_gap == AUTO else self.min_gap,
            made_for.max_gap if self.max_gap == AUTO else self.max_gap,
            made_for.max_distance if self.max_distance == AUTO else self.max_distance,
            made_for.max_cost if self.max_cost == AUTO else self.max_cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GsiSettings(Settings):
    """Settings of Gaussian-smoothed interpolation; as they are, the published ones.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type; the message names both.

    """

    interval: int = param(
        20, 'A gap between two boxes of a track is filled when their frames differ by less.',
        'frames', low=1, high=10_000,
    )  # fmt: skip
    # A larger tau would make the covariances of a track singular in double precision.
    tau: float = param(
        10.0, 'Strength of the smoothing. Tracks of tau**3 rows or more are not smoothed, unless '
        'long_rows says so.', 'frames', low=1.0, high=20.0,
    )  # fmt: skip
    long_rows: int = param(
        0, 'Tracks of more rows are smoothed as strongly as those of this many, however long they '
        'are; 0: as published, the longer the weaker.', 'rows', high=8_000,
    )  # fmt: skip
    noise: float = param(
        0.0, 'Standard deviation of the left, top, width and height of a box of score 1; of less '
        'score, inversely more. 0: as published, 1e-10 of the variance for every box.',
        'px', high=1_000.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerSettings(Settings):
    """Settings of the node.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    allowed_root: str = param(
        '.', 'Folder in which it reads and writes, and nowhere else; relative to where the node '
        # Who may ask for a refinement must not widen it.
        'was started.', read_only_in=STARTED,
    )  # fmt: skip
    weights: str = param(
        '', "Checkpoint of AFLink, .pth or .safetensors, or one of the project's own: motion, the "
        'default, or published.',
        read_only_in=CONFIGURED,
    )  # fmt: skip
    frame_rate: float = param(
        0.0, 'Nominal rate of the tracks; 0: estimated from stamps.', 'Hz', high=1000.0
    )
    max_memory: int = param(
        4096, 'Most memory that the process of a request may take.', 'MiB',
        # The libraries alone take more than 200.
        low=512, high=1_000_000,
    )  # fmt: skip
    max_duration: float = param(
        3600.0, 'Longest time that a request may take; 0: no limit.', 's', high=1e6
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerNodeConfig(SettingsGroup):
    """Every setting of the refiner node."""

    node: RefinerSettings = param_table(RefinerSettings, 'The node')
    aflink: AflinkSettings = param_table(AflinkSettings, 'AFLink', 'aflink.')
    gsi: GsiSettings = param_table(GsiSettings, 'Gaussian-smoothed interpolation', 'gsi.')
