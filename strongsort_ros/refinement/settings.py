"""Settings of AFLink, GSI, the RTS smoother and the refiner node."""

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
"""Names of the AFLink checkpoints that come with the package, the default first."""
NO_SMOOTHER: Final = 'none'
SMOOTHERS: Final = (NO_SMOOTHER, 'rts')
"""Smoothers that can take the place of GSI."""


@dataclass(frozen=True, slots=True)
class LinkWindow:
    """Limits of the pairs of tracklets that AFLink considers, and of the pairs that it links.

    Attributes
    ----------
    min_gap, max_gap
        Frames from the end of the earlier tracklet to the start of the later, `max_gap` excluded.
    max_distance
        Largest distance between their top-left corners there, pixels.
    max_cost
        Pairs are linked below this cost, 1 - P(same object).

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
    """Settings of AFLink; auto takes the values that the checkpoint was trained for.

    For the published checkpoint these are the values of the published program for StrongSORT; for
    other trackers that program uses a `min_gap` of -10 and a `max_cost` of 0.10. `min_gap` must be
    below `max_gap`.
    """

    min_gap: int | Literal['auto'] = param(
        AUTO, 'Smallest gap between two tracks that may be linked, from the end of one to the '
        'start of the next. auto: 31; published checkpoint: 0.', 'frames', low=-1000,
    )  # fmt: skip
    max_gap: int | Literal['auto'] = param(
        AUTO, 'Gaps of linked tracks are shorter than this. auto: 101; published checkpoint: 30.',
        'frames', low=-1000, high=100_000,
    )  # fmt: skip
    max_distance: float | Literal['auto'] = param(
        AUTO, 'Largest distance between the top-left corners of the boxes on both sides of the '
        'gap. auto: 300; published checkpoint: 75.', 'px',
    )  # fmt: skip
    max_cost: float | Literal['auto'] = param(
        AUTO, 'Tracks are linked if their cost, 1 - P(same object), is below this. auto: 0.7; '
        'published checkpoint: 0.05.', high=1.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.min_gap != AUTO and self.max_gap != AUTO:
            _check_gap(self.min_gap, self.max_gap)

    def window(self, made_for: LinkWindow) -> LinkWindow:
        """Return the limits, with every auto replaced by the value of the checkpoint.

        Raises
        ------
        InputError
            The range of gaps is empty.

        """
        return LinkWindow(
            made_for.min_gap if self.min_gap == AUTO else self.min_gap,
            made_for.max_gap if self.max_gap == AUTO else self.max_gap,
            made_for.max_distance if self.max_distance == AUTO else self.max_distance,
            made_for.max_cost if self.max_cost == AUTO else self.max_cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GsiSettings(Settings):
    """Settings of Gaussian-smoothed interpolation; the defaults are the published values."""

    interval: int = param(
        20, 'Gaps are filled where the frames of the boxes on both sides differ by less.',
        'frames', low=1, high=10_000,
    )  # fmt: skip
    # A larger tau would make the covariances of a track singular in double precision.
    tau: float = param(
        10.0, 'Strength of the smoothing. Tracks of tau**3 or more boxes are not smoothed unless '
        'long_rows is set.', 'frames', low=1.0, high=20.0,
    )  # fmt: skip
    long_rows: int = param(
        0, 'Tracks of more boxes than this are smoothed as strongly as tracks of this many. '
        '0: as published, longer tracks are smoothed less.', 'boxes', high=8_000,
    )  # fmt: skip
    noise: float = param(
        0.0, 'Standard deviation of left, top, width and height of a box with score 1; it grows '
        'inversely with the score. 0: as published, 1e-10 of the variance for every box.',
        'px', high=1_000.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RtsSettings(Settings):
    """Settings of the Rauch-Tung-Striebel smoother."""

    max_gap: int = param(
        20, 'Gaps are filled where the frames of the boxes on both sides differ by at most this.',
        'frames', low=1, high=10_000,
    )  # fmt: skip
    acceleration: float | Literal['auto'] = param(
        AUTO, 'Standard deviation of the change of velocity in a frame; smaller is smoother. auto: '
        'the smallest of 0.005, 0.01, 0.02 and 0.04 that follows the track: the deviations of its '
        'boxes are not alike from frame to frame.', 'box heights', low=1e-4, high=1.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerSettings(Settings):
    """Settings of the refiner node."""

    allowed_root: str = param(
        '.', 'The node reads and writes only inside this folder; relative paths start at its '
        # A client that may call the service must not be able to widen it.
        'working directory.', read_only_in=STARTED,
    )  # fmt: skip
    weights: str = param(
        '', 'AFLink checkpoint: a .pth or .safetensors file, or motion (the default) or published, '
        'which come with the package.', read_only_in=CONFIGURED,
    )  # fmt: skip
    frame_rate: float = param(
        0.0, 'Nominal frame rate of the tracks; 0: estimated from the stamps.', 'Hz', high=1000.0
    )
    max_memory: int = param(
        4096, 'Largest amount of memory for the process that serves a request.', 'MiB',
        # The libraries alone need more than 200.
        low=512, high=1_000_000,
    )  # fmt: skip
    max_duration: float = param(
        3600.0, 'Longest duration of a request; 0: no limit.', 's', high=1e6
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerNodeConfig(SettingsGroup):
    """Every setting of the refiner node."""

    node: RefinerSettings = param_table(RefinerSettings, 'Node')
    aflink: AflinkSettings = param_table(AflinkSettings, 'AFLink', 'aflink.')
    gsi: GsiSettings = param_table(GsiSettings, 'Gaussian-smoothed interpolation', 'gsi.')
    rts: RtsSettings = param_table(RtsSettings, 'Rauch-Tung-Striebel smoother', 'rts.')
